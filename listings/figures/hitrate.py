"""Outreach: of the sellers messaged in a period, how many replied, and how many cameras were bought."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Max, Q
from django.db.models.functions import TruncMonth, Upper

from listings.figures.periods import Period, zone
from listings.models import TransitionLog
from listings.states import State


@dataclass(frozen=True)
class Hits:
    """Messages, and what came of them."""

    messaged: int = 0
    replied: int = 0
    bought: int = 0
    open: int = 0

    def __add__(self, other: "Hits") -> "Hits":
        return Hits(
            self.messaged + other.messaged,
            self.replied + other.replied,
            self.bought + other.bought,
            self.open + other.open,
        )


@dataclass(frozen=True)
class Group:
    """What one rule or person did for one brand in one month."""

    who: str
    brand: str
    brand_name: str
    month: date
    hits: Hits


def groups(period: Period) -> list[Group]:
    """Count by who had the seller messaged, brand, and month of the message."""
    log = TransitionLog.objects.filter(period.within("transitioned_at"), to_state=State.MESSAGING).order_by()
    rows = (
        log.annotate(_brand=Upper("listing__brand"), _month=TruncMonth("transitioned_at", tzinfo=zone()))
        .values("triggered_by", "_brand", "_month")
        .annotate(
            name=Max("listing__brand"),
            messaged=Count("pk"),
            replied=Count("pk", filter=Q(listing__negotiating_at__isnull=False)),
            bought=Count("pk", filter=Q(listing__purchased_at__isnull=False)),
            open=Count("pk", filter=Q(listing__state__in=(State.MESSAGING, State.NEGOTIATING))),
        )
    )
    return [
        Group(
            row["triggered_by"],
            row["_brand"],
            row["name"],
            row["_month"].astimezone(zone()).date(),
            Hits(row["messaged"], row["replied"], row["bought"], row["open"]),
        )
        for row in rows
    ]


def added_up(found: Iterable[Group], key: Callable[[Group], Any]) -> dict[Any, Hits]:
    """Add up by `key`."""
    sums: dict[Any, Hits] = {}
    for group in found:
        sums[key(group)] = sums.get(key(group), Hits()) + group.hits
    return sums
