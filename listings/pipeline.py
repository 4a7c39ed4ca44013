"""How many listings are in each state, with how much money, since when; and how many went through."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Min, QuerySet, Sum
from django.db.models.functions import Coalesce, Now

from listings.models import ProductListing, TransitionLog
from listings.profit import ZERO, to_pennies
from listings.states import State

PASSED_IN = timedelta(days=30)


@dataclass(frozen=True)
class Stage:
    """One state now: `money` is what is asked in FOUND, bound or paid on the way, and earned in SOLD."""

    state: State
    count: int
    money: Decimal
    oldest_at: datetime | None
    passed: int


@dataclass(frozen=True)
class Figure:
    """What the listings of one state come to."""

    count: int
    money: Decimal
    oldest_at: datetime | None


NOTHING = Figure(0, ZERO, None)


def figures(rows: QuerySet[ProductListing]) -> dict[str, Figure]:
    """Count each state and sum its money: what it earned in SOLD, else what is paid, agreed or asked."""
    bound = Coalesce("purchase_price", "negotiated_price", "asking_price")
    sums = (
        rows.order_by()
        .values_list("state")
        .annotate(
            count=Count("pk"), bound=Sum(bound), earned=Sum("final_profit"), oldest=Min("state_changed_at")
        )
    )
    return {
        state: Figure(count, to_pennies(earned if state == State.SOLD else money) or ZERO, oldest_at)
        for state, count, money, earned, oldest_at in sums
    }


def stages() -> list[Stage]:
    """Return every state, in lifecycle order: one grouped scan of an index, and one of the log's last 30 days."""
    known = figures(ProductListing.objects.all())
    recent = TransitionLog.objects.filter(transitioned_at__gt=Now() - PASSED_IN).order_by()
    passed = dict(recent.values_list("to_state").annotate(count=Count("pk")))
    found = [(state, known.get(state.value, NOTHING)) for state in State]
    return [
        Stage(state, each.count, each.money, each.oldest_at, passed.get(state.value, 0))
        for state, each in found
    ]
