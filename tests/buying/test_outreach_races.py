"""Two runs of the queue at once keep to the rate; without the lock they would not."""

import threading
from typing import Any

import pytest

from listings import outreach
from listings.models import OutreachSettings, ProductListing, TransitionLog
from listings.states import State
from tests.factories import make_listing
from tests.races import PATIENCE, at_once, failures, somebody_waits_for_us, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


def approve(count: int) -> None:
    OutreachSettings.load()
    for _ in range(count):
        outreach.approve(make_listing().pk, by="user:ann")


def test_four_runs_at_once_send_five() -> None:
    approve(12)
    results = at_once(4, lambda number: outreach.run())
    assert not failures(results)
    sent = [listing_id for result in results for listing_id in result]
    assert len(sent) == len(set(sent)) == 5
    assert ProductListing.objects.filter(state=State.MESSAGING).count() == 5
    assert TransitionLog.objects.filter(to_state=State.MESSAGING).count() == 5


def overtaken(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a run look at its limits, and another do all it may before the first goes on; return how many were sent."""
    OutreachSettings.load()
    OutreachSettings.objects.update(hourly_rate=1)
    approve(3)
    has_looked, other_is_done = threading.Event(), threading.Event()
    look = outreach.limits_now

    def look_and_wait(settings: OutreachSettings) -> Any:
        limits = look(settings)
        if not has_looked.is_set():
            has_looked.set()
            until(lambda: other_is_done.is_set() or somebody_waits_for_us())
        return limits

    def run(number: int) -> int:
        if number:
            has_looked.wait(PATIENCE)
        try:
            return len(outreach.run())
        finally:
            other_is_done.set()

    monkeypatch.setattr(outreach, "limits_now", look_and_wait)
    results = at_once(2, run)
    assert not failures(results)
    return sum(results)


def test_a_run_that_is_overtaken_keeps_to_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert overtaken(monkeypatch) == 1


def test_without_the_lock_it_would_not(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = OutreachSettings.objects
    monkeypatch.setattr(objects, "select_for_update", objects.all)
    assert overtaken(monkeypatch) == 2


def test_two_people_who_throw_the_switch_at_once_throw_it_once() -> None:
    results = at_once(6, lambda number: outreach.stop(by=f"user:{number}", reason="stop").pk)
    assert not failures(results)
    assert len(set(results)) == 1


def test_approved_by_many_at_once_it_waits_once() -> None:
    listing = make_listing()
    results = at_once(6, lambda number: outreach.approve(listing.pk, by=f"user:{number}").pk)
    assert not failures(results)
    assert len(set(results)) == 1
