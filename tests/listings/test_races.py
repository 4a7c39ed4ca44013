"""Fifty at the same arrow, a sweep against a callback: one wins, the others find the listing moved."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from integrations.clock import Clock
from integrations.models import OutboxMessage
from listings import lifecycle, timeouts
from listings.models import ProductListing, TransitionLog
from listings.states import State
from scraping import jobs
from tests.factories import a_match, make_listing, staff, token
from tests.races import PATIENCE, at_once, failures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.each_database]


def one_story(listing: ProductListing) -> None:
    """Check that row, log and events of the listing agree, without a gap or a double."""
    after = ProductListing.objects.get(pk=listing.pk)
    logs = list(TransitionLog.objects.filter(listing=listing).order_by("sequence"))
    events = OutboxMessage.objects.filter(key=str(listing.pk), channel="events")
    assert [log.sequence for log in logs] == list(range(1, after.version + 1))
    assert [log.from_state for log in logs[1:]] == [log.to_state for log in logs[:-1]]
    assert logs[-1].to_state == after.state
    assert {log.event_id for log in logs} == set(events.values_list("event_id", flat=True))


@pytest.mark.parametrize("to", [State.MESSAGING, State.CANCELLED])
def test_fifty_threads_take_the_same_arrow_and_one_wins(to: State) -> None:
    listing = make_listing()
    verb: Any = lifecycle.VERBS[to]
    results = at_once(50, lambda number: verb(listing.pk, by=f"user:{number}"))

    assert len([each for each in results if isinstance(each, ProductListing)]) == 1
    assert {type(each) for each in failures(results)} == {lifecycle.IllegalArrow}
    assert ProductListing.objects.get().version == 2
    one_story(listing)


def test_ten_requests_for_two_arrows_and_one_wins() -> None:
    listing = make_listing()
    headers = token(staff("ann", group="Operators"))

    def move(number: int) -> int:
        body = {"to_state": ("MESSAGING", "CANCELLED")[number % 2]}
        path = f"/admin/listings/{listing.pk}/transition"
        return Client().post(path, body, content_type="application/json", headers=headers).status_code

    statuses = at_once(10, move)
    # MESSAGING may still be cancelled, so that one or two arrows were taken, and never one twice.
    assert set(statuses) == {200, 422}
    assert statuses.count(200) == ProductListing.objects.get().version - 1
    one_story(listing)


def without_the_lock(monkeypatch: pytest.MonkeyPatch, readers: int) -> None:
    """Let the door read without locking, and all readers read before any of them writes."""
    together = threading.Barrier(readers)

    def unlocked(listing_id: Any) -> ProductListing:
        listing = ProductListing.objects.annotate(db_now=Clock()).get(pk=listing_id)
        together.wait(PATIENCE)
        return listing

    monkeypatch.setattr(lifecycle, "locked", unlocked)


@pytest.mark.postgres
def test_without_the_lock_the_second_would_fail_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = make_listing()
    without_the_lock(monkeypatch, 4)
    results = at_once(4, lambda number: lifecycle.message_seller(listing.pk, by=f"user:{number}"))
    # Not the clear answer "no such arrow", but the guards behind the door: a conflict nobody can act upon.
    assert lifecycle.IllegalArrow not in {type(each) for each in failures(results)}
    assert failures(results)


def overdue() -> ProductListing:
    listing = make_listing(State.MESSAGING)
    ProductListing.objects.filter(pk=listing.pk).update(deadline_at=Now() - timedelta(seconds=1))
    return listing


def test_a_sweep_against_the_sellers_answer_is_won_by_one() -> None:
    for _ in range(10):
        listing = overdue()

        def act(number: int, listing: ProductListing = listing) -> Any:
            if number % 2:
                return timeouts.cancel_overdue()
            return lifecycle.start_negotiating(listing.pk, by="chatterbot")

        results = at_once(4, act)
        assert {type(each) for each in failures(results)} <= {lifecycle.IllegalArrow}
        state = ProductListing.objects.get(pk=listing.pk).state
        assert state in ("NEGOTIATING", "CANCELLED")
        assert sum(each for each in results if isinstance(each, int)) == (state == "CANCELLED")
        assert TransitionLog.objects.filter(listing=listing).count() == 3
        one_story(listing)


def test_a_re_sighting_waits_for_an_arrow_and_then_leaves_the_price_alone() -> None:
    for number in range(8):
        listing = make_listing(number=number + 1, price=400)

        def act(which: int, listing: ProductListing = listing, number: int = number) -> Any:
            if which:
                return lifecycle.message_seller(listing.pk, by="user:ann")
            return jobs.complete(uuid.uuid4(), brands=[], matches=[a_match(number + 1, price=300)])

        assert not failures(at_once(2, act))
        after = ProductListing.objects.get(pk=listing.pk)
        events = OutboxMessage.objects.filter(key=str(listing.pk), channel="events").order_by("id")
        topics = [event.topic for event in events]
        # Whichever came first: a price that changed was announced before the arrow, and none after it.
        assert after.state == "MESSAGING"
        if after.asking_price == 300:
            assert topics == ["listing.created", "listing.price_changed", "listing.state.messaging"]
        else:
            assert topics == ["listing.created", "listing.state.messaging"]
