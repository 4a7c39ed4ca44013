"""The log is append-only and the facts fit the state, whoever writes: ORM, SQL, a remade table."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, IntegrityError, connection, migrations, models, transaction
from django.db.migrations.state import ProjectState
from django.db.models import ProtectedError

from aetos import checks
from listings import guards
from listings.models import ProductListing, TransitionLog
from listings.states import ENTERED_AT, State
from tests.factories import make_listing

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]

LOG = "listings_transitionlog"


def sql(statement: str, *arguments: Any) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement, arguments)
        connection.check_constraints()  # foreign keys are asked at the commit


def log_rows() -> list[Any]:
    return list(TransitionLog.objects.order_by("id").values())


def by_save() -> None:
    row = TransitionLog.objects.latest("id")
    row.to_state = State.SOLD
    row.save()


BY_ORM: dict[str, Callable[[], Any]] = {
    "save": by_save,
    "delete": lambda: TransitionLog.objects.latest("id").delete(),
    "QuerySet.update": lambda: TransitionLog.objects.update(triggered_by="nobody"),
    "QuerySet.delete": lambda: TransitionLog.objects.all().delete(),
    "raw delete": lambda: TransitionLog.objects.all()._raw_delete("default"),
    "bulk_update": lambda: TransitionLog.objects.bulk_update(TransitionLog.objects.all(), ["to_state"]),
    "update_or_create": lambda: TransitionLog.objects.update_or_create(
        sequence=1, defaults={"to_state": "X"}
    ),
    "deleting the listing": lambda: ProductListing.objects.all().delete(),
    "an upsert": lambda: TransitionLog.objects.bulk_create(
        [TransitionLog(**TransitionLog.objects.values().latest("id") | {"to_state": "SOLD"})],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["to_state"],
    ),
}


@pytest.mark.parametrize("name", list(BY_ORM))
def test_the_orm_cannot_change_the_log(name: str) -> None:
    make_listing(State.MESSAGING)
    before = log_rows()
    with pytest.raises((TypeError, DatabaseError, ProtectedError)), transaction.atomic():
        BY_ORM[name]()
    assert log_rows() == before
    assert ProductListing.objects.count() == 1


BY_SQL = [
    f"UPDATE {LOG} SET to_state = 'SOLD'",
    f"UPDATE {LOG} SET triggered_by = triggered_by",
    f"DELETE FROM {LOG}",
    f"DELETE FROM {LOG} WHERE sequence = 2",
    "DELETE FROM listings_productlisting",
]
SQLITE_ONLY = [
    f"INSERT OR REPLACE INTO {LOG} SELECT * FROM {LOG}",
    f"REPLACE INTO {LOG} SELECT * FROM {LOG}",
    f"UPDATE OR REPLACE {LOG} SET id = 1",
    "INSERT OR REPLACE INTO listings_productlisting SELECT * FROM listings_productlisting",
    f"INSERT INTO {LOG} SELECT * FROM {LOG} WHERE true ON CONFLICT DO UPDATE SET to_state = 'SOLD'",
]
POSTGRES_ONLY = [
    f"TRUNCATE {LOG}",
    "TRUNCATE listings_productlisting CASCADE",
    f"INSERT INTO {LOG} SELECT * FROM {LOG} ON CONFLICT (id) DO UPDATE SET to_state = 'SOLD'",
    f"WITH gone AS (DELETE FROM {LOG} RETURNING *) SELECT * FROM gone",
]


@pytest.mark.parametrize(
    "statement",
    [*BY_SQL, *(POSTGRES_ONLY if connection.vendor == "postgresql" else SQLITE_ONLY)],
)
def test_sql_cannot_change_the_log(statement: str) -> None:
    make_listing(State.MESSAGING)
    before = log_rows()
    with pytest.raises(DatabaseError):
        sql(statement)
    assert log_rows() == before


def test_the_log_has_no_gap_and_no_double() -> None:
    listing = make_listing(State.MESSAGING)
    row = TransitionLog.objects.values().latest("id")
    for change in ({"sequence": row["sequence"]}, {"sequence": 9, "event_id": row["event_id"]}):
        with pytest.raises(IntegrityError), transaction.atomic():
            TransitionLog.objects.create(**{**row, "event_id": listing.pk, "id": None, **change})


# ---- facts fit the state ------------------------------------------------------------------------

INCOHERENT: dict[str, tuple[State, str]] = {
    "a negative price": (State.FOUND, "asking_price = -0.01"),
    "a negative purchase price": (State.PURCHASED, "purchase_price = -1"),
    "a negative fee": (State.SOLD, "ebay_fees = -1"),
    "a confidence over 100": (State.FOUND, "confidence_score = 100.01"),
    "a negative confidence": (State.FOUND, "confidence_score = -1"),
    "MESSAGING without a deadline": (State.MESSAGING, "deadline_at = NULL"),
    "FOUND with a deadline": (State.FOUND, "deadline_at = CURRENT_TIMESTAMP"),
    "PURCHASED with a deadline": (State.PURCHASED, "deadline_at = CURRENT_TIMESTAMP"),
    "a profit before the sale": (State.LISTED, "final_profit = 1"),
    "an error without its time": (State.FOUND, "error_message = 'x'"),
    "a time without its error": (State.FOUND, "error_occurred_at = CURRENT_TIMESTAMP"),
    "the same short code": (
        State.FOUND,
        "short_code = (SELECT min(short_code) FROM listings_productlisting)",
    ),
    "the same item": (State.FOUND, "identity = (SELECT min(identity) FROM listings_productlisting)"),
    **{f"{state} without {column}": (state, f"{column} = NULL") for state, column in ENTERED_AT.items()},
}


@pytest.mark.parametrize(("state", "change"), INCOHERENT.values(), ids=INCOHERENT)
def test_a_row_that_does_not_fit_its_state_is_refused(state: State, change: str) -> None:
    make_listing()
    make_listing(state)
    before = list(ProductListing.objects.values())
    with pytest.raises(IntegrityError):
        sql(f"UPDATE listings_productlisting SET {change}")
    assert list(ProductListing.objects.values()) == before


# ---- the triggers themselves --------------------------------------------------------------------


def a_listing_can_be_sold_by_sql() -> bool:
    try:
        sql("UPDATE listings_productlisting SET state = 'SOLD', sold_at = CURRENT_TIMESTAMP")
    except DatabaseError:
        return False
    return True


def test_without_the_triggers_sql_would_do_it_all() -> None:
    make_listing()
    guards.remove(connection)
    sql(f"UPDATE {LOG} SET to_state = 'SOLD'")
    sql(f"DELETE FROM {LOG}")
    assert a_listing_can_be_sold_by_sql()
    assert TransitionLog.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_remakes_the_tables_leaves_them_guarded() -> None:
    make_listing()
    alter = [
        migrations.AlterField("productlisting", "title", models.CharField(max_length=500)),
        migrations.AlterField("transitionlog", "triggered_by", models.CharField(max_length=150)),
    ]
    state = ProjectState.from_apps(apps)
    with connection.schema_editor(atomic=True) as editor:
        for operation in alter:
            after = state.clone()
            operation.state_forwards("listings", after)
            operation.database_forwards("listings", editor, state, after)
            state = after
    if connection.vendor == "sqlite":
        assert guards.missing(connection)  # SQLite dropped them with the old tables
    call_command("migrate", verbosity=0)
    assert guards.missing(connection) == []
    assert not a_listing_can_be_sold_by_sql()
    with pytest.raises(DatabaseError):
        sql(f"DELETE FROM {LOG}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("which", range(4))
def test_with_one_trigger_gone_nothing_starts(settings: Any, which: int) -> None:
    settings.DEBUG = True  # no word about keys here
    lost = sorted(guards.installed(connection))[which]
    with connection.cursor() as cursor:
        cursor.execute(
            f"DROP FUNCTION {lost} CASCADE" if connection.vendor == "postgresql" else f"DROP TRIGGER {lost}"
        )
    assert guards.missing(connection) == [lost]
    with pytest.raises(SystemCheckError, match=lost):
        call_command("check", databases=["default"])
    with pytest.raises(SystemExit, match=lost):
        checks.refuse_to_start_without_keys()
    guards.install(connection)
    assert guards.missing(connection) == []
    call_command("check", databases=["default"])


@pytest.mark.django_db(transaction=True)
def test_what_the_check_asks_for_helps() -> None:
    guards.remove(connection)
    with pytest.raises(SystemCheckError, match="py migrate"):
        call_command("check", databases=["default"])
    call_command("migrate", verbosity=0, skip_checks=False)
    assert guards.missing(connection) == []
    call_command("check", databases=["default"])


@pytest.mark.postgres
def test_a_trigger_that_is_switched_off_counts_as_missing() -> None:
    sql(f"ALTER TABLE {LOG} DISABLE TRIGGER USER")
    assert len(guards.missing(connection)) == 2
    guards.install(connection)
    assert guards.missing(connection) == []
