"""Empty the tables after a test that commits: only those with rows, and never what `migrate` made.

Django's own `flush` truncates every table and has `migrate`'s signal make permissions, groups and triggers anew.
It is still what happens the first time, and whenever a test has touched what the signal makes.
"""

from collections.abc import Collection
from typing import Any

from django.core.management.commands import flush
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from listings import guards, tally

# What the signal fills.
MADE = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")
APPEND_ONLY = (guards.LOG, guards.LEDGER)

_whole = flush.Command.handle
_as_made: dict[str, list[Any]] = {}


def handle(command: flush.Command, **options: Any) -> None:
    """Stand in for the handler of Django's `flush`."""
    connection = connections[options["database"]]
    if _as_made.get(connection.alias) == _made(connection):
        with transaction.atomic(using=connection.alias):
            _empty(connection, [table for table in _with_rows(connection) if table not in MADE])
            guards.install(connection)  # a test may have taken one away
        return
    guards.remove(connection)  # they refuse; the signal puts them back
    _whole(command, **options)
    _as_made[connection.alias] = _made(connection)


def _made(connection: BaseDatabaseWrapper) -> list[Any]:
    """Return the rows that the signal makes."""
    with connection.cursor() as cursor:
        rows = []
        for table in MADE:
            cursor.execute(f'SELECT * FROM "{table}" ORDER BY id')
            rows.append(cursor.fetchall())
    return rows


def _with_rows(connection: BaseDatabaseWrapper) -> list[str]:
    """Name the tables of the models that are not empty."""
    tables = connection.introspection.django_table_names(include_views=False)
    each = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return [table for (table,) in cursor.fetchall()]


def _empty(connection: BaseDatabaseWrapper, tables: Collection[str]) -> None:
    """Delete all rows, with the append-only tables' triggers out of the way for as long."""
    guarded = [table for table in APPEND_ONLY if table in tables]
    with connection.cursor() as cursor:
        if guarded and connection.vendor == "sqlite":
            guards.remove(connection)  # it can't switch one off
        elif guarded:
            for table in guarded:
                cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
        # The tally last: deleting listings appends to it, and the tables come in no order of their own.
        for table in [*(table for table in tables if table != tally.TABLE), tally.TABLE]:
            cursor.execute(f'DELETE FROM "{table}"')
        if guarded and connection.vendor == "postgresql":
            cursor.execute(
                "SET CONSTRAINTS ALL IMMEDIATE"
            )  # no ALTER while a foreign key is still to be checked
            for table in guarded:
                cursor.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
