"""What was earned this week, month and year, beside what had been expected of the same sales."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum

from listings import outreach
from listings.figures import exact, periods
from listings.models import OutreachSettings, ProductListing
from listings.profit import ZERO, to_pennies
from listings.states import State

# What has a net estimate.
ESTIMATED = Q(asking_price__isnull=False, estimated_profit__isnull=False)
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
    """Return this week, this month and this year, each in a query: the year's rows are not asked about the week."""
    today, corrected = periods.today(), outreach.corrections()
    return [_earned(name, periods.named(name, today), limits, corrected) for name in WORDS]


def _earned(
    name: str, period: periods.Period, limits: OutreachSettings, corrected: Mapping[int, Decimal]
) -> Earned:
    told = ProductListing.objects.filter(period.within("sold_at"), state=State.SOLD).aggregate(
        sales=Count("pk"),
        realised=exact.total("final_profit"),
        provisional=Count("pk", filter=Q(profit_is_provisional=True)),
        estimated=Count("pk", filter=ESTIMATED),
        gross=exact.total("estimated_profit", ESTIMATED),
        asked=exact.total("asking_price", ESTIMATED),
        learned=Sum(
            exact.cases("product_id", ((key, int(amount * 100)) for key, amount in corrected.items())),
            filter=ESTIMATED,
        ),
    )
    return Earned(
        period,
        WORDS[name],
        told["sales"],
        exact.from_pennies(told["realised"]) or ZERO,
        _expected(told, limits),
        told["provisional"],
    )


def _expected(told: Mapping[str, Any], limits: OutreachSettings) -> Decimal:
    """Return what the net estimates (`outreach.with_net_estimate`) come to, without making each of them."""
    if not told["estimated"]:
        return ZERO
    fee = (told["asked"] + told["gross"]) * limits.ebay_fee_percent / 100
    pennies = told["gross"] - fee + told["learned"]
    return to_pennies(Decimal(pennies) / 100 - limits.postage * told["estimated"]) or ZERO
