"""Lost answers, workers that die, many who ask at once, and the sale that comes first: one eBay listing each."""

import threading
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from integrations.clock import Clock
from integrations.models import OutboxMessage
from integrations.simulators import Simulators
from listings import lifecycle, offers
from listings.models import ProductListing, TransitionLog
from listings.offers import answers
from listings.offers import calls as offer_calls
from listings.states import State
from scraping import jobs
from tests.factories import a_match
from tests.offers.conftest import (
    CREATE,
    a_photo,
    calls,
    keys,
    ready,
    row,
    serve,
    switch,
    time_passes,
    until_settled,
)
from tests.races import PATIENCE, at_once, failures
from tests.selling.sales import arrows, coherent, fresh, sale, teller

pytestmark = pytest.mark.django_db(transaction=True)


def many(count: int) -> list[ProductListing]:
    """Return cameras that are ready, all found by one job."""
    jobs.complete(uuid.uuid4(), brands=["Sony"], matches=[a_match() for _ in range(count)])
    listings = list(ProductListing.objects.order_by("id"))
    for listing in listings:
        lifecycle.walk(listing.pk, State.RECEIVED, by="user:test")
        a_photo(listing)
    return listings


def test_fifty_answers_lost_after_the_commit_give_fifty_listings(sims: Simulators) -> None:
    for listing in many(50):
        offers.to_list(listing.pk, by="user:ann")
        switch(sims, drop_answer=True, times=1)
        assert serve() == 0
        time_passes(20)
        assert serve() == 1

    made = {each.sku: each.listing_id for each in sims.ebaylister.listings}
    listed = ProductListing.objects.filter(state=State.LISTED)
    assert {str(each.pk): each.ebay_listing_id for each in listed} == made
    assert len(set(made.values())) == 50
    assert len(calls(sims, "POST")) == 100
    assert len(set(keys(sims, "POST"))) == 50
    assert TransitionLog.objects.filter(to_state=State.LISTED).count() == 50
    assert OutboxMessage.objects.filter(topic="listing.state.listed").count() == 50
    assert not listed.filter(error_message__isnull=False).exists()


def test_a_worker_that_dies_before_our_commit_is_made_good(
    sims: Simulators, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = ready()
    ask(listing)

    def dies(*args: Any, **told: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(lifecycle, "list_on_ebay", dies)
        with pytest.raises(SystemExit):
            serve()
    assert len(sims.ebaylister.listings) == 1
    assert (fresh(listing).state, row(listing).state) == ("RECEIVED", "waiting")

    assert serve() == 1
    (made,) = sims.ebaylister.listings
    assert fresh(listing).ebay_listing_id == made.listing_id
    assert len(set(keys(sims, "POST"))) == 1
    assert arrows(listing).count("LISTED") == 1
    coherent(listing)


def test_a_worker_that_dies_behind_our_commit_is_made_good(
    sims: Simulators, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = ready()
    ask(listing)
    serve()
    # The row as a worker leaves it that never wrote down that it was delivered.
    OutboxMessage.objects.filter(topic=CREATE).update(delivered_at=None)
    assert serve() == 1
    assert len(calls(sims, "POST")) == 1
    assert (fresh(listing).error_message, arrows(listing).count("LISTED")) == (None, 1)


# ---- at once ------------------------------------------------------------------------------------


def test_twenty_who_ask_at_once_ask_for_one(sims: Simulators, headers: Any) -> None:
    listing = ready()
    path = f"/admin/listings/{listing.pk}/transition"

    def post(number: int) -> Any:
        body = {"to_state": "LISTED", "ebay_asking_price": 450 + number}
        return Client().post(path, body, content_type="application/json", headers=headers)

    answers = at_once(20, post)
    assert not failures(answers)
    assert {each.status_code for each in answers} == {202}
    assert len({each.json()["pending"]["requested_at"] for each in answers}) == 1
    asked = row(listing)  # the only one
    serve()
    assert fresh(listing).ebay_asking_price == Decimal(asked.body["offer"]["price"]["value"])
    assert len(calls(sims, "POST")) == 1


@pytest.mark.postgres
def test_without_the_lock_it_would_be_asked_for_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = ready()
    together = threading.Barrier(4)

    def unlocked(listing_id: Any) -> ProductListing:
        return ProductListing.objects.annotate(db_now=Clock()).get(pk=listing_id)

    is_pending = offer_calls.is_pending

    def looked(*args: Any) -> bool:
        found = is_pending(*args)
        together.wait(PATIENCE)
        return found

    monkeypatch.setattr(lifecycle, "locked", unlocked)
    monkeypatch.setattr(offer_calls, "is_pending", looked)
    at_once(4, lambda number: offers.to_list(listing.pk, by=f"user:{number}"))
    assert OutboxMessage.objects.filter(topic=CREATE).count() > 1


def test_listed_by_hand_and_by_ebaylister_at_the_same_moment(sims: Simulators, ask: Any) -> None:
    for number in range(3):
        listing = ready()
        ask(listing)
        by_hand = f"11088{number}"

        def act(which: int, listing: ProductListing = listing, by_hand: str = by_hand) -> Any:
            if which:
                return serve()
            return lifecycle.list_on_ebay(listing.pk, by="user:ann", ebay_listing_id=by_hand)

        results = at_once(2, act)
        assert {type(each) for each in failures(results)} <= {lifecycle.IllegalArrow}
        until_settled()
        now = fresh(listing)
        made = [each.listing_id for each in sims.ebaylister.listings if each.sku == str(listing.pk)]
        assert arrows(listing).count("LISTED") == 1
        # Either it is known under eBayLister's number, or staff are told that there are two, or there is one.
        twice = made not in ([], [now.ebay_listing_id])
        assert twice == ("It is on eBay twice" in (now.error_message or ""))
        coherent(listing)


# ---- the sale comes first -----------------------------------------------------------------------


@pytest.mark.parametrize("names", [{}, {"listing_id": ...}], ids=["by number", "by sku"])
def test_the_sale_comes_before_the_answer_that_was_lost(
    sims: Simulators, ask: Any, client: Client, names: dict[str, Any]
) -> None:
    listing = ready()
    switch(sims, drop_answer=True, times=1)
    ask(listing, ebay_asking_price="480")
    serve()
    (made,) = sims.ebaylister.listings
    told = teller(client)(sale(listing, **{"listing_id": made.listing_id, **names}))
    assert (told.status_code, told.json()["state"]) == (200, "SOLD")
    assert fresh(listing).ebay_asking_price == Decimal("480.00")
    until_settled()
    assert (row(listing).state, fresh(listing).error_message) == ("delivered", None)
    assert len(calls(sims, "POST")) == 1
    assert arrows(listing)[-2:] == ["LISTED", "SOLD"]
    coherent(listing)


def test_the_sale_comes_while_ebaylister_answers(
    sims: Simulators, ask: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = ready()
    ask(listing)
    accepted = answers._accepted

    def sold_first(delivery: Any, made: Any) -> str:
        assert teller(client)(sale(listing, listing_id=...)).status_code == 200
        return accepted(delivery, made)

    monkeypatch.setattr(answers, "_accepted", sold_first)
    assert serve() == 1
    now, (made,) = fresh(listing), sims.ebaylister.listings
    assert (now.state, now.ebay_listing_id, now.error_message) == ("SOLD", made.listing_id, None)
    coherent(listing)


def test_the_sale_takes_back_the_error_that_it_was_not_listed(
    sims: Simulators, ask: Any, client: Client
) -> None:
    listing = ready()
    switch(sims, drop_answer=True, times=10)
    ask(listing)
    until_settled()
    assert "Not listed on eBay" in str(fresh(listing).error_message)
    (made,) = sims.ebaylister.listings
    teller(client)(sale(listing, listing_id=made.listing_id))
    until_settled()
    assert (fresh(listing).state, fresh(listing).error_message) == ("SOLD", None)
    assert row(listing).state == "delivered"
