"""What is told of a listing beside its state: prices, costs, numbers. Amounts go through the ledger."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from listings import ledger
from listings.models import LedgerLine, Note, ProductListing
from listings.profit import to_pennies

# What of the facts is booked, and as what; `ledger.restate` puts the sums into the listing's columns.
BOOKED = {
    "purchase_price": LedgerLine.Kind.PURCHASE,
    "postage_in": LedgerLine.Kind.POSTAGE_IN,
    "postage_out": LedgerLine.Kind.POSTAGE_OUT,
    "ebay_fees": LedgerLine.Kind.EBAY_FEES,
    "ebay_sold_price": LedgerLine.Kind.SALE,
}


def take(
    listing: ProductListing, told: Mapping[str, Any], *, by: str, note: str = "", on: date | None = None
) -> set[str]:
    """Set what was told on a locked listing; return the columns to save. Null is "not told".

    Args:
        told: columns of the listing, and the names in `BOOKED`, each with what it comes to in all.
        on: the day that amounts count for; today, where none is given.
    """
    known = {name: value for name, value in told.items() if value is not None}
    booked = {name: known.pop(name) for name in BOOKED if name in known}
    for name, value in known.items():
        setattr(listing, name, to_pennies(value) if isinstance(value, Decimal) else value)
    for name, amount in booked.items():
        ledger.tell(listing, BOOKED[name], amount, by=by, note=note[:500], on=on)
    return set(known) | (ledger.restate(listing) if booked else set())


def learn(listing: ProductListing, *, by: str, text: str, on: date | None = None, **told: Any) -> None:
    """Keep facts about a locked listing that came without an arrow; a profit that stands on them is restated."""
    changed = take(listing, told, by=by, note=text, on=on)
    listing.updated_at = listing.db_now
    listing.save(update_fields=sorted(changed | {"updated_at"}))
    Note.objects.create(listing=listing, by=by, text=text)
