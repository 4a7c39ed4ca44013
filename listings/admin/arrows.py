"""The buttons of the lifecycle: what each asks, what it says beforehand, and how it calls the door."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.db import transaction
from django.utils import timezone

from integrations import outbox
from integrations.models import OutboxMessage
from integrations.show import amount
from listings import lifecycle, offers
from listings.admin.show import who
from listings.models import ProductListing, TransitionLog
from listings.states import State, allowed_from

MAX_AMOUNT = 1_000_000
LEADS = ("chatterbot.send_lead", "Chatterbot gets the lead and writes to the seller.")
STOP = ("chatterbot.stop_lead", "Chatterbot is told to stop, if it has the lead.")
CREATE = ("ebay.create_listing", "eBayLister puts it on eBay; it is Listed when that is confirmed.")
BY_HAND = "Only if you listed it by hand: then nobody is asked."
# What a step raises that is told in its form; `tell` puts it there.
TOLD_IN_FORM = (lifecycle.AlreadyListed, offers.NotReady)


def _money(label: str, help_text: str = "", *, required: bool = False) -> forms.DecimalField:
    # Not DecimalField's number input: a comma or a currency sign deserves an answer, not an empty field.
    widget = forms.TextInput(attrs={"class": "ae-input", "inputmode": "decimal", "autocomplete": "off"})
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        required=required,
        min_value=0,
        max_value=MAX_AMOUNT,
        decimal_places=2,
        widget=widget,
    )


def _text(label: str, help_text: str = "", *, required: bool, limit: int) -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "ae-input", "autocomplete": "off"})
    return forms.CharField(
        label=label, help_text=help_text, required=required, max_length=limit, widget=widget
    )


class StepForm(forms.Form):
    """What an arrow asks: nothing but the state that the page showed, so that a stale page is found out."""

    seen = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)

    def __init__(self, listing: ProductListing, data: Any = None) -> None:
        # The fields' ids differ from form to form: a page holds several.
        super().__init__(data, initial=self.proposed(listing), auto_id=f"id_{type(self).__name__}_%s")
        self.listing = listing

    def proposed(self, listing: ProductListing) -> dict[str, Any]:
        """Return the values that the fields begin with."""
        return {"seen": listing.state}

    def facts(self) -> dict[str, Any]:
        """Return the facts that were told; what was left empty stays unknown."""
        told = {name: value for name, value in self.cleaned_data.items() if name not in ("seen", "reason")}
        return {name: value for name, value in told.items() if value not in (None, "")}


class CancelForm(StepForm):
    """Asks why."""

    reason = _text("Reason", required=True, limit=1000)


class PurchaseForm(StepForm):
    """Asks what the deal was."""

    purchase_price = _money("Price paid", "Empty: not known yet. Then no profit can be told.")
    shipping_cost = _money("Postage in", "Empty: not known yet.")
    reason = _text("Note", required=False, limit=1000)


class ListForm(StepForm):
    """Asks at what price eBay is to show it; or, where somebody listed it by hand, under which number it does."""

    ebay_asking_price = _money("Price on eBay", "Empty: the price of its draft.")
    ebay_listing_id = _text("eBay's listing number", BY_HAND, required=False, limit=64)
    by_hand = forms.BooleanField(required=False, widget=forms.HiddenInput)
    reason = _text("Note", required=False, limit=1000)

    def __init__(self, listing: ProductListing, data: Any = None, *, by_hand: bool = False) -> None:
        super().__init__(listing, data)
        if not by_hand and not (data is not None and data.get("by_hand")):
            return
        self.initial["by_hand"] = True
        self.order_fields(["ebay_listing_id"])
        for name in ("ebay_listing_id", "ebay_asking_price"):
            self.fields[name].required, self.fields[name].help_text = True, ""

    def proposed(self, listing: ProductListing) -> dict[str, Any]:
        """Propose the draft's price, which is what was asked plus what was to be earned until staff change it."""
        return {**super().proposed(listing), "ebay_asking_price": offers.draft(listing).price}

    def clean(self) -> dict[str, Any]:
        """Demand the price of what was listed by hand: nobody else will tell it."""
        told = super().clean() or {}
        told.pop("by_hand", None)
        if told.get("ebay_listing_id") and told.get("ebay_asking_price", "") is None:
            self.add_error("ebay_asking_price", "At what price did you list it?")
        return told


class SellForm(StepForm):
    """Asks what the sale brought and cost."""

    ebay_sold_price = _money("Sold for")
    ebay_fees = _money("eBay's fees", "Empty: not known yet. The profit is provisional until then.")
    shipping_cost = _money("Postage out")
    purchase_price = _money("Price paid", "It was not told when it was bought.")
    reason = _text("Note", required=False, limit=1000)

    def __init__(self, listing: ProductListing, data: Any = None) -> None:
        super().__init__(listing, data)
        if listing.purchase_price is not None:
            del self.fields["purchase_price"]
        known = amount(listing.shipping_cost)
        self.fields["shipping_cost"].help_text = f"Is added to what is known: {known}."


@dataclass(frozen=True)
class Step:
    """One arrow as staff see it."""

    to: State
    words: str
    form: type[StepForm] = StepForm
    calls: tuple[tuple[str, str], ...] = ()
    also: tuple[str, ...] = field(default=())

    @property
    def asks(self) -> bool:
        """Whether there is something to fill in."""
        return self.form is not StepForm

    def told(self) -> list[str]:
        """Say what the outside will be told: only what somebody is registered to deliver."""
        event = f"Consumers of our events are told listing.state.{self.to.lower()}."
        return [words for topic, words in self.calls if topic in outbox.ROUTES] + [event, *self.also]


STEPS: dict[State, Step] = {
    step.to: step
    for step in (
        Step(State.MESSAGING, "Message the seller", calls=(LEADS,)),
        Step(State.NEGOTIATING, "The seller has replied", also=("Nobody is written to.",)),
        Step(State.PURCHASED, "Bought…", PurchaseForm),
        Step(State.RECEIVED, "Received"),
        Step(State.LISTED, "List on eBay…", ListForm, calls=(CREATE,)),
        Step(State.SOLD, "Sold…", SellForm, also=("There is no way back from Sold.",)),
        Step(
            State.CANCELLED,
            "Cancel…",
            CancelForm,
            calls=(STOP,),
            also=("There is no way back from Cancelled.",),
        ),
    )
}


def steps_of(listing: ProductListing) -> list[Step]:
    """Return the legal steps, the primary one first."""
    return [STEPS[State(to)] for to in allowed_from(listing.state)]


@dataclass(frozen=True)
class Taken:
    """A step that was taken, and the topics that it put into the outbox.

    Where it is `pending`, the listing stays in its state until a partner has confirmed.
    """

    listing: ProductListing
    going_out: list[str]
    pending: bool = False


@transaction.atomic
def take(
    listing_id: UUID | str, to: State, *, by: str, seen: str = "", reason: str = "", facts: dict[str, Any]
) -> Taken:
    """Take an arrow through the door, unless the listing has left the state in which it was `seen`.

    To LISTED without eBay's number, eBayLister is asked, and the listing stays where it is.

    Raises:
        ProductListing.DoesNotExist, lifecycle.IllegalArrow, lifecycle.AlreadyListed, offers.NotReady: nothing
            was written.
    """
    listing = lifecycle.locked(listing_id)
    verb: Any = lifecycle.VERBS.get(to)
    if verb is None or (seen and listing.state != seen):
        raise lifecycle.IllegalArrow(listing.state, to)
    rows = OutboxMessage.objects.filter(key=str(listing.pk))
    newest = rows.order_by("-id").values_list("id", flat=True).first() or 0
    pending = to == State.LISTED and not facts.get("ebay_listing_id")
    if pending:
        moved = offers.to_list(listing_id, by=by, reason=reason, price=facts.get("ebay_asking_price"))
    else:
        moved = verb(listing_id, by=by, reason=reason, **facts)
    going_out = list(rows.filter(id__gt=newest).order_by("id").values_list("topic", flat=True))
    return Taken(moved, going_out, pending)


def tell(form: StepForm, error: Exception) -> None:
    """Put one of `TOLD_IN_FORM` into the form, beside the field that it is about where the form has one."""
    if not isinstance(error, offers.NotReady):
        form.add_error("ebay_listing_id", str(error))
        return
    for each in error.blockers:
        form.add_error("ebay_asking_price" if each.field == "price" else None, each.words)


def why_not(listing_id: UUID | str, to: State, *, seen: str = "") -> str:
    """Say why a step could not be taken: somebody was first, or there is no such step."""
    listing = ProductListing.objects.only("state").filter(pk=listing_id).first()
    if listing is None:
        return "Not saved: this listing is gone."
    state = State(listing.state)
    last = TransitionLog.objects.filter(listing_id=listing.pk).order_by("-sequence").first()
    if last is not None and seen and seen != state:
        at = timezone.localtime(last.transitioned_at)
        day = "" if at.date() == timezone.localdate() else f" on {at.day} {at:%b}"
        return f"Not saved: {who(last.triggered_by)} moved this to {state.label}{day} at {at:%H:%M}."
    return f"Not saved: no step leads from {state.label} to {to.label}."
