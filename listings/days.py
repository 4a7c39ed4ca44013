"""How many listings each day brought: what lies before a far page need not be walked over, one by one.

Kept as the tally is (listings/tally.py): triggers append what a statement
changed, `fold` keeps the table short, and the sum of a day's rows is exact.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from listings import tally
from listings.models import ListingDay

TABLE = ListingDay._meta.db_table
# To walk over so many entries of an index costs as much as to find the day.
WORTH = 10_000


@dataclass(frozen=True)
class Place:
    """Where to begin: with what fits `rows`, of which `skip` are still to be left out."""

    rows: Q
    skip: int


def place(start: int, *, descending: bool) -> Place:
    """Find the day in which the listing lies that has `start` others before it, by the time of their creation.

    Args:
        start: from 0.
        descending: true where the newest is the first.
    """
    order = "DESC" if descending else "ASC"
    # The days with how many listings lie before each; of those, the last that does not lie behind `start`.
    days = (
        f"SELECT day, SUM(SUM(listings)) OVER (ORDER BY day {order}) - SUM(listings) AS before "  # noqa: S608
        f"FROM {TABLE} GROUP BY day"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT day, before FROM ({days}) AS days WHERE before <= %s "  # noqa: S608  names of our own
            f"ORDER BY before DESC, day {order} LIMIT 1",
            [start],
        )
        found = cursor.fetchone()
    if found is None:
        return Place(Q(), start)
    day = found[0] if isinstance(found[0], date) else date.fromisoformat(found[0])
    midnight = datetime.combine(day, time.min, UTC)
    within = Q(created_at__lt=midnight + timedelta(days=1)) if descending else Q(created_at__gte=midnight)
    return Place(within, start - int(found[1]))


def fold() -> int:
    """Replace the rows of each day by their sum, where there are many too many; return how many fewer."""
    return tally.fold_rows(ListingDay, ("day",), ("listings",))


def differences() -> list[tuple[str, int]]:
    """Count all; return the days on which the table has so many listings too many."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT day, SUM(n) FROM (SELECT day, listings AS n FROM {TABLE} UNION ALL "  # noqa: S608  names of our own
            f"{_rows(connection.vendor, 'listing', -1, tally.LISTING)}) AS both_sides "
            "GROUP BY day HAVING SUM(n) <> 0 ORDER BY day"
        )
        return [(str(day), int(n)) for day, n in cursor.fetchall()]


def recount(connection: BaseDatabaseWrapper) -> None:
    """Count all listings anew. The caller keeps changes away meanwhile: it holds a lock on their table."""
    with connection.cursor() as cursor:
        for statement in recounting(connection.vendor):
            cursor.execute(statement)


def recounting(vendor: str) -> tuple[str, str]:
    """Return the statements that do so."""
    return f"DELETE FROM {TABLE}", _append(_rows(vendor, "listing", 1, tally.LISTING))  # noqa: S608  our own names


# ---- the triggers -------------------------------------------------------------------------------


def also(vendor: str) -> dict[str, str]:
    """Return, by the name of a trigger of the tally, what it does for the days beside."""
    if vendor == "postgresql":
        return {
            "tally_insert": _append(_rows(vendor, "came", 1, "came")),
            "tally_delete": _append(_rows(vendor, "went", -1, "went")),
            "tally_truncate": f"DELETE FROM {TABLE}",  # noqa: S608
        }
    return {
        "tally_insert": _append(_rows(vendor, "NEW", 1)),
        "tally_delete": _append(_rows(vendor, "OLD", -1)),
    }


def triggers(vendor: str) -> list[tuple[str, str, str, str]]:
    """Return name, moment, scope and body of the one that has no part in the tally."""
    both = _append(_rows(vendor, "NEW", 1), _rows(vendor, "OLD", -1))
    return [("days_moved", "AFTER UPDATE OF created_at", "FOR EACH ROW", both)]


def _rows(vendor: str, alias: str, sign: int, table: str = "") -> str:
    created = f"{alias}.created_at"
    day = f"CAST({created} AT TIME ZONE 'UTC' AS date)" if vendor == "postgresql" else f"DATE({created})"
    source = f" FROM {table} AS {alias}" if table and table != alias else f" FROM {table}" if table else ""
    return f"SELECT {day} AS day, {sign} AS n{source}"


def _append(*selects: str) -> str:
    return (
        f"INSERT INTO {TABLE} (day, listings) SELECT day, SUM(n) FROM ({' UNION ALL '.join(selects)}) AS changes "  # noqa: S608  names of our own
        "GROUP BY day HAVING SUM(n) <> 0"
    )
