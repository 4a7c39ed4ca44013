"""Offers become listings: what a re-sighting changes, and what a thousand cost."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.models import OutboxMessage
from listings import lifecycle
from listings.models import ProductListing, Sighting
from tests.factories import a_job, a_match, make_listing, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def see(post_job: Callable[..., Any]) -> Callable[..., ProductListing]:
    """Deliver one job that saw item 9 so, and return its listing."""

    def deliver(**facts: Any) -> ProductListing:
        assert post_job(a_job(a_match(9, **facts))).status_code == 202
        return ProductListing.objects.get(identity="facebook:9")

    return deliver


def price_steps() -> list[tuple[Any, Any]]:
    events = OutboxMessage.objects.filter(topic="listing.price_changed").order_by("id")
    return [(event.body["old_price"], event.body["new_price"]) for event in events]


def test_while_it_is_found_price_title_and_estimate_follow(see: Callable[..., ProductListing]) -> None:
    first = see(title="Sony", price=400, potential_profit=100)
    listing = see(title="Sony A6400, reduced", price=350.5, potential_profit=150)

    assert listing.pk == first.pk
    assert (listing.title, listing.asking_price) == ("Sony A6400, reduced", Decimal("350.50"))
    assert listing.estimated_profit == 150
    assert listing.updated_at > first.updated_at
    assert (listing.created_at, listing.version) == (first.created_at, 1)
    assert price_steps() == [("400.00", "350.50")]
    event = OutboxMessage.objects.get(topic="listing.price_changed")
    assert set(event.body) == {"listing_id", "old_price", "new_price"}
    assert event.key == event.body["listing_id"] == str(listing.pk)


def test_every_sighting_is_kept_with_its_price_and_job(see: Callable[..., ProductListing]) -> None:
    for price in (400, None, 390):
        see(price=price)
    sightings = Sighting.objects.order_by("id")
    assert [sighting.price for sighting in sightings] == [Decimal(400), None, Decimal(390)]
    assert len({sighting.scraper_job_id for sighting in sightings}) == 3
    assert sorted(sighting.seen_at for sighting in sightings) == [sighting.seen_at for sighting in sightings]


@pytest.mark.parametrize("state", ["MESSAGING", "NEGOTIATING", "PURCHASED", "SOLD", "CANCELLED"])
def test_past_found_nothing_follows_and_nothing_is_created(
    see: Callable[..., ProductListing], state: str
) -> None:
    listing = make_listing(state, number=9, title="Sony", price=400)
    before = rows()
    again = see(title="Another", price=1, potential_profit=1)

    assert (again.pk, again.state, again.title, again.asking_price) == (listing.pk, state, "Sony", 400)
    assert again.updated_at == listing.updated_at
    changed = {name: count - before[name] for name, count in rows().items() if count != before[name]}
    assert changed == {"Sighting": 1, "ScrapeJob": 1, "InboxMessage": 1}


def test_a_null_price_never_overwrites_a_known_one(see: Callable[..., ProductListing]) -> None:
    see(price=400, potential_profit=100)
    listing = see(price=None, potential_profit=None)
    assert (listing.asking_price, listing.estimated_profit) == (400, 100)
    assert price_steps() == []


def test_a_price_that_becomes_known_is_published(see: Callable[..., ProductListing]) -> None:
    assert see(price=None, potential_profit=None).asking_price is None
    listing = see(price=400, potential_profit=90)
    assert (listing.asking_price, listing.estimated_profit) == (400, 90)
    assert price_steps() == [(None, "400.00")]


def test_free_is_a_price(see: Callable[..., ProductListing]) -> None:
    see(price=400)
    assert see(price=0).asking_price == 0
    assert see(price=10).asking_price == 10
    assert price_steps() == [("400.00", "0.00"), ("0.00", "10.00")]


def test_the_same_price_is_no_change(see: Callable[..., ProductListing]) -> None:
    first = see(price=400)
    assert see(price="400.004").updated_at == first.updated_at
    assert price_steps() == []


def test_an_estimate_for_another_product_says_nothing(see: Callable[..., ProductListing]) -> None:
    see(price=400, potential_profit=100)
    other = {"id": 999, "brand": "Sony", "model": "a7", "full_name": "Sony a7"}
    listing = see(price=380, potential_profit=900, product=other)
    assert (listing.product_id, listing.model) == (230, "a6400")
    assert (listing.asking_price, listing.estimated_profit) == (380, 100)


def test_one_item_for_two_products_in_one_job_is_the_surer_one(post_job: Callable[..., Any]) -> None:
    other = {"id": 999, "brand": "Sony", "model": "a7", "full_name": "Sony a7"}
    answer = post_job(
        a_job(a_match(9, confidence=70), a_match(9, confidence=90, potential_profit=5, product=other))
    ).json()
    assert (answer["created_listings"], answer["resighted"]) == (1, 1)
    listing = ProductListing.objects.get()
    assert (listing.product_id, listing.confidence_score, listing.estimated_profit) == (999, 90, 5)


def test_different_items_may_look_the_same(post_job: Callable[..., Any]) -> None:
    same = [a_match(number, title="Sony", price=400) for number in (1, 2, 3)]
    assert post_job(a_job(*same)).json()["created_listings"] == 3


# ---- what it costs ------------------------------------------------------------------------------


def statements(post_job: Callable[..., Any], body: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        answer = post_job(body)
    assert (answer.status_code, answer.json()["invalid"]) == (202, 0)
    return len(captured)


@pytest.mark.parametrize("changes", [{}, {"price": 1}, {"title": "Another", "price": None}])
def test_a_job_of_a_thousand_costs_as_many_statements_as_one_of_two_hundred(
    post_job: Callable[..., Any], changes: dict[str, Any]
) -> None:
    new, again = {}, {}
    for start, count in ((1000, 200), (5000, 1000)):
        numbers = range(start, start + count)
        new[count] = statements(post_job, a_job(*(a_match(number) for number in numbers)))
        again[count] = statements(post_job, a_job(*(a_match(number, **changes) for number in numbers)))
    assert new[200] == new[1000]
    assert again[200] == again[1000]
    assert ProductListing.objects.count() == 1200


def test_repeats_within_a_job_cost_no_statement_each(post_job: Callable[..., Any]) -> None:
    few = statements(post_job, a_job(*(a_match(1, price=price) for price in range(10))))
    many = statements(post_job, a_job(*(a_match(2, price=price) for price in range(1000))))
    assert few == many
    assert len(price_steps()) == 9 + 999


def test_five_thousand_in_one_call(post_job: Callable[..., Any]) -> None:
    body = a_job(*(a_match() for _ in range(5000)))
    began = time.thread_time()  # of ours: whoever else is busy here does not count
    assert post_job(body).json()["created_listings"] == 5000
    assert time.thread_time() - began < 20  # ScraperV2 waits for thirty seconds
    again = a_job(*({**match, "listing": {**match["listing"], "price": 1}} for match in body["matches"]))
    began = time.thread_time()  # of ours: whoever else is busy here does not count
    assert post_job(again).json()["resighted"] == 5000
    assert time.thread_time() - began < 20
    assert ProductListing.objects.filter(asking_price=1).count() == 5000


def test_ingest_takes_no_arrow_of_its_own(see: Callable[..., ProductListing]) -> None:
    listing = see()
    lifecycle.cancel(listing.pk, by="user:ann")
    assert see(price=1).state == "CANCELLED"
