"""A listing is cancelled: Chatterbot stops writing, if it had the lead, at whatever moment that was."""

from typing import Any

import pytest

from integrations.models import InboxMessage, OutboxMessage
from integrations.simulators import Simulators
from listings import deliveries, leads, lifecycle
from listings.models import Lead, ProductListing
from listings.states import State
from tests.buying.conftest import (
    call_row,
    calls,
    fresh,
    point_to,
    posted,
    serve,
    switch,
    time_passes,
    until_delivered,
)
from tests.factories import make_listing

pytestmark = pytest.mark.django_db

STOP = "chatterbot.stop_lead"


def cancel(listing: ProductListing) -> None:
    lifecycle.cancel(listing.pk, by="user:ann", reason="too far away")


def stopped_at_chatterbot(sims: Simulators) -> list[str]:
    return [row.status for row in sims.chatterbot.leads.rows.values()]


@pytest.mark.parametrize("state", [State.MESSAGING, State.NEGOTIATING, State.PURCHASED])
def test_an_accepted_lead_is_stopped(sims: Simulators, state: State) -> None:
    listing = make_listing(State.MESSAGING)
    serve()
    lead = Lead.objects.get(listing=listing)
    if state != State.MESSAGING:
        lifecycle.walk(listing.pk, state, by="user:ann")
    cancel(listing)
    serve()

    (put,) = calls(sims, "PUT")
    assert put.path == f"/leads/{lead.order_id}/status"
    assert put.json() == {"status": "cancelled"}
    assert put.headers["authorization"] == f"Bearer {sims.keys.chatterbot_api_key}"
    assert stopped_at_chatterbot(sims) == ["cancelled"]
    assert Lead.objects.get(listing=listing).stopped_at is not None


def test_a_found_listing_has_nothing_to_stop(sims: Simulators) -> None:
    listing = make_listing()
    cancel(listing)
    assert (serve(), calls(sims)) == (0, [])
    assert not OutboxMessage.objects.filter(channel="chatterbot").exists()


def test_cancelled_before_delivery_it_is_never_sent(sims: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    cancel(listing)
    serve()
    time_passes(10_000)
    serve()

    assert calls(sims) == []
    assert call_row(listing).state == "delivered"
    assert not OutboxMessage.objects.filter(topic=STOP).exists()
    assert Lead.objects.get(listing=listing).accepted_at is None


def test_cancelled_while_it_is_being_sent_it_is_stopped(
    sims: Simulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = make_listing(State.MESSAGING)
    send = leads.chatterbot.send_lead

    def and_meanwhile(lead: Any) -> int | None:
        order = send(lead)
        cancel(listing)
        return order

    monkeypatch.setattr(leads.chatterbot, "send_lead", and_meanwhile)
    until_delivered()

    assert [each.method for each in calls(sims)] == ["POST", "PUT"]
    assert stopped_at_chatterbot(sims) == ["cancelled"]


@pytest.mark.parametrize("lost", [{"drop_answer": True}, {"garbage": True}, {"empty": True}])
def test_cancelled_after_its_answer_was_lost_it_is_stopped(sims: Simulators, lost: dict[str, Any]) -> None:
    listing = make_listing(State.MESSAGING)
    switch(sims, **lost, times=1)
    serve()
    assert stopped_at_chatterbot(sims) == ["pending"]
    cancel(listing)
    time_passes(30)
    until_delivered()

    assert len(posted(sims)) == 1
    assert stopped_at_chatterbot(sims) == ["cancelled"]


def test_cancelled_after_a_refusal_nothing_is_sent_and_the_error_goes(sims: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    switch(sims, status=400, times=1)
    serve()
    assert fresh(listing).error_message
    cancel(listing)
    until_delivered()

    assert (len(posted(sims)), stopped_at_chatterbot(sims)) == (1, [])
    assert fresh(listing).error_message is None


def test_given_up_with_its_answers_lost_and_cancelled_it_is_stopped(sims: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    switch(sims, drop_answer=True)
    for _ in range(30):
        serve()
        time_passes(1000)
    assert call_row(listing).state == "given up"
    assert stopped_at_chatterbot(sims) == ["pending"]
    switch(sims)
    cancel(listing)
    until_delivered()

    assert stopped_at_chatterbot(sims) == ["cancelled"]
    assert fresh(listing).error_message is None


def test_the_answer_to_a_stop_may_be_lost(sims: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    serve()
    cancel(listing)
    for fault in ({"drop_answer": True}, {"garbage": True}, {"status": 503}):
        switch(sims, **fault, times=1)
        serve()
        time_passes(1000)
    assert Lead.objects.get(listing=listing).stopped_at is None
    until_delivered()
    assert Lead.objects.get(listing=listing).stopped_at is not None


def test_an_order_that_is_not_known_is_looked_up_to_be_stopped(sims: Simulators) -> None:
    listing = duplicate_without_order(sims)
    cancel(listing)
    until_delivered()
    assert stopped_at_chatterbot(sims) == ["cancelled"]


def test_an_order_that_cannot_be_found_must_be_stopped_by_hand(sims: Simulators) -> None:
    listing = duplicate_without_order(sims)
    for row in sims.chatterbot.leads.rows.values():
        row.status = "messaged"  # no longer pending: it cannot be looked up any more
    cancel(listing)
    serve()

    assert call_row(listing, STOP).state == "given up"
    message = fresh(listing).error_message or ""
    assert message.startswith("Chatterbot was not stopped: Chatterbot must be stopped by hand")


def test_an_order_that_chatterbot_forgot_is_an_alarm(sims: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    serve()
    sims.chatterbot.leads.rows.clear()
    cancel(listing)
    serve()
    assert "it does not know order" in (fresh(listing).error_message or "")

    ProductListing.objects.filter(pk=listing.pk).update(title="again")  # retry is possible all the same
    assert deliveries.retry(listing.pk, by="user:ann") == [STOP]


def test_an_order_number_that_another_listing_has_stops_the_right_one(sims: Simulators) -> None:
    first = make_listing(State.MESSAGING)
    serve()
    number = Lead.objects.get(listing=first).order_id
    listing = duplicate_without_order(sims)
    (mine,) = [row for row in sims.chatterbot.leads.rows.values() if row.listing_id == str(listing.pk)]
    Lead.objects.filter(listing=first).update(order_id=mine.order_id)  # its numbering began anew
    cancel(listing)
    until_delivered()

    assert Lead.objects.get(listing=listing).stopped_at is not None
    assert number and mine.status == "cancelled"


def test_a_failed_deal_is_stopped_by_its_number_or_not_at_all(sims: Simulators, tell: Any) -> None:
    known, unknown = make_listing(State.MESSAGING), make_listing()
    serve()
    assert tell("message-sent", listing_id=str(unknown.pk)).status_code == 200
    for each in (known, unknown):
        assert tell("deal-failed", listing_id=str(each.pk), reason="sold").json()["state"] == "CANCELLED"
    until_delivered()

    assert len(calls(sims, "PUT")) == 1
    assert fresh(unknown).error_message is None  # Chatterbot ended it: nobody need be alarmed


def test_a_callback_about_a_cancelled_listing_shows_that_chatterbot_has_the_lead(
    sims: Simulators, tell: Any
) -> None:
    listing = make_listing(State.MESSAGING)
    switch(sims, drop_answer=True, times=1)
    serve()
    cancel(listing)
    (row,) = sims.chatterbot.leads.rows.values()
    row.status = "messaged"
    answer = tell("deal-confirmed", order_id=row.order_id, listing_id=str(listing.pk), agreed_price=380)
    assert answer.status_code == 409
    assert InboxMessage.objects.latest("id").status == InboxMessage.Status.CONFLICT

    until_delivered()
    assert row.status == "cancelled"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["before", "twice"])
def test_a_callback_that_overtakes_the_answer(settings: Any, live_server: Any, kind: str) -> None:
    listing = make_listing(State.MESSAGING)
    with Simulators(live_server.url, time_scale=0.001) as sims:
        point_to(settings, sims)
        switch(sims, callback_before_answer=True, callback_twice=kind == "twice", times=1)
        serve()
        lead = Lead.objects.get(listing=listing)
        assert {call.status for call in sims.chatterbot.calls} <= {200, 202}
        assert lead.accepted_at and lead.order_id in sims.chatterbot.leads.rows
        assert fresh(listing).state == State.MESSAGING
        cancel(listing)
        until_delivered()
        assert stopped_at_chatterbot(sims) == ["cancelled"]


def duplicate_without_order(sims: Simulators) -> ProductListing:
    """Return a listing whose lead is accepted, though nobody knows its number."""
    listing = make_listing(State.MESSAGING)
    switch(sims, drop_answer=True, times=1)
    serve()
    switch(sims, status=500, on="GET /leads", times=1)
    time_passes(30)
    serve()
    lead = Lead.objects.get(listing=listing)
    assert lead.accepted_at and lead.order_id is None
    switch(sims)
    return listing
