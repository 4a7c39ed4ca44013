"""A callback about what we do not know yet waits, is tried again, and starves nobody."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from aetos import queues
from integrations import relay, tasks
from integrations.models import InboxMessage
from integrations.simulators import Simulators
from integrations.tasks import process_inbox
from listings.models import Lead, ProductListing
from listings.states import State
from tests.buying.conftest import fresh, last_inbox, serve, stranger, switch
from tests.factories import a_job, a_match, dumps, make_listing, rows

pytestmark = pytest.mark.django_db

Status = InboxMessage.Status


@pytest.mark.parametrize("kind", ["message-sent", "seller-replied", "deal-confirmed", "deal-failed"])
@pytest.mark.parametrize("name", ["listing_id", "order_id"])
def test_it_is_parked_and_says_why(tell: Any, kind: str, name: str) -> None:
    told = {"listing_id": stranger()} if name == "listing_id" else {"order_id": 4711}
    before = rows()
    answer = tell(kind, **told, agreed_price=380)

    assert (answer.status_code, answer.json()) == (202, {"status": "parked"})
    row = last_inbox()
    assert row.status == Status.PARKED
    what = f"listing {told['listing_id']}" if name == "listing_id" else "order 4711"
    assert row.detail == f"About {what}, which we do not know (yet)."
    assert rows() == {**before, "InboxMessage": before["InboxMessage"] + 1}
    assert process_inbox() == 1
    assert last_inbox().status == Status.PARKED


def test_an_order_that_is_learnt_from_the_answer(sims: Simulators, tell: Any) -> None:
    listing = make_listing(State.MESSAGING)
    order_id = sims.chatterbot.first_order_id
    assert tell("deal-confirmed", order_id=order_id, agreed_price=380).status_code == 202
    process_inbox()
    assert fresh(listing).state == State.MESSAGING
    serve()
    process_inbox()

    assert Lead.objects.get(listing=listing).order_id == order_id
    assert fresh(listing).state == State.PURCHASED
    assert fresh(listing).negotiated_price == 380
    assert (last_inbox().status, last_inbox().subject) == (Status.PROCESSED, listing.pk)


def test_an_order_that_is_learnt_from_a_look_up(sims: Simulators, tell: Any) -> None:
    listing = make_listing(State.MESSAGING)
    switch(sims, drop_answer=True, times=1)
    serve()
    (order_id,) = sims.chatterbot.leads.rows
    assert tell("seller-replied", order_id=order_id).status_code == 202
    relay.deliver_again(relay.pending("chatterbot").values_list("pk", flat=True))
    serve()
    process_inbox()
    assert fresh(listing).state == State.NEGOTIATING


def test_a_listing_that_comes_later(tell: Any, post_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from integrations.ids import uuid7

    known_before = uuid7()
    tell("seller-replied", listing_id=str(known_before))
    monkeypatch.setattr("listings.ingest.uuid7", lambda: known_before)
    post_job(a_job(a_match()))
    process_inbox()
    assert ProductListing.objects.get(pk=known_before).state == State.NEGOTIATING


def test_what_has_become_impossible_meanwhile_is_a_conflict(sims: Simulators, tell: Any) -> None:
    from listings import lifecycle

    listing = make_listing(State.MESSAGING)
    tell("deal-confirmed", order_id=sims.chatterbot.first_order_id, agreed_price=380)
    serve()
    lifecycle.cancel(listing.pk, by="user:ann")
    process_inbox()
    assert (last_inbox().status, last_inbox().subject) == (Status.CONFLICT, listing.pk)


def test_beat_tries_again_within_a_minute() -> None:
    (entry,) = [
        each for each in queues.beat_schedule.values() if each["task"] == "integrations.process_inbox"
    ]
    assert entry["schedule"] <= 60


def old_ones(count: int, kind: str = "seller-replied") -> None:
    InboxMessage.objects.bulk_create(
        InboxMessage(
            partner="chatterbot",
            kind=kind,
            body=dumps({"order_id": 2_000_000_000 - number}),
            content_type="application/json",
            status=Status.PARKED,
            received_at=Now() - timedelta(days=30),
            processed_at=Now() - timedelta(days=30 if number % 2 else 1),
        )
        for number in range(count)
    )


def later_known(sims: Simulators, tell: Any) -> Any:
    """Park a callback about an order, and learn of the order."""
    listing = make_listing(State.MESSAGING)
    tell("seller-replied", order_id=sims.chatterbot.first_order_id)
    serve()
    return listing


def test_five_hundred_old_ones_do_not_starve_a_new_one(sims: Simulators, tell: Any) -> None:
    old_ones(500)
    listing = later_known(sims, tell)
    for _ in range(2):  # a minute
        process_inbox()
    assert fresh(listing).state == State.NEGOTIATING
    assert InboxMessage.objects.filter(status=Status.PARKED).count() == 500


def test_nor_do_old_ones_that_fail_for_a_fault_of_ours(
    sims: Simulators, tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "BATCH", 10)
    old_ones(10, kind="a-kind-that-nobody-understands-any-more")
    listing = later_known(sims, tell)
    for _ in range(2):
        process_inbox()
    assert fresh(listing).state == State.NEGOTIATING


def test_one_that_fails_stops_no_other(sims: Simulators, tell: Any) -> None:
    old_ones(1, kind="a-kind-that-nobody-understands-any-more")
    listing = later_known(sims, tell)
    process_inbox()
    assert fresh(listing).state == State.NEGOTIATING
    with connection.cursor() as cursor:  # no failed transaction is left behind
        cursor.execute("SELECT 1")
