"""Chatterbot is down, or hangs: it is asked seldom, its leads wait, nobody else does, and all go in the end."""

import threading
import uuid
from typing import Any

import pytest

from integrations import http, relay
from integrations.clock import now
from integrations.models import Channel, OutboxMessage
from integrations.simulators import Simulators
from listings import outreach
from listings.models import Lead, OutreachSettings, ProductListing
from listings.states import State
from scraping import jobs
from tests.buying.conftest import calls, posted, serve, switch, time_passes
from tests.factories import a_match, make_listing, signed_in
from tests.races import PATIENCE, at_once, failures, until

MINUTES_DOWN = 6
STEP = 2  # seconds, as often as beat looks


def chatterbots() -> Channel:
    return Channel.objects.get(name="chatterbot")


@pytest.mark.django_db
def test_it_opens_after_five_failures_and_shows_it(sims: Simulators, long_waits: None) -> None:
    for _ in range(8):
        make_listing(State.MESSAGING)
    switch(sims, status=503)
    serve()

    row = chatterbots()
    assert len(calls(sims)) == 5
    assert (row.failures, row.last_error) == (5, "Chatterbot answered 503.")
    assert row.is_closed(now())
    assert row.leased_until is None
    serve()
    assert len(calls(sims)) == 5
    time_passes(3600)
    serve()
    assert len(calls(sims)) == 6  # one call, to see whether it is back


@pytest.mark.django_db
def test_the_first_success_lets_everything_go_at_once(sims: Simulators) -> None:
    for _ in range(8):
        make_listing(State.MESSAGING)
    switch(sims, status=503, times=6)
    serve()
    time_passes(15)
    serve()
    time_passes(15)
    assert serve() == 8

    row = chatterbots()
    assert (row.failures, row.closed_until, row.last_error) == (0, None, "")
    assert row.last_success_at is not None


@pytest.mark.django_db
def test_the_metrics_call_it_down_until_it_answers_and_not_only_between_two_tries(sims: Simulators) -> None:
    vera = signed_in("vera")

    def down() -> bool:
        text = vera.get("/metrics").content.decode()
        return 'aetos_channel_closed{channel="chatterbot"} 1.0' in text

    assert not down()
    for _ in range(8):
        make_listing(State.MESSAGING)
    switch(sims, status=503, times=5)
    serve()
    assert down()
    time_passes(60)
    assert not chatterbots().is_closed(now())
    assert down()
    serve()
    assert not down()


@pytest.mark.django_db
def test_a_refused_call_is_no_failure_of_the_channel(sims: Simulators) -> None:
    for _ in range(7):
        make_listing(State.MESSAGING)
    switch(sims, status=400, times=6)
    assert serve() == 1
    assert chatterbots().failures == 0


@pytest.mark.django_db
def test_the_first_retry_comes_within_thirty_seconds_also_while_the_breaker_is_open(sims: Simulators) -> None:
    for _ in range(5):
        make_listing(State.MESSAGING)
    switch(sims, status=503, times=5)
    serve()
    assert chatterbots().closed_until is not None
    make_listing(State.MESSAGING)
    for _ in range(30 // STEP):
        time_passes(STEP)
        serve()
    assert not relay.pending("chatterbot").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("down", "count"), [({"status": 503}, 200), ({"drop_answer": True}, 50)], ids=["down", "answers-lost"]
)
def test_many_approvals_while_it_is_down(sims: Simulators, down: dict[str, Any], count: int) -> None:
    jobs.complete(uuid.uuid4(), brands=["Sony"], matches=[a_match() for _ in range(count)])
    OutreachSettings.load()
    OutreachSettings.objects.update(hourly_rate=1000, daily_cap=1000, budget=count * 400)
    for listing_id in ProductListing.objects.values_list("pk", flat=True):
        outreach.approve(listing_id, by="user:ann")
    assert len(outreach.run()) == count
    switch(sims, **down)

    per_minute = []
    for _ in range(MINUTES_DOWN):
        before = len(calls(sims, "POST"))
        for _ in range(60 // STEP):
            serve()
            time_passes(STEP)
        per_minute.append(len(calls(sims, "POST")) - before)
    switch(sims)
    back = 0
    while relay.pending("chatterbot").exists():
        assert back < 60, "it does not drain"
        serve()
        time_passes(STEP)
        back += STEP

    assert max(per_minute) <= 40, per_minute
    assert sum(per_minute[1:]) / (MINUTES_DOWN - 1) <= 20
    assert back <= 30
    assert not OutboxMessage.objects.filter(
        channel="chatterbot", given_up_at__isnull=False
    ).exists()  # none lost
    taken = [row.listing_id for row in sims.chatterbot.leads.rows.values()]
    assert len(taken) == len(set(taken)) == count  # none doubled
    assert Lead.objects.filter(accepted_at__isnull=False, order_id__isnull=False).count() == count
    if "status" in down:
        created = [each for each in sims.chatterbot.requests if each.status == 201]
        assert len(created) == count


@pytest.mark.django_db(transaction=True)
def test_one_that_hangs_holds_up_no_other(sims: Simulators, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", PATIENCE)
    listing = make_listing(State.MESSAGING)
    jobs.trigger(brands=["Sony"], search="cameras", by="user:ann")
    switch(sims, hang=True, times=1)
    other_is_served = threading.Event()

    def serve_one(number: int) -> bool:
        if number:
            until(lambda: not sims.chatterbot.faults.shown(), "the call that hangs")
            serve("scraperv2")
            other_is_served.set()
            sims.world.stopping.set()  # which ends what hangs
        else:
            serve("chatterbot")
        http._session().close()
        return other_is_served.is_set()

    assert at_once(2, serve_one) == [True, True]
    assert sims.scraperv2.counts["POST /scrape"] == 1
    assert not Lead.objects.filter(listing=listing, accepted_at__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_channel_send_each_lead_once(sims: Simulators) -> None:
    for _ in range(12):
        make_listing(State.MESSAGING)

    def work(number: int) -> int:
        delivered = serve()
        http._session().close()
        return delivered

    results = at_once(3, work)
    assert not failures(results)
    assert sum(results) == 12
    assert len(posted(sims)) == 12
