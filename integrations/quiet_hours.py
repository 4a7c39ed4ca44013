"""Quiet hours by the clock on the wall, as moments: over midnight, and on the days when the clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_end(now: datetime, start: time, end: time, time_zone: str) -> datetime | None:
    """Return when it stops being quiet; None where it is not quiet now, or where start and end are one.

    A wall time that comes twice begins with its first and ends with its second;
    one that is left out ends when it would have come by the old clock.
    """
    if start == end:
        return None
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    ends = []
    for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
        begins = min(_moments(day, start, zone))
        stops = max(_moments(day if start < end else day + timedelta(days=1), end, zone))
        if begins <= now < stops:
            ends.append(stops)
    return max(ends, default=None)


def _moments(day: date, wall: time, zone: ZoneInfo) -> list[datetime]:
    """Return the one or two moments at which the wall shows that time."""
    return [datetime.combine(day, wall.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]
