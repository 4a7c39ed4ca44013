"""What was earned this week, month and year, beside what had been expected of the same sales."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, Sum

from listings import outreach
from listings.figures import exact, periods
from listings.models import OutreachSettings, ProductListing
from listings.profit import ZERO, to_pennies
from listings.states import State

WORDS = {"week": "This week", "month": "This month", "year": "This year"}


@dataclass(frozen=True)
class Earned:
    """One period up to now. `expected` adds up the net estimates, as far as there were any."""

    period: periods.Period
    words: str
    sales: int
    realised: Decimal
    expected: Decimal
    provisional: int


def up_to_now(limits: OutreachSettings) -> list[Earned]:
    """Return this week, this month and this year, in one query over the longest of them."""
    today = periods.today()
    asked = {name: periods.named(name, today) for name in WORDS}
    longest = min(asked.values(), key=lambda period: period.first or today)
    sold = ProductListing.objects.filter(longest.within("sold_at"), state=State.SOLD).order_by()
    sums: dict[str, Count | Sum] = {}
    for name, period in asked.items():
        inside = period.within("sold_at")
        sums |= {
            f"{name}_sales": Count("pk", filter=inside),
            f"{name}_realised": exact.total("final_profit", inside),
            f"{name}_expected": Sum("net_estimate", filter=inside),
            f"{name}_provisional": Count("pk", filter=inside & Q(profit_is_provisional=True)),
        }
    told = outreach.with_net_estimate(sold, limits).aggregate(**sums)
    return [
        Earned(
            period,
            WORDS[name],
            told[f"{name}_sales"],
            exact.from_pennies(told[f"{name}_realised"]) or ZERO,
            to_pennies(told[f"{name}_expected"]) or ZERO,
            told[f"{name}_provisional"],
        )
        for name, period in asked.items()
    ]
