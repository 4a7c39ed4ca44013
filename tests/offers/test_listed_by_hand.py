"""Somebody was quicker than eBayLister: it was listed by hand, or by a call whose answer was lost."""

from decimal import Decimal
from typing import Any

import pytest

from integrations.models import OutboxMessage
from integrations.simulators import Simulators
from listings.models import ProductListing
from tests.offers.conftest import UPDATE, calls, ready, row, serve, switch, until_settled
from tests.selling.sales import arrows, fresh

pytestmark = pytest.mark.django_db


def test_listed_by_hand_while_it_waits_ebaylister_is_not_called(sims: Simulators, ask: Any) -> None:
    listing = ready()
    ask(listing)
    response = ask(listing, ebay_listing_id="110077", ebay_asking_price="480")
    assert (response.status_code, response.json()["state"]) == (200, "LISTED")
    assert serve() == 1
    assert calls(sims, "POST") == []
    now = fresh(listing)
    assert (now.ebay_listing_id, now.ebay_asking_price) == ("110077", Decimal("480.00"))
    assert row(listing).state == "delivered"


def test_listed_by_hand_after_it_was_refused_the_error_goes(sims: Simulators, ask: Any) -> None:
    listing = ready(title="Sony film camera")
    ask(listing)
    serve()
    assert fresh(listing).error_message
    ask(listing, ebay_listing_id="110077")
    assert serve() == 1
    assert (fresh(listing).error_message, row(listing).state) == (None, "delivered")
    assert len(calls(sims, "POST")) == 1


def lost_and_listed_by_hand(sims: Simulators, ask: Any) -> ProductListing:
    """Lose eBayLister's answer to a listing's call, then have staff say under which number they listed it."""
    listing = ready()
    switch(sims, drop_answer=True, times=1)
    ask(listing)
    serve()
    ask(listing, ebay_listing_id="110077")
    return listing


def test_listed_by_hand_and_by_a_call_whose_answer_was_lost_staff_are_told_of_two(
    sims: Simulators, ask: Any
) -> None:
    listing = lost_and_listed_by_hand(sims, ask)
    until_settled()
    (made,) = sims.ebaylister.listings
    now = fresh(listing)
    assert (now.state, now.ebay_listing_id) == ("LISTED", "110077")
    assert f"It is on eBay twice: as 110077, and as {made.listing_id}" in str(now.error_message)
    assert row(listing).state == "given up"


def test_where_ebaylister_cannot_be_asked_for_a_sku_staff_are_told_to_look(
    sims: Simulators, ask: Any
) -> None:
    listing = lost_and_listed_by_hand(sims, ask)
    switch(sims, status=404, on="GET /listings")
    until_settled()
    assert "look on eBay whether it is there twice" in str(fresh(listing).error_message)


def test_listed_by_hand_under_the_number_of_the_lost_answer_all_is_well(sims: Simulators, ask: Any) -> None:
    listing = ready()
    switch(sims, drop_answer=True, times=1)
    ask(listing)
    serve()
    (made,) = sims.ebaylister.listings
    ask(listing, ebay_listing_id=made.listing_id, ebay_asking_price="480")
    until_settled()
    now = fresh(listing)
    assert (now.error_message, now.ebay_asking_price) == (None, Decimal("480.00"))
    assert row(listing).state == "delivered"
    assert arrows(listing).count("LISTED") == 1


def test_a_mended_draft_reaches_what_a_lost_answer_had_listed(sims: Simulators, ask: Any, ebay: Any) -> None:
    listing = ready()
    switch(sims, drop_answer=True, times=10)
    ask(listing)
    until_settled()
    assert row(listing).state == "given up"
    ebay("patch", listing, title="Sony A6400 with strap", price="520")
    ask(listing)
    until_settled()
    (made,) = sims.ebaylister.listings
    assert (made.title, made.price) == ("Sony A6400 with strap", "520.00")
    now: ProductListing = fresh(listing)
    assert (now.state, now.ebay_asking_price, now.error_message) == ("LISTED", Decimal("520.00"), None)
    assert OutboxMessage.objects.get(topic=UPDATE).state == "delivered"
