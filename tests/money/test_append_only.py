"""Nobody changes or deletes a line that is booked: not the ORM, not the admin, not SQL."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError
from django.test import Client

from listings import guards
from listings.models import LedgerLine, ProductListing
from listings.states import State
from tests.factories import make_listing

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]
TABLE = "listings_ledgerline"


def lines() -> list[Any]:
    return list(LedgerLine.objects.order_by("id").values())


def sql(statement: str) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.check_constraints()


def by_save() -> None:
    row = LedgerLine.objects.latest("id")
    row.amount = 1
    row.save()


BY_ORM: dict[str, Callable[[], Any]] = {
    "save": by_save,
    "delete": lambda: LedgerLine.objects.latest("id").delete(),
    "QuerySet.update": lambda: LedgerLine.objects.update(amount=1),
    "QuerySet.delete": lambda: LedgerLine.objects.all().delete(),
    "raw delete": lambda: LedgerLine.objects.all()._raw_delete("default"),
    "bulk_update": lambda: LedgerLine.objects.bulk_update(LedgerLine.objects.all(), ["note"]),
    "update_or_create": lambda: LedgerLine.objects.update_or_create(kind="sale", defaults={"amount": 1}),
    "deleting the listing": lambda: ProductListing.objects.all().delete(),
    "an upsert": lambda: LedgerLine.objects.bulk_create(
        [LedgerLine(**LedgerLine.objects.values().latest("id") | {"amount": 1})],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["amount"],
    ),
}


@pytest.mark.parametrize("name", list(BY_ORM))
def test_the_orm_cannot_change_the_ledger(name: str) -> None:
    make_listing(State.SOLD)
    before = lines()
    with pytest.raises((TypeError, DatabaseError, ProtectedError)), transaction.atomic():
        BY_ORM[name]()
    assert lines() == before


BY_SQL = [
    f"UPDATE {TABLE} SET amount = 1",
    f"UPDATE {TABLE} SET note = note",
    f"DELETE FROM {TABLE}",
    f"DELETE FROM {TABLE} WHERE kind = 'sale'",
]
SQLITE_ONLY = [
    f"INSERT OR REPLACE INTO {TABLE} SELECT * FROM {TABLE}",
    f"REPLACE INTO {TABLE} SELECT * FROM {TABLE}",
    f"UPDATE OR REPLACE {TABLE} SET id = 1",
    f"INSERT INTO {TABLE} SELECT * FROM {TABLE} WHERE true ON CONFLICT DO UPDATE SET amount = 1",
]
POSTGRES_ONLY = [
    f"TRUNCATE {TABLE}",
    "TRUNCATE listings_productlisting CASCADE",
    f"INSERT INTO {TABLE} SELECT * FROM {TABLE} ON CONFLICT (id) DO UPDATE SET amount = 1",
    f"WITH gone AS (DELETE FROM {TABLE} RETURNING *) SELECT * FROM gone",
]


@pytest.mark.parametrize(
    "statement", [*BY_SQL, *(POSTGRES_ONLY if connection.vendor == "postgresql" else SQLITE_ONLY)]
)
def test_sql_cannot_change_the_ledger(statement: str) -> None:
    make_listing(State.SOLD)
    before = lines()
    with pytest.raises(DatabaseError):
        sql(statement)
    assert lines() == before


def test_without_the_triggers_sql_would() -> None:
    make_listing(State.SOLD)
    guards.remove(connection)
    sql(f"UPDATE {TABLE} SET amount = 1")
    sql(f"DELETE FROM {TABLE}")
    assert lines() == []


def test_a_negative_line_names_what_it_corrects() -> None:
    listing = make_listing(State.PURCHASED)
    with pytest.raises(DatabaseError), transaction.atomic():
        LedgerLine.objects.create(listing=listing, kind="other", amount=-1, date="2026-01-01", by="x")


def test_not_even_a_superuser_by_the_admin() -> None:
    make_listing(State.SOLD)
    client, line, before = Client(), LedgerLine.objects.latest("id"), lines()
    client.force_login(User.objects.create_superuser("root"))
    base = "/staff/listings/ledgerline/"
    assert client.get(f"{base}{line.pk}/change/").status_code == 200
    for path in (f"{line.pk}/change/", f"{line.pk}/delete/", "add/"):
        assert client.post(f"{base}{path}", {"amount": "1", "post": "yes"}).status_code == 403
    told = {"action": "delete_selected", "_selected_action": str(line.pk), "post": "yes"}
    assert client.post(base, told).status_code in (302, 403)
    assert lines() == before
