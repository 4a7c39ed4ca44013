"""The eBay panel of a listing: its draft and what it lacks, what eBayLister was asked, what is there now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest
from django.urls import reverse

from integrations.callers import staff_name
from integrations.show import amount, money, text, when
from listings import deliveries, lifecycle, offers
from listings.admin.arrows import why_not
from listings.admin.books import AmountField
from listings.admin.show import outward, who
from listings.models import EbayOffer, ProductListing
from listings.states import State

EDIT, LIST = "listings.change_ebayoffer", "listings.transition_productlisting"
ASKED = "Asked eBayLister to list it. It is Listed when that is confirmed."
WAITS = {
    offers.CREATE: "eBayLister is asked to list it",
    offers.UPDATE: "A change is on its way to eBay",
    offers.END: "It is being taken off eBay",
}


class EbayForm(forms.Form):
    """A form of the panel."""

    def __init__(self, data: Any = None, *, initial: Any = None) -> None:
        super().__init__(data, initial=initial, auto_id="id_ebay_%s")

    def told(self) -> dict[str, Any]:
        """Return what was posted; what the form did not hold is not told."""
        return {name: value for name, value in self.cleaned_data.items() if name in self.data}


class DraftForm(EbayForm):
    """Asks what eBay is to show. It may be kept unfinished, so nothing is required."""

    title = forms.CharField(
        label="Title",
        required=False,
        max_length=512,
        widget=forms.TextInput(
            attrs={"class": "ae-input", "autocomplete": "off", "aria-describedby": "ebay-count"}
        ),
    )
    condition = forms.ChoiceField(
        label="Condition",
        required=False,
        choices=[("", "Choose…"), *offers.Condition.choices],
        widget=forms.Select(attrs={"class": "ae-input"}),
    )
    price = AmountField("Price", required=False, help_text="Empty: what was asked plus the estimate.")
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"class": "ae-input", "rows": 7}),
    )

    def clean_description(self) -> str:
        """Write its lines as everybody but a browser's form does."""
        return "\n".join(self.cleaned_data["description"].splitlines())


class PriceForm(EbayForm):
    """Asks for another price of what is on eBay."""

    price = AmountField("New price")


class EndForm(EbayForm):
    """Asks why it is to be taken off eBay."""

    reason = forms.CharField(
        label="Why",
        max_length=500,
        widget=forms.TextInput(attrs={"class": "ae-input", "autocomplete": "off"}),
    )


FORMS: dict[str, type[EbayForm]] = {"save": DraftForm, "list": DraftForm, "price": PriceForm, "end": EndForm}


@dataclass(frozen=True)
class Failed:
    """A form that was not accepted, and what was to be done with it."""

    do: str
    form: EbayForm


# ---- what the page shows ------------------------------------------------------------------------


def context(request: HttpRequest, listing: ProductListing, failed: Failed | None = None) -> dict[str, Any]:
    """Return the panel of a listing that is ready for eBay, or there; for those who may not act, facts only."""
    if listing.state not in (State.RECEIVED, State.LISTED):
        return {"ebay": None}
    offer = getattr(listing, "ebay_offer", None) or EbayOffer(listing=listing)
    call = offers.pending([listing]).get(str(listing.pk))
    panel = {
        "url": reverse("admin:listings_productlisting_ebay", args=[listing.pk]),
        "waits": _waits(call) if call else None,
        "refused": _refused(listing),
        "may_edit": request.user.has_perm(EDIT),
        "may_list": request.user.has_perm(LIST),
    }
    shown = _drafted if listing.state == State.RECEIVED else _listed
    return {"ebay": panel | shown(listing, offer, panel, failed)}


def _refused(listing: ProductListing) -> str:
    """Return the words of a call to eBayLister that was given up; empty where none was."""
    words = listing.error_message or ""
    return words if words.startswith(tuple(deliveries.WORDS[topic] for topic in WAITS)) else ""


def _waits(call: dict[str, Any]) -> dict[str, Any]:
    """Say what was asked of eBayLister, since when, by whom, and how often it was tried."""
    return {
        "words": WAITS[call["operation"]],
        "operation": call["operation"],
        "since": datetime.fromisoformat(call["requested_at"]),
        "by": who(call["requested_by"]),
        "attempts": call["attempts"],
        "error": call["last_error"],
    }


def _drafted(
    listing: ProductListing, offer: EbayOffer, panel: dict[str, Any], failed: Failed | None
) -> dict[str, Any]:
    ready = offers.draft(listing)
    form = None
    if panel["may_edit"] and not panel["waits"]:
        values = {name: getattr(ready, name) for name in DraftForm.base_fields}
        form = failed.form if failed else DraftForm(initial=values)
    facts = [
        ("Title", text(ready.title)),
        ("Condition", text(ready.condition)),
        ("Price", money(ready.price)),
        ("Photos", str(len(ready.photos))),
        ("Description", text(ready.description)),
    ]
    return {
        "state": "received",
        "rows": _rows(form, offer.problems) if form else [],
        "facts": [] if form else facts,
        "errors": form.non_field_errors() if form else [],
        "most": offers.MAX_TITLE,
        "lacking": [
            (each.words, "#photos" if each.field == "photos" else f"#id_ebay_{each.field}")
            for each in offers.blockers(listing)
        ],
    }


def _rows(form: EbayForm, problems: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return each field with what eBayLister said of it."""
    return [{"field": field, "problems": problems.get(field.name, [])} for field in form.visible_fields()]


def _listed(
    listing: ProductListing, offer: EbayOffer, panel: dict[str, Any], failed: Failed | None
) -> dict[str, Any]:
    number = listing.ebay_listing_id
    leaves = panel["waits"] is not None and panel["waits"]["operation"] == offers.END
    facts = [
        ("On eBay", outward(offer.url, number) if offer.url and number else text(number or "")),
        ("Price", money(listing.ebay_asking_price)),
    ]
    if offer.ended_at:
        facts.append(("Ended, unsold", when(offer.ended_at)))
    acts = []
    if panel["may_edit"] and number and not offer.ended_at and not leaves:
        price = PriceForm(initial={"price": listing.ebay_asking_price})
        acts = [
            _act("price", "Change price…", "Ask for this price", _rows(price, offer.problems)),
            _act("end", "End on eBay…", "End it on eBay", _rows(EndForm(), {})),
        ]
    for act in acts:
        if failed is not None and failed.do == act["do"]:
            act |= {"rows": _rows(failed.form, {}), "open": True}
    return {
        "state": "listed",
        "facts": facts,
        "ended": offer.ended_at,
        "by_hand": not number,
        "acts": acts,
    }


def _act(do: str, words: str, button: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Describe what unfolds under a button: open where eBayLister refused it."""
    is_open = any(row["problems"] for row in rows)
    return {"do": do, "words": words, "button": button, "rows": rows, "open": is_open}


# ---- what the forms do --------------------------------------------------------------------------


def take(request: HttpRequest, listing: ProductListing) -> Failed | None:
    """Do what a form of the panel asks, and say so; return the form where it must be shown again.

    Raises:
        PermissionDenied: the member of staff may not.
        SuspiciousOperation: no act of ours.
    """
    do = request.POST.get("do", "")
    if do not in FORMS:
        raise SuspiciousOperation("There is no such act.")
    if not request.user.has_perm(LIST if do == "list" else EDIT):
        raise PermissionDenied
    # Who may list and not edit lists the draft as it is.
    form = FORMS[do](request.POST if request.user.has_perm(EDIT) else {})
    if not form.is_valid():
        return Failed(do, form)
    try:
        messages.success(request, _ask(do, listing, form.told(), by=staff_name(request)))
    except lifecycle.IllegalArrow:
        messages.error(request, why_not(listing.pk, State.LISTED, seen=State.RECEIVED))
    except offers.NotNow as error:
        messages.error(request, f"Not saved: {error}")
    except offers.NotReady as error:
        if do == "list":
            messages.warning(request, "Not listed yet. The draft is kept.")
        for each in error.blockers:
            form.add_error(each.field if each.field in form.fields else None, each.words)
        return Failed(do, form)
    return None


def _ask(do: str, listing: ProductListing, told: dict[str, Any], *, by: str) -> str:
    """Call what keeps the draft or asks eBayLister; return what to say of it."""
    if do == "price":
        offers.to_change(listing.pk, by=by, **told)
        return f"Asked eBayLister for {amount(told['price'])}. It is the price here when that is confirmed."
    if do == "end":
        offers.to_end(listing.pk, by=by, **told)
        return "Asked eBayLister to end it."
    if told:
        offers.edit(listing.pk, by=by, **told)
    if do == "save":
        return "The draft is saved. Nobody outside is told."
    offers.to_list(listing.pk, by=by)
    return ASKED
