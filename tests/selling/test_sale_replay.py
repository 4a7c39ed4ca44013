"""Sixty real sales, told by eBayLister to listings of the same titles: each profit reckoned anew, in whole pennies."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from integrations.models import InboxMessage
from listings import lifecycle
from listings.models import LedgerLine, ProductListing
from listings.states import State
from scraping import jobs
from tests.conftest import not_run
from tests.factories import a_job, a_match
from tests.selling.sales import EBAY_KEY, coherent, teller

pytestmark = pytest.mark.django_db

# They belong to others and stay where they are: beside the repository.
SALES = Path(__file__).resolve().parents[3] / "shared" / "data" / "ebay" / "real_sold_items.jsonl"


@pytest.fixture
def real_sales() -> list[dict[str, Any]]:
    """What was really sold: title, price, postage, day."""
    if not SALES.exists():
        not_run("the real sales are not beside the repository")
    return [json.loads(line) for line in SALES.read_text(encoding="utf-8").splitlines()]


def paid(number: int, sold: int) -> int:
    """What the camera of a sale was bought for, in pennies: mostly less than it brought, at times more."""
    return sold * (35 + number % 9 * 10) // 100


def fees_in_thousandths(sold: int) -> int:
    """12.8 % and 30 pence, in thousandths of a pound, as eBayLister might well send them."""
    return (sold * 128 + 50) // 100 + 300


def bought(real_sales: list[dict[str, Any]]) -> list[ProductListing]:
    """Bring a listing of each title in by one job, and buy it through the door."""
    matches = [a_match(title=each["title"]) for each in real_sales]
    jobs.complete(a_job()["job_id"], brands=["Sony"], matches=matches)
    listings = sorted(ProductListing.objects.all(), key=lambda row: row.marketplace_url)
    for number, listing in enumerate(listings):
        assert listing.title == real_sales[number]["title"]
        price = f"{paid(number, pennies(real_sales[number]['soldPrice']['value']))}e-2"
        lifecycle.walk(listing.pk, State.PURCHASED, by="user:ann", purchase_price=Decimal(price))
    return listings


def pennies(amount: str | float) -> int:
    """Read an amount of at most two places without any of our own arithmetic."""
    pounds, _, rest = str(amount).partition(".")
    return int(pounds) * 100 + int(f"{rest}00"[:2])


def test_sixty_real_sales_come_out_to_the_penny(
    settings: Any, client: Client, real_sales: list[dict[str, Any]]
) -> None:
    settings.CURRENCY = "USD"  # what they were sold in
    settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "ebay": [EBAY_KEY]}
    tell = teller(client)
    listings = bought(real_sales)
    assert len(listings) == 60
    expected: dict[Any, tuple[int, int, int, int, int]] = {}
    for number, (listing, real) in enumerate(zip(listings, real_sales, strict=True)):
        sold, postage = pennies(real["soldPrice"]["value"]), pennies(real["shipping"])
        thousandths = fees_in_thousandths(sold)
        fees, cost = (thousandths + 5) // 10, paid(number, sold)
        expected[listing.pk] = (sold, fees, postage, cost, sold - cost - fees - postage)
        body = {
            "listing_id": f"1100{number}",
            "sku": str(listing.pk),
            "order_id": f"27-{number:05}-1",
            "sold_price": real["soldPrice"]["value"],
            "shipping_cost": real["shipping"],
            "ebay_fees": f"{thousandths // 1000}.{thousandths % 1000:03}",
            "currency": real["soldPrice"]["currency"],
            "sold_at": f"{real['soldDate']}T18:30:00Z",
        }
        if number % 6 == 0:  # the fee follows
            assert tell({**body, "ebay_fees": None}).status_code == 200
        assert tell(body).json() == {"id": str(listing.pk), "state": "SOLD"}
        if number % 12 == 0:
            assert tell(body).status_code == 200

    total = 0
    days = {listing.pk: real["soldDate"] for listing, real in zip(listings, real_sales, strict=True)}
    for row in ProductListing.objects.all():
        sold, fees, postage, cost, profit = expected[row.pk]
        assert (row.final_profit, row.profit_is_provisional) == (Decimal(profit) / 100, False)
        assert (row.ebay_sold_price, row.ebay_fees) == (
            Decimal(sold) / 100,
            Decimal(fees) / 100,
        )
        assert (row.shipping_cost, row.purchase_price) == (
            Decimal(postage) / 100,
            Decimal(cost) / 100,
        )
        lines = LedgerLine.objects.filter(listing=row).exclude(kind="purchase")
        assert {str(line.date) for line in lines} == {days[row.pk]}
        assert lines.count() == 3
        total += profit
        coherent(row)
    assert any(profit < 0 for *_, profit in expected.values())
    assert any(profit > 0 for *_, profit in expected.values())
    assert sum(row.final_profit or 0 for row in ProductListing.objects.all()) * 100 == total
    kept = InboxMessage.objects.filter(partner="ebay")
    assert set(kept.values_list("status", flat=True)) == {InboxMessage.Status.PROCESSED}
    assert kept.count() == 60 + 10 + 5
