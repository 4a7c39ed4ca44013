"""RECEIVED → LISTED through eBayLister: asked once, answered, refused word for word, mended and asked again."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.dateparse import parse_datetime

from integrations.models import DeliveryAttempt
from integrations.simulators import Simulators
from integrations.simulators.sales import Offer
from listings.states import State
from tests.factories import make_listing, rows
from tests.offers.conftest import (
    CREATE,
    a_photo,
    calls,
    keys,
    notes,
    offer,
    ready,
    row,
    serve,
    switch,
    time_passes,
    until_settled,
)
from tests.selling.sales import fresh, said

pytestmark = pytest.mark.django_db
WORDS = "The item specific Film Format is missing. Add Film Format to this listing."


def test_it_waits_in_received_and_is_listed_when_ebaylister_has_answered(sims: Simulators, ask: Any) -> None:
    listing = ready()
    response = ask(listing, reason="photos are good")
    body = response.json()
    assert (response.status_code, body["state"], body["ebay_listing_id"]) == (202, "RECEIVED", None)
    pending = body["pending"]
    assert (pending["operation"], pending["requested_by"]) == (CREATE, "user:ben")
    assert (pending["attempts"], pending["last_error"]) == (0, None)
    assert calls(sims, "POST") == []

    assert serve() == 1
    now, (made,) = fresh(listing), sims.ebaylister.listings
    assert (now.state, now.ebay_listing_id, now.ebay_asking_price) == (
        "LISTED",
        made.listing_id,
        Decimal("500.00"),
    )
    last = listing.history.latest("sequence")
    assert (last.triggered_by, last.metadata) == ("ebay", {"reason": "photos are good"})
    kept = offer(listing)
    assert (kept.offer_id, kept.url) == (made.offer_id, made.url)
    assert kept.requested_at and kept.accepted_at and kept.requested_at <= kept.accepted_at
    assert notes(listing) == ["Asked eBayLister to list it at £500.00. photos are good"]


def test_what_is_sent(sims: Simulators, ask: Any, client: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://cameras.example"
    listing = ready(title="Sony  A6400\n" + "with many words " * 10)
    a_photo(listing, 1)
    requested_at = parse_datetime(ask(listing, ebay_asking_price="449.999").json()["pending"]["requested_at"])
    serve()
    (request,) = calls(sims, "POST")
    sent = request.json()
    shown = sent.pop("photos")
    assert sent == {
        "sku": str(listing.pk),
        "title": "Sony A6400 with many words with many words with many words with many words with",
        "brand": "Sony",
        "model": "a6400",
        "price": {"value": "450.00", "currency": "GBP"},
        "condition": "Used",
        "description": sent["description"],
    }
    assert len(sent["title"]) <= 80
    assert sent["description"].startswith("Sony a6400\n\nCondition: Used.")
    assert request.headers["authorization"] == f"Bearer {settings.EBAY_API_KEY}"
    assert request.headers["idempotency-key"] == str(row(listing).event_id)
    assert len(shown) == 2
    assert requested_at is not None
    until = int((requested_at + timedelta(days=30)).timestamp())
    for address in shown:
        parts = urlsplit(address)
        assert (parts.scheme, parts.netloc) == ("https", "cameras.example")
        assert f"until={until}&" in parts.query


def test_asked_again_while_it_is_pending_nothing_more_happens(sims: Simulators, ask: Any) -> None:
    listing = ready()
    first = ask(listing, ebay_asking_price="450").json()
    before = rows()
    again = ask(listing, ebay_asking_price="999")
    assert (again.status_code, again.json()["pending"]) == (202, first["pending"])
    assert rows() == before
    assert serve() == 1
    assert fresh(listing).ebay_asking_price == Decimal("450.00")


def test_a_listing_shows_what_is_pending_and_a_list_asks_once_for_all(
    sims: Simulators, ask: Any, operator: Client
) -> None:
    assert operator.get(f"/admin/listings/{make_listing().pk}").json()["pending"] is None
    waiting = [ready() for _ in range(3)]
    for listing in waiting:
        ask(listing)
    with CaptureQueriesContext(connection) as queries:
        shown = operator.get("/admin/listings").json()["listings"]
    assert {each["id"] for each in shown if each["pending"]} == {str(each.pk) for each in waiting}
    assert len([each for each in queries if "integrations_outboxmessage" in each["sql"]]) == 1
    serve()
    assert operator.get(f"/admin/listings/{waiting[0].pk}").json()["pending"] is None


REFUSALS: dict[str, tuple[dict[str, Any], bool, dict[str, Any], str]] = {
    "no photo": ({}, False, {}, "photos"),
    "no price": ({"potential_profit": None}, True, {}, "ebay_asking_price"),
    "a price of zero": ({}, True, {"ebay_asking_price": "0"}, "ebay_asking_price"),
    "no amount": ({}, True, {"ebay_asking_price": "lots"}, "ebay_asking_price"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_not_ready_is_refused_by_field_and_writes_nothing(ask: Any, name: str) -> None:
    match, with_photo, told, field = REFUSALS[name]
    listing = make_listing(State.RECEIVED, **match)
    if with_photo:
        a_photo(listing)
    before = rows()
    response = ask(listing, **told)
    assert (response.status_code, list(response.json()["detail"])) == (422, [field])
    assert rows() == before


@pytest.mark.parametrize("state", [each for each in State if each != State.RECEIVED])
def test_only_what_is_received_is_listed(ask: Any, state: State) -> None:
    listing = make_listing(state)
    before = rows()
    response = ask(listing)
    assert (response.status_code, list(response.json()["detail"])) == (422, ["to_state", "allowed"])
    assert rows() == before


def test_a_refusal_is_shown_word_for_word_and_by_field_then_mended_and_asked_again(
    sims: Simulators, ask: Any, ebay: Any, settings: Any
) -> None:
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "1:x", "5"
    listing = ready(title="Sony film camera")
    ask(listing)
    assert serve() == 0
    now = fresh(listing)
    assert now.state == "RECEIVED"
    assert now.error_message == f"Not listed on eBay: eBayLister answered 422: description: {WORDS}"
    shown = ebay("get", listing).json()
    assert (shown["problems"], shown["pending"]) == ({"description": [WORDS]}, None)
    assert len(said()) == 1

    assert ebay("patch", listing, description="A camera. Film Format: 35 mm").json()["problems"] == {}
    assert ask(listing).json()["pending"]["attempts"] == 0
    assert fresh(listing).error_message is None
    assert serve() == 1
    first, second = keys(sims, "POST")
    assert first != second
    assert fresh(listing).state == "LISTED"
    assert sims.ebaylister.listings[0].description == "A camera. Film Format: 35 mm"
    # One row, so that nothing is left of the refused call to be tried again.
    assert row(listing).state == "delivered"
    assert DeliveryAttempt.objects.filter(message=row(listing)).count() == 2


def test_a_plain_retry_repeats_the_same_call(
    sims: Simulators, ask: Any, client: Client, headers: Any
) -> None:
    listing = ready()
    switch(sims, outcome="rejected", times=1)
    ask(listing)
    serve()
    assert fresh(listing).error_message
    response = client.post(f"/admin/listings/{listing.pk}/retry", headers=headers)
    assert (response.status_code, response.json()["operations"]) == (202, [CREATE])
    assert serve() == 1
    first, second = calls(sims, "POST")
    assert first.body == second.body
    assert len(set(keys(sims, "POST"))) == 1
    assert (fresh(listing).state, fresh(listing).error_message) == ("LISTED", None)


def test_retry_after_mending_does_not_send_both(
    sims: Simulators, ask: Any, client: Client, headers: Any
) -> None:
    listing = ready(title="Sony film camera")
    ask(listing)
    serve()
    ask(listing)
    client.post(f"/admin/listings/{listing.pk}/retry", headers=headers)
    serve()
    assert len(calls(sims, "POST")) == 2


@pytest.mark.parametrize("fault", [{"status": 503}, {"garbage": True}, {"retry_after": 5}], ids=str)
def test_a_passing_fault_is_repeated_with_the_same_key(
    sims: Simulators, ask: Any, fault: dict[str, Any]
) -> None:
    listing = ready()
    switch(sims, **fault, times=2)
    ask(listing)
    until_settled()
    assert fresh(listing).state == "LISTED"
    assert len(sims.ebaylister.listings) == 1
    assert len(set(keys(sims, "POST"))) == 1
    assert len(keys(sims, "POST")) == 3


def test_with_patience_at_its_end_it_is_shown(sims: Simulators, ask: Any) -> None:
    listing = ready()
    switch(sims, status=500)
    ask(listing)
    until_settled()
    assert (fresh(listing).state, row(listing).attempts) == ("RECEIVED", 10)
    assert fresh(listing).error_message == "Not listed on eBay: eBayLister answered 500."


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"listing_id": ""},
        {"listing_id": "1" * 65},
        {"listing_id": ["1"]},
        {"listing_id": "11", "sku": "another"},
    ],
    ids=str,
)
def test_an_answer_that_names_no_listing_of_ours_is_not_believed(
    sims: Simulators, ask: Any, answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = ready()
    with monkeypatch.context() as patched:
        patched.setattr(Offer, "created", lambda self: answer)
        ask(listing)
        assert serve() == 0
    assert (fresh(listing).state, row(listing).state) == ("RECEIVED", "failing")


def test_a_number_that_another_listing_has_is_not_taken(
    sims: Simulators, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, listing = make_listing(State.LISTED), ready()
    answer = {"listing_id": other.ebay_listing_id}
    with monkeypatch.context() as patched:
        patched.setattr(Offer, "created", lambda self: answer)
        ask(listing)
        serve()
    assert (fresh(listing).state, row(listing).state) == ("RECEIVED", "failing")
    assert other.short_code in row(listing).last_error
    time_passes(20)
    assert serve() == 1  # asked again under the same key, it answers what is this one's
    assert fresh(listing).state == "LISTED"
    assert fresh(listing).ebay_listing_id not in (None, other.ebay_listing_id)
