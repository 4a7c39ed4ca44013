"""What staff book by hand: a further cost, a correction, a refund, and what a sale still lacks.

Each locks the listing's row, appends to the ledger, and restates the listing's
amounts and, once it is sold, its profit. Nobody outside is told: a sale is
announced once, with what was known of it then.

Every function returns the line that it wrote, and raises
    ProductListing.DoesNotExist, LedgerLine.DoesNotExist: there is no such row;
    NotBooked: it cannot be; nothing was written.
"""

import uuid
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django.db import transaction

from integrations.show import amount as written
from listings import facts, ledger, lifecycle
from listings.models import LedgerLine, Note, ProductListing
from listings.profit import ZERO, to_pennies
from listings.states import State

Kind = LedgerLine.Kind
COSTS = (Kind.PURCHASE, Kind.POSTAGE_IN, Kind.POSTAGE_OUT, Kind.EBAY_FEES, Kind.REPAIRS, Kind.OTHER)
MOST = Decimal(1_000_000)
FIRST_DAY = date(2000, 1, 1)
# What makes a profit final, in the order in which staff are asked: the fact, and the column that lacks it.
LACKING = {
    "ebay_sold_price": "ebay_sold_price",
    "purchase_price": "purchase_price",
    "ebay_fees": "ebay_fees",
    "postage_out": "shipping_cost",
}


class NotBooked(Exception):
    """The text says why; `field` names what has to be told differently, or nothing."""

    def __init__(self, words: str, *, field: str = "") -> None:
        super().__init__(words)
        self.field = field


@transaction.atomic
def book(
    listing_id: uuid.UUID | str,
    kind: str,
    amount: Decimal,
    *,
    by: str,
    on: date | None = None,
    note: str = "",
    seen: int | None = None,
) -> LedgerLine:
    """Book a further cost, from the purchase on: after the sale as well, and of a purchase that was cancelled.

    Args:
        kind: one of `COSTS`.
        on: the day that it counts for; today, in the staff's time zone, where none is given.
        seen: the newest line that the page showed, 0 for none; a ledger that has gone on since is not written to.
    """
    if kind not in COSTS:
        raise NotBooked("A sale and a refund are not costs.", field="kind")
    pennies = _checked(amount)
    listing = _locked(listing_id, seen)
    if listing.purchased_at is None and listing.purchase_price is None:
        raise NotBooked("Nothing was bought, so nothing was spent.")
    _check_date(listing, on)
    _check_sum(listing, kind, pennies)
    line = ledger.add(listing, kind, pennies, by=by, on=on, note=note)
    _save(listing)
    return line


@transaction.atomic
def correct(
    line_id: int, amount: Decimal, *, by: str, note: str, listing_id: uuid.UUID | str, seen: int | None = None
) -> LedgerLine:
    """Book the difference that makes a line of the listing come to `amount`. A correction leads to what it corrects."""
    pennies = _checked(amount)
    _check_note(note)
    listing = _locked(listing_id, seen)
    line = LedgerLine.objects.select_related("corrects").get(pk=line_id, listing=listing)
    first = line.corrects or line
    difference = pennies - ledger.comes_to(first)
    if not difference:
        raise NotBooked(f"It comes to {written(pennies)} already.", field="amount")
    known = _check_sum(listing, first.kind, difference)
    if first.kind in (Kind.SALE, Kind.REFUND):
        _check_refund(known)
    correction = ledger.correct(first, listing, pennies, by=by, note=note)
    if first.kind == Kind.REFUND and not known[Kind.REFUND] and listing.returned_at is not None:
        listing.returned_at = None
        Note.objects.create(listing=listing, by=by, text=f"Not returned after all: {note}")
    _save(listing, "returned_at")
    return correction


@transaction.atomic
def refund(
    listing_id: uuid.UUID | str,
    amount: Decimal,
    *,
    by: str,
    note: str,
    returned: bool,
    on: date | None = None,
    seen: int | None = None,
) -> LedgerLine:
    """Book what the buyer of a sold listing got back; `returned` where the camera came back as well.

    The listing stays SOLD: no arrow leads from there. All refunds together
    come to no more than it was sold for.
    """
    pennies = _checked(amount)
    if not pennies:
        raise NotBooked("A refund is more than nothing.", field="amount")
    _check_note(note)
    listing = _locked(listing_id, seen)
    if listing.state != State.SOLD:
        raise NotBooked(f"Only a sale can be refunded; this listing is {State(listing.state).label}.")
    _check_date(listing, on)
    _check_refund(_check_sum(listing, Kind.REFUND, pennies))
    line = ledger.add(listing, Kind.REFUND, pennies, by=by, on=on, note=note)
    if returned and listing.returned_at is None:
        listing.returned_at = listing.db_now
        Note.objects.create(listing=listing, by=by, text=f"Returned: {note}")
    _save(listing, "returned_at")
    return line


@transaction.atomic
def complete(listing_id: uuid.UUID | str, told: Mapping[str, Decimal], *, by: str) -> ProductListing:
    """Give a sold listing the amounts that it lacks, under the names of `LACKING`; return the listing.

    What somebody else, or eBay, gave meanwhile is not written over: it is corrected by its line.
    """
    amounts = {name: _checked(value, field=name) for name, value in told.items()}
    if not amounts:
        raise NotBooked("Nothing was given.")
    listing = _locked(listing_id)
    if listing.state != State.SOLD:
        raise NotBooked(f"Only a sale is completed; this listing is {State(listing.state).label}.")
    for name in amounts:
        known = getattr(listing, LACKING[name])
        if known is not None:
            raise NotBooked(f"It is known already: {written(known)}. Correct its line.", field=name)
    facts.take(listing, amounts, by=by, note="Given after the sale.")
    _save(listing)
    return listing


def lacking(listing: ProductListing) -> list[str]:
    """Name what a sold listing's profit still waits for; nothing in any other state."""
    if listing.state != State.SOLD:
        return []
    return [name for name, column in LACKING.items() if getattr(listing, column) is None]


def _locked(listing_id: uuid.UUID | str, seen: int | None = None) -> ProductListing:
    listing = lifecycle.locked(listing_id)
    if seen is not None and seen != ledger.newest(listing):
        raise NotBooked("The ledger has gone on since this page was shown. Look at it, then save again.")
    return listing


def _save(listing: ProductListing, *columns: str) -> None:
    changed = ledger.restate(listing) | {"updated_at", *columns}
    listing.updated_at = listing.db_now
    listing.save(update_fields=sorted(changed))


def _checked(amount: Decimal, *, field: str = "amount") -> Decimal:
    # Before it is rounded: rounding fails on what is too large, and hides a sign.
    if not amount.is_finite():
        raise NotBooked("This is no amount.", field=field)
    if not ZERO <= amount <= MOST:
        raise NotBooked(f"An amount is from {written(ZERO)} to {written(MOST)}.", field=field)
    return to_pennies(amount) or ZERO


def _check_note(note: str) -> None:
    if not note.strip():
        raise NotBooked("Say why: it stays in the ledger.", field="note")


def _check_date(listing: ProductListing, on: date | None) -> None:
    if on is not None and not FIRST_DAY <= on <= ledger.today(listing):
        raise NotBooked("A day from the year 2000 to today.", field="date")


def _check_sum(listing: ProductListing, kind: str, further: Decimal) -> dict[str, Decimal]:
    """Return the sum of each kind with `further` booked."""
    known = ledger.sums(listing)
    known[kind] = known.get(kind, ZERO) + further
    if not ZERO <= known[kind] <= MOST:
        label = Kind(kind).label
        raise NotBooked(f"{label} would come to {written(known[kind])} in all.", field="amount")
    return known


def _check_refund(known: Mapping[str, Decimal]) -> None:
    sale, refunded = known.get(Kind.SALE), known.get(Kind.REFUND, ZERO)
    if sale is None:
        raise NotBooked("What it was sold for is not known: give that first.")
    if refunded > sale:
        raise NotBooked(
            f"{written(refunded)} refunded in all is more than it was sold for, {written(sale)}.",
            field="amount",
        )
