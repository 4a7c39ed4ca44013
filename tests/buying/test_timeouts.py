"""Time is up after 7 and 14 days of 24 hours, by the database's clock."""

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from integrations import clock
from integrations.models import OutboxMessage
from integrations.simulators import Simulators
from listings import lifecycle, timeouts
from listings.models import Lead, ProductListing, TransitionLog
from listings.states import TIMEOUT_SETTING, State
from listings.tasks import cancel_overdue
from tests.buying.conftest import TIMED, calls, fresh, runs_out, serve
from tests.factories import make_listing

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("state", "hours"), [(State.MESSAGING, 168), (State.NEGOTIATING, 336)])
def test_the_time_is_so_many_hours(state: State, hours: int) -> None:
    listing = make_listing(state)
    assert listing.deadline_at
    assert listing.deadline_at - listing.state_changed_at == timedelta(hours=hours)


@pytest.mark.parametrize("state", TIMED)
def test_the_days_are_settings(settings: Any, state: State) -> None:
    setattr(settings, TIMEOUT_SETTING[state], 3)
    listing = make_listing(state)
    assert listing.deadline_at
    assert listing.deadline_at - listing.state_changed_at == timedelta(hours=72)


@pytest.mark.parametrize("state", [state for state in State if state not in TIMED])
def test_no_other_state_ends_by_itself(state: State) -> None:
    assert make_listing(state).deadline_at is None


@pytest.mark.parametrize("state", TIMED)
def test_what_is_overdue_is_cancelled(state: State) -> None:
    listing, waits = make_listing(state), make_listing(state)
    runs_out(listing, seconds=-1)
    runs_out(waits, seconds=60)
    deadline = fresh(listing).deadline_at
    assert cancel_overdue() == 1

    last = listing.history.latest("sequence")
    assert (last.from_state, last.to_state, last.triggered_by) == (state, "CANCELLED", "timeout")
    label = State(state).label
    assert last.metadata["reason"] == f"No answer in {label} by {deadline:%d %B %H:%M} UTC"
    assert fresh(listing).deadline_at is None
    assert fresh(waits).state == state
    assert cancel_overdue() == 0


def test_chatterbot_is_told_to_stop(sims: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    serve()
    runs_out(listing, seconds=-1)
    cancel_overdue()
    serve()
    assert [each.json() for each in calls(sims, "PUT")] == [{"status": "cancelled"}]


def test_the_clock_is_the_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = make_listing(State.MESSAGING)

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime(2099, 1, 1, tzinfo=tz)

    monkeypatch.setattr("django.utils.timezone.datetime", Wrong)
    assert cancel_overdue() == 0
    assert fresh(listing).state == State.MESSAGING


def test_more_than_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "BATCH", 2)
    for _ in range(7):
        runs_out(make_listing(State.MESSAGING), seconds=-1)
    assert timeouts.cancel_overdue() == 7


def spoil(listing: ProductListing) -> None:
    """Make every further arrow of a listing fail: its next place in the log is taken."""
    TransitionLog.objects.create(
        listing=listing,
        sequence=listing.version + 1,
        event_id=listing.pk,
        to_state=State.FOUND,
        transitioned_at=clock.now(),
        triggered_by="a fault",
    )


@pytest.mark.parametrize("batch", [1, 200])
def test_one_bad_row_stops_no_other(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(timeouts, "BATCH", batch)
    listings = [make_listing(State.MESSAGING) for _ in range(5)]
    for number, listing in enumerate(listings):
        runs_out(listing, hours=-10 + number)
    for bad in (listings[0], listings[2]):
        spoil(bad)
    assert cancel_overdue() == 3

    states = [fresh(listing).state for listing in listings]
    assert states == ["MESSAGING", "CANCELLED", "MESSAGING", "CANCELLED", "CANCELLED"]
    assert not OutboxMessage.objects.filter(key=str(listings[0].pk), topic="listing.state.cancelled").exists()
    assert cancel_overdue() == 0


def of_every_kind() -> list[ProductListing]:
    """Make listings that differ in what their end causes: no lead taken yet, one taken, one given up, a long way."""
    listings = [
        make_listing(state)
        for state in (State.MESSAGING, State.MESSAGING, State.MESSAGING, State.NEGOTIATING)
    ]
    Lead.objects.filter(listing__in=listings[1::2]).update(accepted_at=clock.now())
    given_up = OutboxMessage.objects.filter(key=str(listings[2].pk), channel="chatterbot")
    given_up.update(given_up_at=clock.now(), attempts=10)
    for number, listing in enumerate(listings):
        runs_out(listing, hours=-1 - number)
    # Another node's clock was ahead of the database's: time does not run back.
    ProductListing.objects.filter(pk=listings[0].pk).update(state_changed_at=clock.now() + timedelta(hours=1))
    return listings


def left_behind(listing: ProductListing) -> Any:
    """Return what an ended listing has left: its row, its log, what waits to leave; without ids, and times as order."""
    row = {field.attname: getattr(listing, field.attname) for field in ProductListing._meta.concrete_fields}
    changing = (
        "id",
        "identity",
        "short_code",
        "title",
        "raw_url",
        "marketplace_url",
        "raw_match",
        "scraper_job_id",
    )
    times = {name for name in row if name.endswith("_at")}
    columns = {name: value for name, value in row.items() if name not in {*changing, *times, "session_id"}}
    shape = {name: row[name] is not None for name in times}
    same = listing.cancelled_at == listing.updated_at == listing.state_changed_at
    last = listing.history.latest("sequence")
    waiting = OutboxMessage.objects.filter(key=str(listing.pk)).order_by("channel", "id")
    messages = [
        (
            each.channel,
            each.topic,
            {**each.body, "listing_id": 0, "scraper_job_id": 0},
            each.attempts,
            each.given_up_at,
        )
        for each in waiting
        if not isinstance(each.body.get("marketplace_url"), str)
    ]
    event = waiting.get(topic="listing.state.cancelled")
    linked = (
        last.event_id == event.event_id and last.transitioned_at == event.created_at == listing.cancelled_at
    )
    log = list(
        listing.history.order_by("sequence").values_list("sequence", "from_state", "to_state", "triggered_by")
    )
    return columns, shape, same, linked, log, last.metadata, messages, last.transitioned_at > clock.now()


def test_at_once_as_one_by_one() -> None:
    one_by_one, at_once = of_every_kind(), of_every_kind()
    for listing in at_once:
        twin = one_by_one[at_once.index(listing)]
        ProductListing.objects.filter(pk=listing.pk).update(deadline_at=fresh(twin).deadline_at)
    for listing in one_by_one:
        assert timeouts._cancel(listing.pk)
    assert lifecycle.expire(limit=100) == len(at_once)
    for one, other in zip(one_by_one, at_once, strict=True):
        assert left_behind(fresh(other)) == left_behind(fresh(one))


def test_no_more_than_the_limit() -> None:
    for _ in range(5):
        runs_out(make_listing(State.MESSAGING), seconds=-1)
    assert (timeouts.cancel_overdue(limit=3), timeouts.cancel_overdue(), timeouts.cancel_overdue()) == (
        3,
        2,
        0,
    )


def test_the_command_does_the_same() -> None:
    runs_out(make_listing(State.NEGOTIATING), seconds=-1)
    out = StringIO()
    call_command("cancel_overdue", stdout=out)
    assert out.getvalue() == "1 cancelled\n"
    assert ProductListing.objects.get().state == State.CANCELLED
