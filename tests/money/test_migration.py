"""What was kept before there was a ledger has a line each, so that its sums are these amounts."""

import importlib
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from listings import guards, ledger
from listings.models import LedgerLine, ProductListing
from listings.states import State
from tests.factories import make_listing

pytestmark = pytest.mark.django_db
D = Decimal
migration = importlib.import_module("listings.migrations.0005_open_the_books")


@pytest.fixture
def before_the_ledger() -> dict[str, ProductListing]:
    """Listings with amounts, and no line."""
    listings = {state.value: make_listing(state) for state in (State.FOUND, State.PURCHASED, State.SOLD)}
    ProductListing.objects.filter(state=State.PURCHASED).update(shipping_cost=D("8.50"), purchase_price=D(0))
    guards.remove(connection)
    LedgerLine.objects.all()._raw_delete("default")
    guards.install(connection)
    return listings


def test_every_amount_gets_a_line(before_the_ledger: dict[str, ProductListing]) -> None:
    kept = list(ProductListing.objects.order_by("pk").values())
    migration.open_the_books(apps, None)
    assert list(ProductListing.objects.order_by("pk").values()) == kept
    told = LedgerLine.objects.values_list("listing__state", "kind", "amount")
    assert sorted(told) == [
        ("PURCHASED", "postage_in", D("8.50")),
        ("PURCHASED", "purchase", D("0.00")),  # zero is a value
        ("SOLD", "ebay_fees", D("60.00")),
        ("SOLD", "postage_in", D("10.00")),
        ("SOLD", "purchase", D("350.00")),
        ("SOLD", "sale", D("500.00")),
    ]
    assert set(LedgerLine.objects.values_list("by", flat=True)) == {"migration"}
    for row in ProductListing.objects.all():
        columns = [*ledger.COLUMNS, "final_profit", "profit_is_provisional"]
        was = {name: getattr(row, name) for name in columns}
        ledger.restate(row)
        assert {name: getattr(row, name) for name in columns} == was


def test_the_days_are_those_of_the_deal_and_of_the_sale(before_the_ledger: dict[str, Any]) -> None:
    sold = before_the_ledger["SOLD"]
    ProductListing.objects.filter(pk=sold.pk).update(
        purchased_at="2025-04-05T12:00Z", sold_at="2025-04-06T12:00Z"
    )
    migration.open_the_books(apps, None)
    days = LedgerLine.objects.filter(listing=sold).values_list("kind", "date")
    assert {kind: str(day) for kind, day in days} == {
        "purchase": "2025-04-05",
        "postage_in": "2025-04-05",
        "ebay_fees": "2025-04-06",
        "sale": "2025-04-06",
    }


def test_more_than_a_batch(before_the_ledger: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "BATCH", 2)
    migration.open_the_books(apps, None)
    assert LedgerLine.objects.count() == 6
