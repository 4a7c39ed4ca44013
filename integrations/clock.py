"""The database's clock: the only one that every process shares."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Func


class Clock(Func):
    """The time at which the row is read, also inside a long transaction or after a wait for a lock."""

    output_field = DateTimeField()
    arity = 0

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[()]]:
        return "clock_timestamp()", ()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[()]]:
        return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')", ()


def now() -> datetime:
    """Ask the database what time it is.

    Returns:
        An aware time in UTC.
    """
    sql = (
        "SELECT clock_timestamp()"
        if connection.vendor == "postgresql"
        else "SELECT STRFTIME('%Y-%m-%d %H:%M:%f')"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        value = cursor.fetchone()[0]
    return (
        value.astimezone(UTC)
        if isinstance(value, datetime)
        else datetime.fromisoformat(value).replace(tzinfo=UTC)
    )
