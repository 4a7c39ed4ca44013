"""The sweep and a confirmed deal at the same moment: one wins, the other is told; without the lock it would not be."""

import random
import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from integrations import clock
from integrations.models import InboxMessage, OutboxMessage
from listings import lifecycle, lifecycle_bulk, timeouts
from listings.models import ProductListing, TransitionLog
from listings.states import State
from scraping import jobs
from tests.buying.conftest import CHATTERBOT_KEY, arrows
from tests.factories import a_match, dumps
from tests.races import PATIENCE, at_once, failures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

DEAL = ["FOUND", "MESSAGING", "NEGOTIATING", "PURCHASED"]
TIMEOUT = ["FOUND", "MESSAGING", "NEGOTIATING", "CANCELLED"]


def negotiating(count: int) -> list[Any]:
    jobs.complete(uuid.uuid4(), brands=["Sony"], matches=[a_match() for _ in range(count)])
    ids = list(ProductListing.objects.values_list("pk", flat=True))
    for listing_id in ids:
        lifecycle.walk(listing_id, State.NEGOTIATING, by="user:ann")
    return ids


def overdue(ids: list[Any]) -> None:
    ProductListing.objects.filter(pk__in=ids).update(deadline_at=clock.now() - timedelta(seconds=1))


def confirm(listing_id: Any) -> int:
    """Say that the deal is made, as Chatterbot does; return the answer's status."""
    body = dumps({"listing_id": str(listing_id), "agreed_price": 380})
    headers = {"x-api-key": CHATTERBOT_KEY}
    path = "/webhooks/chatterbot/deal-confirmed"
    return Client().post(path, body, content_type="application/json", headers=headers).status_code


def race(ids: list[Any]) -> list[int]:
    """Race the sweep against the deal for each listing in turn; return the answers to Chatterbot.

    A callback takes longer to arrive at the row, how much longer depends on the machine: the sweep gives it a start,
    which is longer whenever the sweep has won and shorter whenever it has lost.
    """
    both = threading.Barrier(2)
    answers: list[int] = []

    def sweep(number: int) -> None:
        start = 0.0125
        for listing_id in ids:
            overdue([listing_id])
            both.wait(PATIENCE)
            time.sleep(random.uniform(0, 2 * start))
            timeouts.cancel_overdue()
            both.wait(PATIENCE)
            start = start / 1.3 if answers[-1] == 200 else min(1.0, start * 1.3)

    def deal(number: int) -> None:
        for listing_id in ids:
            both.wait(PATIENCE)
            answers.append(confirm(listing_id))
            both.wait(PATIENCE)

    results = at_once(2, lambda number: (sweep, deal)[number](number), seconds=4 * PATIENCE)
    assert not failures(results)
    return answers


def decided(listing_id: Any, answer: int) -> bool:
    """Say whether one of the two won, and the answer, the log and the events tell which."""
    listing = ProductListing.objects.get(pk=listing_id)
    told = OutboxMessage.objects.filter(key=str(listing_id), channel="events").order_by("id")
    topics = [topic.removeprefix("listing.state.").upper() for topic in told.values_list("topic", flat=True)][
        1:
    ]
    if answer == 200:
        return arrows(listing) == DEAL and topics == DEAL[1:] and listing.purchase_price == 380
    kept = InboxMessage.objects.filter(subject=listing_id, status=InboxMessage.Status.CONFLICT).count()
    right = arrows(listing) == TIMEOUT and topics == TIMEOUT[1:] and listing.purchase_price is None
    return answer == 409 and right and kept == 1


def test_exactly_one_wins_in_two_hundred_races() -> None:
    ids = negotiating(200)
    answers = race(ids)
    assert [decided(*each) for each in zip(ids, answers, strict=True)] == [True] * 200
    assert {200, 409} == set(answers)  # it was a race: now one was first, now the other


def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read without the lock, and let both sides have read before either writes: first the sweep, then the deal."""
    met, swept = threading.Barrier(2), threading.Semaphore(0)
    here = threading.local()
    sweep = timeouts.cancel_overdue

    def meet(listing_id: Any) -> None:
        if getattr(here, "met", None) != listing_id:
            here.met = listing_id
            met.wait(PATIENCE)

    def overdue_unlocked(limit: int, skip: Any) -> list[Any]:
        rows = ProductListing.objects.filter(deadline_at__lte=clock.now())
        found = list(
            rows.values_list("id", "state", "version", "deadline_at", "state_changed_at", named=True)
        )
        for each in found:
            meet(each.id)
        return found

    def read(listing_id: Any) -> ProductListing:
        listing = ProductListing.objects.annotate(db_now=clock.Clock()).get(pk=listing_id)
        if getattr(here, "met", None) != listing_id:
            meet(listing_id)
            swept.acquire(timeout=PATIENCE)
        return listing

    def sweep_and_say() -> int:
        try:
            return sweep()
        finally:
            swept.release()

    monkeypatch.setattr(timeouts, "cancel_overdue", sweep_and_say)
    monkeypatch.setattr(lifecycle, "locked", read)
    monkeypatch.setattr(lifecycle_bulk, "_overdue", overdue_unlocked)


def test_without_the_lock_nobody_could_say_who_has_won(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = negotiating(5)
    unlocked(monkeypatch)
    answers = race(ids)
    assert not any(decided(*each) for each in zip(ids, answers, strict=True))


def test_sweeps_at_once_do_nothing_twice() -> None:
    ids = negotiating(30)
    overdue(ids)
    results = at_once(4, lambda number: timeouts.cancel_overdue())
    assert not failures(results)
    assert sum(results) == 30
    assert TransitionLog.objects.filter(to_state=State.CANCELLED).count() == 30
    assert OutboxMessage.objects.filter(topic="listing.state.cancelled").count() == 30


def test_warnings_at_once_warn_once(settings: Any) -> None:
    ids = negotiating(10)
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "123:abc", "77"
    ProductListing.objects.filter(pk__in=ids).update(deadline_at=clock.now() + timedelta(hours=5))
    results = at_once(4, lambda number: timeouts.warn())
    assert not failures(results)
    assert sum(results) == 10
    assert OutboxMessage.objects.filter(channel="telegram").count() == 10
