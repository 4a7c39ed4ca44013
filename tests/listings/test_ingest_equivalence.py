"""The set-based ingest gives the same rows and events as one match at a time, in any order of any matches."""

import uuid
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from integrations.models import OutboxMessage
from listings import ingest, lifecycle
from listings.models import ProductListing, Sighting, TransitionLog
from scraping import jobs
from tests.factories import a_match

ITEMS = 4
prices = st.sampled_from([None, 0, 10, 10.004, 20, "20.00", 30.5])
products = st.sampled_from(
    [{"id": 1, "brand": "Sony", "model": "a"}, {"id": 2, "brand": "Canon", "model": "b"}]
)
matches = st.builds(
    lambda item, price, profit, title, product: a_match(
        item, price=price, potential_profit=profit, title=title, product=product
    ),
    st.integers(1, ITEMS),
    prices,
    st.sampled_from([None, -5, 0, 7.5]),
    st.sampled_from(["one", "two", "é" * 600]),
    products,
)
bad = st.sampled_from([None, a_match(1, price=-1), a_match(title="")])
bodies = st.lists(st.one_of(matches, matches, matches, bad), max_size=9)


def complete(given_matches: list[Any]) -> None:
    jobs.complete(uuid.uuid4(), brands=["Sony"], matches=list(given_matches))


def outcome(steps: list[list[Any]], messaged: set[int], before: list[Any]) -> Any:
    """Deliver in these steps, undo it all, and return what there was, without ids and times."""
    with transaction.atomic():
        for match in before:
            complete([match])
        for listing in ProductListing.objects.filter(identity__in=[f"facebook:{n}" for n in messaged]):
            lifecycle.message_seller(listing.pk, by="user:ann")
        for step in steps:
            complete(step)
        seen = {listing.identity: facts(listing) for listing in ProductListing.objects.all()}
        transaction.set_rollback(True)
    return seen


def facts(listing: ProductListing) -> Any:
    columns = (
        "state",
        "version",
        "title",
        "asking_price",
        "estimated_profit",
        "product_id",
        "brand",
        "raw_url",
    )
    events = OutboxMessage.objects.filter(key=str(listing.pk)).exclude(channel="chatterbot").order_by("id")
    logs = TransitionLog.objects.filter(listing=listing).order_by("sequence")
    return (
        [getattr(listing, column) for column in columns],
        listing.updated_at >= listing.created_at,
        [{**event.body, "listing_id": 0, "scraper_job_id": 0, "topic": event.topic} for event in events],
        list(Sighting.objects.filter(listing=listing).order_by("id").values_list("price", flat=True)),
        list(logs.values_list("sequence", "from_state", "to_state", "triggered_by")),
    )


class TestEquivalence(TestCase):
    """Hypothesis' examples each undo what they wrote, so that one database serves them all."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(bodies, st.lists(matches, max_size=3), st.sets(st.integers(1, ITEMS)))
    def test_one_body_or_one_match_a_job(
        self, body: list[Any], before: list[Any], messaged: set[int]
    ) -> None:
        at_once = outcome([body], messaged, before)
        one_by_one = outcome([[match] for match in body], messaged, before)
        assert at_once == one_by_one

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(bodies, st.integers(0, 9))
    def test_one_body_or_two(self, body: list[Any], cut: int) -> None:
        assert outcome([body], set(), []) == outcome([body[:cut], body[cut:]], set(), [])


@pytest.mark.django_db
def test_what_is_written_at_once_and_what_is_written_around_others(monkeypatch: pytest.MonkeyPatch) -> None:
    body = [a_match(number, price=number) for number in (1, 2, 1, 3)]
    around = outcome([body], set(), [])
    monkeypatch.setattr(ingest, "MANY", 1)
    assert outcome([body], set(), []) == around


@pytest.mark.django_db
@pytest.mark.parametrize("part", [1, 2])
def test_what_is_written_in_parts_is_what_is_written_at_once(
    monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    body = [a_match(number, price=number) for number in (1, 2, 1, 3, 2, 4, 5, 1)]
    whole = outcome([body], {1}, body[:2])
    monkeypatch.setattr(ingest, "PART", part)
    assert outcome([body], {1}, body[:2]) == whole


@pytest.mark.django_db
def test_a_code_that_is_taken_meanwhile_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = iter(["AAAAAA", "AAAAAA", "AAAAAA", "BBBBBB", "CCCCCC"])
    monkeypatch.setattr(ingest, "new_short_code", lambda: next(codes))
    complete([a_match(1), a_match(2), a_match(3)])
    assert set(ProductListing.objects.values_list("short_code", flat=True)) == {"AAAAAA", "BBBBBB", "CCCCCC"}
    assert TransitionLog.objects.count() == OutboxMessage.objects.filter(channel="events").count() == 3
