"""Triggers that keep raw SQL inside the lifecycle and the tally in step, on PostgreSQL and SQLite alike.

They are generated from `states.ARROWS` and installed after every `migrate`,
because SQLite drops a table's triggers when a migration remakes the table.
"""

import hashlib
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from listings import days, tally
from listings.models import LedgerLine, ProductListing, TransitionLog
from listings.states import ARROWS, State

LISTING = ProductListing._meta.db_table
LOG = TransitionLog._meta.db_table
LEDGER = LedgerLine._meta.db_table
TABLES = {LISTING, LOG, LEDGER, tally.TABLE, days.TABLE}

_ILLEGAL = "this arrow does not exist"
_FIRST = "a listing begins as FOUND"
_LOG = "the transition log is append-only"
_BOOKS = "the ledger is append-only"


def _arrow_condition() -> str:
    pairs = " OR ".join(f"(OLD.state = '{a.value}' AND NEW.state = '{b.value}')" for a, b in ARROWS)
    return f"OLD.state <> NEW.state AND NOT ({pairs})"


def _statements(vendor: str) -> dict[str, list[str]]:
    """Map each trigger's name to the SQL that makes it."""
    return {**(_postgresql() if vendor == "postgresql" else _sqlite()), **_tally(vendor)}


def _named(name: str, *bodies: str) -> str:
    # The name carries a digest of the definition: an out-of-date trigger counts as missing.
    return f"aetos_{name}_{hashlib.sha256(''.join(bodies).encode()).hexdigest()[:8]}"


def _postgresql() -> dict[str, list[str]]:
    triggers = {}
    specs = [
        ("arrow", LISTING, "BEFORE UPDATE OF state", f"FOR EACH ROW WHEN ({_arrow_condition()})", _ILLEGAL),
        (
            "first",
            LISTING,
            "BEFORE INSERT",
            f"FOR EACH ROW WHEN (NEW.state <> '{State.FOUND.value}')",
            _FIRST,
        ),
        ("log", LOG, "BEFORE UPDATE OR DELETE", "FOR EACH ROW", _LOG),
        ("log_truncate", LOG, "BEFORE TRUNCATE", "FOR EACH STATEMENT", _LOG),
        ("ledger", LEDGER, "BEFORE UPDATE OR DELETE", "FOR EACH ROW", _BOOKS),
        ("ledger_truncate", LEDGER, "BEFORE TRUNCATE", "FOR EACH STATEMENT", _BOOKS),
    ]
    for name, table, when, scope, message in specs:
        full = _named(name, table, when, scope, message)
        triggers[full] = [
            f"CREATE OR REPLACE FUNCTION {full}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END $$",
            f'CREATE TRIGGER {full} {when} ON "{table}" {scope} EXECUTE FUNCTION {full}()',
        ]
    return triggers


def _sqlite() -> dict[str, list[str]]:
    triggers = {}
    specs = [
        ("arrow", LISTING, "UPDATE OF state", f"WHEN {_arrow_condition()}", _ILLEGAL),
        (
            "first",
            LISTING,
            "INSERT",
            f"WHEN NEW.state <> '{State.FOUND.value}' OR {_taken(LISTING, 'id')}",
            _FIRST,
        ),
        # INSERT OR REPLACE deletes the old row without asking the DELETE trigger.
        ("log_replace", LOG, "INSERT", f"WHEN {_taken(LOG, 'id', 'event_id')}", _LOG),
        ("log_update", LOG, "UPDATE", "", _LOG),
        ("log_delete", LOG, "DELETE", "", _LOG),
        ("ledger_replace", LEDGER, "INSERT", f"WHEN {_taken(LEDGER, 'id')}", _BOOKS),
        ("ledger_update", LEDGER, "UPDATE", "", _BOOKS),
        ("ledger_delete", LEDGER, "DELETE", "", _BOOKS),
    ]
    for name, table, when, condition, message in specs:
        full = _named(name, table, when, condition, message)
        triggers[full] = [
            f'CREATE TRIGGER {full} BEFORE {when} ON "{table}" FOR EACH ROW {condition} '
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        ]
    return triggers


def _tally(vendor: str) -> dict[str, list[str]]:
    triggers, also = {}, days.also(vendor)
    for name, when, scope, first in tally.triggers(vendor) + days.triggers(vendor):
        body = f"{first}; {also[name]}" if name in also else first
        full = _named(name, when, scope, body)
        head = f'CREATE TRIGGER {full} {when} ON "{LISTING}" {scope}'
        triggers[full] = (
            [
                f"CREATE OR REPLACE FUNCTION {full}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"{body}; RETURN NULL; END $$",
                f"{head} EXECUTE FUNCTION {full}()",
            ]
            if vendor == "postgresql"
            else [f"{head} BEGIN {body}; END"]
        )
    return triggers


def _taken(table: str, *columns: str) -> str:
    same = " OR ".join(f"old.{column} = NEW.{column}" for column in columns)
    return f'EXISTS (SELECT 1 FROM "{table}" old WHERE {same})'  # noqa: S608  names of our own


def installed(connection: BaseDatabaseWrapper, *, idle: bool = False) -> dict[str, str]:
    """Map the name of each of our triggers in the database to its table.

    Args:
        idle: true counts those as well that are there and do not fire (PostgreSQL can switch one off).
    """
    if connection.vendor == "postgresql":
        sql = (
            "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "WHERE tgname LIKE 'aetos\\_%%' AND (tgenabled IN ('O', 'A') OR %s) AND pg_table_is_visible(pg_class.oid)"
        )
        arguments: list[Any] = [idle]
    else:
        sql = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'aetos@_%%' ESCAPE '@'"
        arguments = []
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        return dict(cursor.fetchall())


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Name the triggers that should be there and are not; none while the tables do not exist yet."""
    if not set(connection.introspection.table_names()) >= TABLES:
        return []
    return sorted(set(_statements(connection.vendor)) - set(installed(connection)))


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop every trigger of ours: for an upgrade, and for tests that empty the tables."""
    with connection.cursor() as cursor:
        for name in installed(connection, idle=True):
            cursor.execute(
                f'DROP FUNCTION "{name}" CASCADE'
                if connection.vendor == "postgresql"
                else f'DROP TRIGGER "{name}"'
            )


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers in place: those that are there and right are left alone."""
    wanted = _statements(connection.vendor)
    present = set(installed(connection))
    if present == set(wanted):
        return
    # Until the commit, the new triggers' lock keeps away every change that the count would miss.
    with transaction.atomic(using=connection.alias):
        remove(connection)
        with connection.cursor() as cursor:
            for statements in wanted.values():
                for statement in statements:
                    cursor.execute(statement)
        tally.recount(connection)
        days.recount(connection)


def install_after_migrate(*, using: str, **kwargs: Any) -> None:
    """Receive `post_migrate`, once the tables exist."""
    from django.db import connections

    connection = connections[using]
    if set(connection.introspection.table_names()) >= TABLES:
        install(connection)
