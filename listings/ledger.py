"""The ledger of a listing: lines are appended, and the listing's amounts are their sums.

Every function takes a listing whose row is locked (`lifecycle.locked`), and
the caller saves the columns that they name. Amounts are in `settings.CURRENCY`.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Max

from listings.models import LedgerLine, ProductListing
from listings.profit import ZERO, final_profit, to_pennies
from listings.states import State

Kind = LedgerLine.Kind

# Which kinds make up a column of the listing.
COLUMNS: dict[str, tuple[Kind, ...]] = {
    "ebay_sold_price": (Kind.SALE,),
    "purchase_price": (Kind.PURCHASE,),
    "shipping_cost": (Kind.POSTAGE_IN, Kind.POSTAGE_OUT),
    "ebay_fees": (Kind.EBAY_FEES,),
}


def sums(listing: ProductListing) -> dict[str, Decimal]:
    """Return the sum of each kind that has a line; a kind without one is not known."""
    return sums_of(LedgerLine.objects.filter(listing=listing))


def sums_of(lines: Iterable[LedgerLine]) -> dict[str, Decimal]:
    """Return the sum of each kind among these lines. Not the database's sum: SQLite would add floats."""
    known: dict[str, Decimal] = {}
    for line in lines:
        known[line.kind] = known.get(line.kind, ZERO) + line.amount
    return known


def effect(kind: str, amount: Decimal) -> Decimal:
    """Return what an amount of a kind does to the profit: only a sale adds to it."""
    return amount if kind == Kind.SALE else -amount


def newest(listing: ProductListing) -> int:
    """Return the id of the newest line; 0 where there is none."""
    return LedgerLine.objects.filter(listing=listing).aggregate(newest=Max("id"))["newest"] or 0


def comes_to(first: LedgerLine) -> Decimal:
    """Return what a line comes to with its corrections."""
    return sum(first.corrections.values_list("amount", flat=True), first.amount)


def today(listing: ProductListing) -> date:
    """Return the day that it is for staff, by the database's clock."""
    return listing.db_now.astimezone(ZoneInfo(settings.STAFF_TIME_ZONE)).date()


def add(
    listing: ProductListing, kind: str, amount: Decimal, *, by: str, on: date | None = None, note: str = ""
) -> LedgerLine:
    """Append a further amount of a kind."""
    return LedgerLine.objects.create(
        listing=listing,
        kind=kind,
        amount=to_pennies(amount) or ZERO,
        date=on or today(listing),
        by=by,
        note=note,
    )


def correct(line: LedgerLine, listing: ProductListing, amount: Decimal, *, by: str, note: str) -> LedgerLine:
    """Append the difference that makes `line`, with its earlier corrections, come to `amount`."""
    first = line.corrects or line
    difference = (to_pennies(amount) or ZERO) - comes_to(first)
    return LedgerLine.objects.create(
        listing=listing,
        kind=first.kind,
        amount=difference,
        date=today(listing),
        by=by,
        note=note,
        corrects=first,
    )


def tell(
    listing: ProductListing, kind: str, amount: Decimal, *, by: str, on: date | None = None, note: str = ""
) -> LedgerLine | None:
    """Book that a kind comes to `amount` in all: the first time as it is, later the difference, if there is one."""
    first = LedgerLine.objects.filter(listing=listing, kind=kind).order_by("id").first()
    if first is None:
        return add(listing, kind, amount, by=by, on=on, note=note)
    difference = (to_pennies(amount) or ZERO) - sums(listing)[kind]
    if not difference:
        return None
    return LedgerLine.objects.create(
        listing=listing,
        kind=kind,
        amount=difference,
        date=on or today(listing),
        by=by,
        note=note,
        corrects=first,
    )


def restate(listing: ProductListing, known: dict[str, Decimal] | None = None) -> set[str]:
    """Set the listing's amounts, and once it is sold its profit, to what the ledger says; return their columns.

    Args:
        known: the sums of its lines, where the caller has read them already.
    """
    known = sums(listing) if known is None else known
    for column, kinds in COLUMNS.items():
        told = [known[kind] for kind in kinds if kind in known]
        setattr(listing, column, sum(told, ZERO) if told else None)
    changed = set(COLUMNS)
    if listing.state == State.SOLD:
        profit = final_profit(
            sold_price=listing.ebay_sold_price,
            purchase_price=listing.purchase_price,
            ebay_fees=listing.ebay_fees,
            shipping_cost=listing.shipping_cost,
            other_costs=known.get(Kind.REPAIRS, ZERO) + known.get(Kind.OTHER, ZERO),
            refunded=known.get(Kind.REFUND, ZERO),
        )
        listing.final_profit, listing.profit_is_provisional = profit.amount, profit.is_provisional
        changed |= {"final_profit", "profit_is_provisional"}
    return changed
