"""Taps at the same moment, and a tap before the answer to the call that sent the message: over real HTTP."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.query import QuerySet

from integrations import outbox, relay, webhooks
from integrations.models import InboxMessage, OutboxMessage, TelegramMessage, TelegramUpdate
from integrations.simulators import Simulators
from integrations.simulators import telegram_updates as updates
from integrations.simulators.faults import parse
from integrations.telegram_chat import Button, say
from listings import lifecycle, telegram_taps
from listings.models import ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.races import PATIENCE, at_once, failures
from tests.telegram.conftest import CHAT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.each_database]
TAPS = 8
TWO_DAYS = timedelta(days=2)


@pytest.fixture
def live(sims: Simulators, telegram_on: None, live_server: Any) -> Simulators:
    """The stand-in, which reaches us as Telegram does."""
    sims.world.orchestrator_url = live_server.url
    return sims


def send(listing: ProductListing, *actions: str) -> None:
    outbox.put(say("What now?", buttons=[[Button(action, action, listing.pk) for action in actions]]))
    relay.serve("telegram")


def snoozed_by(live: Simulators, number: int) -> timedelta:
    """Tap "snooze" of one message eight times at once; return how far the deadline moved."""
    listing = make_listing(State.MESSAGING)
    send(listing, "snooze")
    taps = [
        updates.pressed(f"{number}-{each}", live.telegram.sent[-1], f"s:{listing.pk}", CHAT)
        | {"update_id": number * TAPS + each}
        for each in range(TAPS)
    ]
    results = at_once(TAPS, lambda each: live.telegram.deliver(taps[each]).status)
    assert not failures(results) and set(results) == {200}
    after = ProductListing.objects.get(pk=listing.pk).deadline_at
    assert after and listing.deadline_at
    return after - listing.deadline_at


def test_of_eight_taps_at_once_one_counts(live: Simulators) -> None:
    assert snoozed_by(live, 1) == TWO_DAYS
    statuses = InboxMessage.objects.filter(partner="telegram").values_list("status", flat=True)
    assert list(statuses) == ["processed"] * TAPS
    assert len(TelegramMessage.objects.get().taps) == 1


@pytest.mark.postgres
def test_without_the_lock_more_than_one_counts(live: Simulators, monkeypatch: pytest.MonkeyPatch) -> None:
    locking = QuerySet.select_for_update

    def lock_all_but_messages(rows: Any, *args: Any, **kwargs: Any) -> Any:
        return rows.all() if rows.model is TelegramMessage else locking(rows, *args, **kwargs)

    together, read = threading.Barrier(TAPS), telegram_taps._locked_message

    def read_together(query: Any) -> Any:
        message = read(query)
        together.wait(PATIENCE)
        return message

    monkeypatch.setattr(QuerySet, "select_for_update", lock_all_but_messages)
    monkeypatch.setattr(telegram_taps, "_locked_message", read_together)
    assert snoozed_by(live, 1) == TAPS * TWO_DAYS


def test_of_one_update_eight_times_at_once_one_counts(live: Simulators) -> None:
    listing = make_listing()
    send(listing, "cancel")
    tap = updates.pressed("1", live.telegram.sent[-1], f"c:{listing.pk}", CHAT) | {"update_id": 1}
    results = at_once(TAPS, lambda each: live.telegram.deliver(tap).status)
    assert results == [200] * TAPS
    assert TelegramUpdate.objects.count() == 1
    details = InboxMessage.objects.filter(partner="telegram").values_list("detail", flat=True)
    assert sorted(details)[1:] == ["a repeat: update 1 came before"] * (TAPS - 1)
    assert listing.history.count() == 2


def test_two_people_tap_two_buttons_of_one_message(live: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    send(listing, "snooze", "cancel")
    sent = live.telegram.sent[-1]
    taps = [
        updates.pressed(letter, sent, f"{letter}:{listing.pk}", CHAT + place) | {"update_id": place}
        for place, letter in enumerate("sc")
    ]
    assert at_once(2, lambda each: live.telegram.deliver(taps[each]).status) == [200, 200]
    after = ProductListing.objects.get(pk=listing.pk)
    assert (after.deadline_at != listing.deadline_at) is (len(TelegramMessage.objects.get().taps) == 1)
    assert after.notes.count() + (after.state == State.CANCELLED) == 1


def test_a_tap_before_the_answer_finds_its_message(live: Simulators) -> None:
    listing = make_listing()
    live.telegram.faults.switch(parse({"callback_before_answer": True, "times": 1}, live.telegram.outcomes))
    send(listing, "cancel", "message")
    relay.serve("telegram")
    assert ProductListing.objects.get(pk=listing.pk).state == State.CANCELLED
    (sent,) = live.telegram.sent
    assert sent["text"] == f"What now?\n\n{listing.short_code}: cancelled (operator)"
    assert "reply_markup" not in sent
    assert len(TelegramMessage.objects.get().taps) == 1
    assert not OutboxMessage.objects.filter(channel="telegram", delivered_at__isnull=True).exists()


def test_an_update_delivered_twice_counts_once(live: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    send(listing, "snooze")
    live.telegram.faults.switch(parse({"callback_twice": True}, live.telegram.outcomes))
    live.telegram.press("snooze")
    relay.serve("telegram")
    assert listing.notes.count() == 1
    assert InboxMessage.objects.filter(partner="telegram").count() == 2


def test_a_failure_of_ours_is_made_good_by_telegrams_repeat_or_the_sweep(
    live: Simulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update whose processing failed leaves no trace that would make its repeat look done."""
    listing = make_listing()
    send(listing, "cancel")
    with monkeypatch.context() as broken:
        broken.setattr(lifecycle, "cancel", lambda *args, **kwargs: 1 / 0)
        assert live.telegram.press("cancel").status == 202
    assert not TelegramUpdate.objects.exists()
    kept = InboxMessage.objects.get(partner="telegram")
    webhooks.process(kept.pk)
    assert ProductListing.objects.get(pk=listing.pk).state == State.CANCELLED
