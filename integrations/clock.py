"""The database's clock: the only one that every process shares."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Func

SQL = {"postgresql": "clock_timestamp()", "sqlite": "STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')"}


class Clock(Func):
    """The time at which the row is read, also inside a long transaction or after a wait for a lock."""

    output_field = DateTimeField()
    arity = 0

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[()]]:
        return SQL["postgresql"], ()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[()]]:
        return SQL["sqlite"].replace("%", "%%"), ()


def now() -> datetime:
    """Ask the database what time it is.

    Returns:
        An aware time in UTC.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {SQL[connection.vendor]}")
        return as_time(cursor.fetchone()[0])


def as_time(value: Any) -> datetime:
    """Return what the database gave for `SQL` as an aware time in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
