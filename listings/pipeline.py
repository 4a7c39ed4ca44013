"""How many listings are in each state, with how much money, since when; and how many went through."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Min, Sum
from django.db.models.functions import Coalesce, Now

from listings.models import ProductListing, TransitionLog
from listings.profit import ZERO
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


def stages() -> list[Stage]:
    """Return every state, in lifecycle order: one grouped scan of an index, and one of the log's last 30 days."""
    bound = Coalesce("purchase_price", "negotiated_price", "asking_price")
    rows = ProductListing.objects.order_by().values_list("state")
    known = {
        state: (count, bound_, earned, oldest)
        for state, count, bound_, earned, oldest in rows.annotate(
            count=Count("pk"), bound=Sum(bound), earned=Sum("final_profit"), oldest=Min("state_changed_at")
        )
    }
    recent = TransitionLog.objects.filter(transitioned_at__gt=Now() - PASSED_IN).order_by()
    passed = dict(recent.values_list("to_state").annotate(count=Count("pk")))
    found = []
    for state in State:
        count, bound_, earned, oldest = known.get(state.value, (0, ZERO, ZERO, None))
        money = earned if state == State.SOLD else bound_
        found.append(Stage(state, count, money or ZERO, oldest, passed.get(state.value, 0)))
    return found
