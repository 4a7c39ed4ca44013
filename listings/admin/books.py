"""The money of one listing: what is booked, what is expected, and the forms that book more."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from integrations.callers import staff_name
from integrations.show import SIGNS, amount, money, text
from listings import bookkeeping, expected, ledger
from listings.admin.show import who
from listings.models import LedgerLine, OutreachSettings, ProductListing
from listings.profit import ZERO
from listings.states import State

ADD, CORRECT = "listings.add_ledgerline", "listings.correct_ledgerline"
# A refund takes back money that was booked as earned.
NEEDS = {"book": ADD, "complete": ADD, "correct": CORRECT, "refund": CORRECT}
SILENT = "Nobody outside is told. A line is never changed or deleted: what is wrong is corrected by another."
# What a sale may lack, as staff are asked for it, and on the button.
ASKED = {
    "ebay_sold_price": "Sold for",
    "purchase_price": "Price paid",
    "ebay_fees": "eBay's fee",
    "postage_out": "Postage",
}
GIVE = {
    "ebay_sold_price": "what it sold for",
    "purchase_price": "what was paid",
    "ebay_fees": "eBay's fee",
    "postage_out": "the postage",
}


class AmountField(forms.DecimalField):
    """An amount in the product's currency; a third decimal is rounded when it is booked."""

    def __init__(self, label: str, **options: Any) -> None:
        widget = forms.TextInput(attrs={"class": "ae-input", "inputmode": "decimal", "autocomplete": "off"})
        super().__init__(label=label, min_value=0, max_value=bookkeeping.MOST, widget=widget, **options)
        sign = SIGNS.get(settings.CURRENCY, settings.CURRENCY)
        self.error_messages["invalid"] = f"A number like 12.50, in {sign}."


def _text(label: str, *, required: bool) -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "ae-input", "autocomplete": "off"})
    return forms.CharField(label=label, required=required, max_length=500, widget=widget)


def _day() -> forms.DateField:
    widget = forms.DateInput(attrs={"class": "ae-input", "type": "date"})
    return forms.DateField(label="Date", required=False, help_text="Empty: today.", widget=widget)


class MoneyForm(forms.Form):
    """A form that knows the newest line that its page showed: sent twice, it books once."""

    seen = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, name: str, seen: int = 0) -> None:
        super().__init__(data, initial={"seen": seen}, auto_id=f"id_{name}_%s")


class BookForm(MoneyForm):
    """Asks for a further cost."""

    kind = forms.ChoiceField(
        label="What for",
        choices=[(kind.value, kind.label) for kind in bookkeeping.COSTS],
        initial=LedgerLine.Kind.REPAIRS,
        widget=forms.Select(attrs={"class": "ae-input"}),
    )
    amount = AmountField("Amount")
    date = _day()
    note = _text("Note", required=False)


class CorrectForm(MoneyForm):
    """Asks what a line should come to."""

    amount = AmountField("It should be")
    note = _text("Why", required=True)


class RefundForm(MoneyForm):
    """Asks what the buyer got back."""

    amount = AmountField("Given back")
    date = _day()
    note = _text("Why", required=True)
    returned = forms.BooleanField(
        label="The camera came back", required=False, widget=forms.CheckboxInput(attrs={"class": "ae-input"})
    )


class CompleteForm(forms.Form):
    """Asks for what a sale still lacks; what is left empty stays unknown."""

    def __init__(self, listing: ProductListing, data: Any = None) -> None:
        super().__init__(data, auto_id="id_complete_%s")
        for name in bookkeeping.lacking(listing):
            self.fields[name] = AmountField(ASKED[name], required=False)


@dataclass(frozen=True)
class Failed:
    """A form that was not accepted, and where it stands on the page."""

    act: str
    form: forms.Form
    line: int | None = None


@dataclass(frozen=True)
class Row:
    """A line as staff see it: with the sign that it has in the profit. One without an id is an estimate."""

    label: str
    effect: SafeString
    words: Any
    pk: int | None = None
    form: forms.Form | None = None
    url: str = ""
    open: bool = False


# ---- what the page shows ------------------------------------------------------------------------


def context(request: HttpRequest, listing: ProductListing, failed: Failed | None = None) -> dict[str, Any]:
    """Return the money card; without forms for those who may not book."""
    lines = list(LedgerLine.objects.filter(listing=listing))
    known, seen = ledger.sums_of(lines), max((line.pk for line in lines), default=0)
    is_settled = listing.state in (State.SOLD, State.CANCELLED)
    coming = [] if is_settled else expected.estimates(listing, known, OutreachSettings.load())
    spent = [value for kind, value in known.items() if kind in bookkeeping.COSTS]
    rows = [_row(request, line, failed, seen) for line in lines]
    return {
        "money": {
            "figures": (
                ("Asking", money(listing.asking_price)),
                ("Agreed", money(listing.negotiated_price)),
                ("Spent so far", money(sum(spent, ZERO) if spent else None)),
            ),
            "profit": _profit(listing, expected.profit(known, coming), known),
            "rows": rows,
            "coming": [Row(each.label, money(each.effect, signed=True), each.words) for each in coming],
            "forms": _forms(request, listing, failed, seen),
            "may_book": request.user.has_perm(ADD) or request.user.has_perm(CORRECT),
            "told": SILENT,
        }
    }


def _profit(listing: ProductListing, hoped: Decimal | None, known: dict[str, Decimal]) -> dict[str, Any]:
    """Say what it earned, or what is expected: an estimate must look like one."""
    stages = [("expected", "Expected", ""), ("provisional", "Provisional", "sold, a cost is missing")]
    stages.append(("final", "Final", ""))
    if listing.state == State.CANCELLED:
        lost = sum((ledger.effect(kind, value) for kind, value in known.items()), ZERO) if known else None
        return {"words": "Cancelled, spent in vain", "amount": lost, "stage": "final", "stages": []}
    if listing.state != State.SOLD:
        return {"words": "Expected profit", "amount": hoped, "stage": "expected", "stages": stages}
    stage = "provisional" if listing.profit_is_provisional or listing.final_profit is None else "final"
    words = "Provisional profit" if stage == "provisional" else "Final profit"
    return {"words": words, "amount": listing.final_profit, "stage": stage, "stages": stages}


def _row(request: HttpRequest, line: LedgerLine, failed: Failed | None, seen: int) -> Row:
    label = LedgerLine.Kind(line.kind).label
    day = f"{line.date.day} {line.date:%b %Y}, {who(line.by)}"
    form, is_failed = None, failed is not None and failed.line == line.pk
    # A correction is corrected by its line, so it has no form of its own.
    if line.corrects_id is None and request.user.has_perm(CORRECT):
        form = failed.form if failed and is_failed else CorrectForm(name=f"correct_{line.pk}", seen=seen)
    return Row(
        label if line.corrects_id is None else f"Correction: {label.lower()}",
        money(ledger.effect(line.kind, line.amount), signed=True),
        (day, text(line.note) if line.note else ""),
        line.pk,
        form,
        _url(line.listing_id, "correct", line.pk),
        is_failed,
    )


def _forms(
    request: HttpRequest, listing: ProductListing, failed: Failed | None, seen: int
) -> list[dict[str, Any]]:
    """Return what can be booked, the one that completes a sale first."""
    acts: list[tuple[str, str, str]] = []
    if missing := bookkeeping.lacking(listing):
        words = " and ".join(GIVE[name] for name in missing)
        acts.append(("complete", f"Give {words}", "With all of it the profit is final."))
    if listing.purchased_at is not None or listing.purchase_price is not None:
        acts.append(("book", "Ledger line…", SILENT))
    if listing.state == State.SOLD:
        acts.append(("refund", "Refund…", f"The listing stays Sold, and its profit falls. {SILENT}"))
    shown = []
    for act, words, told in acts:
        if not request.user.has_perm(NEEDS[act]):
            continue
        is_failed = failed is not None and failed.act == act
        form = failed.form if failed and is_failed else _form(act, listing, seen=seen)
        # What a sale lacks is asked at once; the rest unfolds.
        is_open = is_failed or act == "complete"
        url = _url(listing.pk, act)
        shown.append({"act": act, "words": words, "told": told, "form": form, "open": is_open, "url": url})
    return shown


def _form(act: str, listing: ProductListing, data: Any = None, *, seen: int = 0) -> forms.Form:
    if act == "complete":
        return CompleteForm(listing, data)
    return (BookForm if act == "book" else RefundForm)(data, name=act, seen=seen)


def _url(listing_id: UUID, act: str, line: int = 0) -> str:
    return reverse("admin:listings_productlisting_money", args=[listing_id, act, line])


# ---- what the forms do --------------------------------------------------------------------------


def take(request: HttpRequest, listing: ProductListing, act: str, line: int) -> Failed | None:
    """Book what a form asks for, and say so; return the form where it must be shown again.

    Raises:
        PermissionDenied: the member of staff may not.
        Http404: there is no such act, or no such line.
    """
    if act not in NEEDS:
        raise Http404
    if not request.user.has_perm(NEEDS[act]):
        raise PermissionDenied
    if act == "correct":
        form: forms.Form = CorrectForm(request.POST, name=f"correct_{line}")
    else:
        form = _form(act, listing, request.POST)
    if form.is_valid():
        try:
            messages.success(request, _book(act, listing, line, form.cleaned_data, by=staff_name(request)))
        except LedgerLine.DoesNotExist as error:
            raise Http404 from error
        except bookkeeping.NotBooked as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
    if not form.errors:
        return None
    # What is shown again stands beside the ledger as it is now.
    form.data = {**request.POST.dict(), "seen": str(ledger.newest(listing))}
    return Failed(act, form, line if act == "correct" else None)


def _book(act: str, listing: ProductListing, line: int, told: dict[str, Any], *, by: str) -> str:
    if act == "complete":
        given = {name: value for name, value in told.items() if value is not None}
        done = bookkeeping.complete(listing.pk, given, by=by)
        state = "provisional" if done.profit_is_provisional else "final"
        return f"Booked. The profit is {amount(done.final_profit)}, {state}."
    seen, note = told["seen"], told["note"]
    if act == "correct":
        row = bookkeeping.correct(line, told["amount"], by=by, note=note, listing_id=listing.pk, seen=seen)
        return f"Corrected by a line of {amount(row.amount)}."
    if act == "refund":
        bookkeeping.refund(
            listing.pk,
            told["amount"],
            by=by,
            note=note,
            returned=told["returned"],
            on=told["date"],
            seen=seen,
        )
        return "The refund is booked."
    row = bookkeeping.book(
        listing.pk, told["kind"], told["amount"], by=by, on=told["date"], note=note, seen=seen
    )
    return f"Booked: {LedgerLine.Kind(row.kind).label}, {amount(row.amount)}."
