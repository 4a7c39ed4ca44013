"""How many listings are in each state, with how much money, since when; and how many went through."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce, Now

from listings import tally
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


NOTHING = Figure(0, ZERO)


def figures(rows: QuerySet[ProductListing]) -> dict[str, Figure]:
    """Count each state of some listings and sum its money: earned in SOLD, else what is paid, agreed or asked."""
    bound = Coalesce("purchase_price", "negotiated_price", "asking_price")
    sums = (
        rows.order_by()
        .values_list("state")
        .annotate(count=Count("pk"), bound=Sum(bound), earned=Sum("final_profit"))
    )
    return {
        state: Figure(count, to_pennies(earned if state == State.SOLD else money) or ZERO)
        for state, count, money, earned in sums
    }


def known_figures(brand: str = "") -> dict[str, Figure]:
    """Return the same of all listings, or of a brand regardless of case, without counting."""
    return {
        state: Figure(number.count, Decimal(number.pennies).scaleb(-2))
        for state, number in tally.numbers(brand).items()
    }


def stages() -> list[Stage]:
    """Return every state, in lifecycle order."""
    known = known_figures()
    # The states are named for the index, which begins with them; the rows counted as such, since it has no more.
    recent = TransitionLog.objects.filter(to_state__in=State.values, transitioned_at__gt=Now() - PASSED_IN)
    passed = dict(recent.order_by().values_list("to_state").annotate(count=Count("*")))
    found = [(state, known.get(state.value, NOTHING)) for state in State]
    return [
        Stage(
            state, each.count, each.money, _oldest(state) if each.count else None, passed.get(state.value, 0)
        )
        for state, each in found
    ]


def _oldest(state: State) -> datetime | None:
    rows = ProductListing.objects.filter(state=state).order_by("state_changed_at", "id")
    return rows.values_list("state_changed_at", flat=True).first()
