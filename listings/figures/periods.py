"""Stretches of days as staff count them: in their own time zone, both ends included."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from integrations import clock

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
DAY = timedelta(days=1)
NAMES = {"week": "This week", "month": "This month", "90": "90 days", "year": "This year", "all": "All"}
USUAL = "90"


@dataclass(frozen=True)
class Period:
    """From the first day to the last; null is open."""

    name: str
    first: date | None = None
    last: date | None = None

    def within(self, column: str) -> Q:
        """Return the condition that a moment lies in the period."""
        found = Q(**{f"{column}__isnull": False})
        if self.first is not None:
            found &= Q(**{f"{column}__gte": midnight(self.first)})
        if self.last is not None:
            found &= Q(**{f"{column}__lt": midnight(self.last + DAY)})
        return found

    @property
    def answers(self) -> dict[str, str]:
        """The period in the words of the listings' filter."""
        days = {"since": self.first, "until": self.last}
        return {name: day.isoformat() for name, day in days.items() if day is not None}


def zone() -> ZoneInfo:
    """Return the staff's time zone."""
    return ZoneInfo(settings.STAFF_TIME_ZONE)


def today() -> date:
    """Return the day that it is for staff, by the database's clock."""
    return clock.now().astimezone(zone()).date()


def midnight(day: date) -> datetime:
    """Return when a day begins for staff, in UTC."""
    return datetime.combine(day, time(), tzinfo=zone()).astimezone(UTC)


def named(name: str, day: date) -> Period:
    """Return the period of that name which `day` ends.

    Raises:
        KeyError: there is no such period.
    """
    first = {
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "90": day - timedelta(days=89),
        "year": day.replace(month=1, day=1),
        "all": None,
    }[name]
    return Period(name, first, day if first else None)
