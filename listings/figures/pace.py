"""How long a camera takes: days from found to sold, and in each state on the way."""

from itertools import pairwise
from typing import Any

from django.db.models import Count, F, Value
from django.db.models.functions import Upper

from listings.figures.earned import sold
from listings.figures.exact import Seconds, Spread, spreads
from listings.figures.periods import Period
from listings.states import ENTERED_AT, FORWARD, State

DAY = 86_400


def between(start: State, end: State) -> Any:
    """Return the whole seconds between entering two states, as an expression."""
    return Seconds(F(ENTERED_AT[end])) - Seconds(F(ENTERED_AT[start]))


def whole_way(period: Period) -> Spread | None:
    """Return how the seconds from found to sold spread; null where nothing was sold."""
    return spreads(sold(period), between(State.FOUND, State.SOLD)).get(())


def by_brand(period: Period) -> dict[str, Spread]:
    """Return the same for each brand, in capitals."""
    rows = sold(period).annotate(_brand=Upper("brand"))
    return {
        key[0]: spread for key, spread in spreads(rows, between(State.FOUND, State.SOLD), "_brand").items()
    }


def in_each_state(period: Period) -> dict[State, Spread]:
    """Return how long the sold ones were in each state; their `*_at` columns tell, since no state is entered twice."""
    found = {}
    for start, end in pairwise(FORWARD):
        if spread := spreads(sold(period), between(start, end)).get(()):
            found[start] = spread
    return found


def days(period: Period) -> dict[int, int]:
    """Count the sold by whole days from found to sold."""
    rows = sold(period).annotate(_days=between(State.FOUND, State.SOLD) / Value(DAY)).values("_days")
    return dict(rows.annotate(count=Count("pk")).values_list("_days", "count"))


def bins(counted: dict[int, int], *, most: int = 12) -> list[tuple[int, int, int]]:
    """Gather days into at most about `most` bins of equal width; return (first day, day after the last, count)."""
    if not counted:
        return []
    width = next(each for each in WIDTHS if (max(counted) // each) < most)
    last = max(counted) // width
    found = [0] * (last + 1)
    for day, count in counted.items():
        found[max(day, 0) // width] += count
    return [(place * width, (place + 1) * width, count) for place, count in enumerate(found)]


WIDTHS = [1, 2, 3, 4, 5, 7, 10, 14, 21, 30, 60, 90, 180, 365, 10**3, 10**4, 10**6]
