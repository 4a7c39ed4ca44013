"""How Messaging and Negotiating end: by the time-out, a decision, or by going on; and what is paid of what is asked."""

from dataclasses import dataclass

from django.db.models import Count, Max, Q
from django.db.models.functions import Upper

from listings.figures.asked import OUTCOMES
from listings.figures.exact import total
from listings.figures.periods import Period
from listings.models import ProductListing, TransitionLog
from listings.states import State

STAGES = (State.MESSAGING, State.NEGOTIATING)


@dataclass(frozen=True)
class Ended:
    """How many of a stage went on, were cancelled by the time-out, and otherwise."""

    went_on: int = 0
    timed_out: int = 0
    dropped: int = 0

    def __add__(self, other: "Ended") -> "Ended":
        return Ended(
            self.went_on + other.went_on, self.timed_out + other.timed_out, self.dropped + other.dropped
        )

    @property
    def cancelled(self) -> int:
        """How many were cancelled in all."""
        return self.timed_out + self.dropped

    @property
    def all(self) -> int:
        """How many left the stage."""
        return self.went_on + self.cancelled


@dataclass(frozen=True)
class Paid:
    """What a brand's cameras were asked and bought for, in pennies."""

    brand: str
    count: int
    asked: int
    paid: int


def by_stage_and_brand(period: Period) -> dict[tuple[State, str], Ended]:
    """Count what left a stage in a period, by the stage and the brand in capitals."""
    log = TransitionLog.objects.filter(
        period.within("transitioned_at"),
        from_state__in=STAGES,
        to_state__in=(State.NEGOTIATING, State.PURCHASED, State.CANCELLED),
    )
    rows = (
        log.order_by()
        .annotate(_brand=Upper("listing__brand"))
        .values_list("from_state", "to_state", "_brand")
        .annotate(count=Count("pk"), by_time=Count("pk", filter=Q(triggered_by="timeout")))
    )
    found: dict[tuple[State, str], Ended] = {}
    for stage, to, brand, count, by_time in rows:
        one = Ended(0, by_time, count - by_time) if to == State.CANCELLED else Ended(count)
        key = (State(stage), brand)
        found[key] = found.get(key, Ended()) + one
    return found


def paid_of_asked(period: Period) -> list[Paid]:
    """Return, for each brand, what was asked and paid for what was bought in a period and has both prices."""
    bought = ProductListing.objects.filter(period.within("purchased_at"), OUTCOMES["paid"][1]).order_by()
    rows = (
        bought.annotate(_brand=Upper("brand"))
        .values("_brand")
        .annotate(
            name=Max("brand"), count=Count("pk"), asked=total("asking_price"), paid=total("purchase_price")
        )
    )
    return sorted(
        (Paid(row["name"], row["count"], row["asked"] or 0, row["paid"] or 0) for row in rows),
        key=lambda each: (-each.paid, each.brand),
    )
