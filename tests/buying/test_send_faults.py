"""What can go wrong on the way to Chatterbot: repeated with patience, or given up and shown."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from integrations import http, patience, relay
from integrations.clock import now
from integrations.models import Channel, DeliveryAttempt, OutboxMessage
from integrations.simulators import Simulators
from integrations.simulators.partner import Partner
from listings.models import Lead
from listings.states import State
from tests.buying.conftest import call_row, calls, fresh, posted, serve, switch, time_passes, until_delivered
from tests.factories import make_listing

pytestmark = pytest.mark.django_db

TRANSIENT: list[dict[str, Any]] = [
    {"status": 408},
    {"status": 429},
    {"status": 500},
    {"status": 502},
    {"status": 503},
    {"redirect": True},
    {"garbage": True},
    {"empty": True},
    {"drop_answer": True},
    {"hang": True},
]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an answer shorter than in real life."""
    monkeypatch.setattr(http, "READ_SECONDS", 0.3)


@pytest.fixture
def longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the longest wait each time, so that nothing is due before its test looks."""
    monkeypatch.setattr(patience.random, "uniform", lambda least, most: most)


def waits(row: OutboxMessage, since: datetime | None = None) -> float:
    """Return in how many seconds from now, or from then, a call is tried again."""
    return (row.next_attempt_at - (since or now())).total_seconds()


@pytest.mark.parametrize("fault", TRANSIENT, ids=lambda fault: "-".join(map(str, fault.items())))
def test_a_passing_fault_is_repeated_until_it_goes(
    sims: Simulators, impatient: None, longest_waits: None, fault: dict[str, Any]
) -> None:
    listing, before = make_listing(State.MESSAGING), now()
    switch(sims, **fault, times=1)
    assert serve() == 0

    row = call_row(listing)
    assert (row.state, row.attempts) == ("failing", 1)
    assert row.last_error.startswith("Chatterbot")
    assert waits(row) <= 16 <= waits(row, before) + 0.1
    assert fresh(listing).error_message is None  # not yet a matter for staff
    assert serve() == 0
    assert DeliveryAttempt.objects.count() == 1  # not before its time

    time_passes(30)
    assert serve() == 1
    assert call_row(listing).last_error == ""
    assert len(sims.chatterbot.leads.rows) == 1
    assert Lead.objects.get(listing=listing).order_id in sims.chatterbot.leads.rows
    outcomes = DeliveryAttempt.objects.order_by("id").values_list("outcome", flat=True)
    assert list(outcomes) == ["failed", "delivered"]


def test_a_refused_connection_is_repeated(settings: Any, sims: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    there, settings.CHATTERBOT_API_URL = settings.CHATTERBOT_API_URL, "http://127.0.0.1:9"
    serve()
    assert call_row(listing).last_error == "Chatterbot refused or broke the connection."

    settings.CHATTERBOT_API_URL = there
    time_passes(30)
    assert serve() == 1


def test_the_partner_says_when(sims: Simulators) -> None:
    listing, before = make_listing(State.MESSAGING), now()
    switch(sims, retry_after=90, times=1)
    serve()

    row, channel = call_row(listing), Channel.objects.get(name="chatterbot")
    assert waits(row) <= 91
    assert waits(row, before) > 89
    assert channel.closed_until and channel.closed_until - before > timedelta(seconds=89)
    time_passes(40)
    assert serve() == 0
    time_passes(55)
    assert serve() == 1


def test_the_partner_says_when_by_a_date(sims: Simulators, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = make_listing(State.MESSAGING)
    at = datetime.now(UTC) + timedelta(seconds=120)
    refuse = Partner.refuse

    def with_a_date(self: Any, fault: Any) -> Any:
        answer = refuse(self, fault)
        answer.headers["Retry-After"] = format_datetime(at, usegmt=True)
        return answer

    monkeypatch.setattr(type(sims.chatterbot), "refuse", with_a_date)
    switch(sims, status=429, times=1)
    serve()
    row = call_row(listing)
    assert waits(row) <= 121
    assert abs((row.next_attempt_at - at).total_seconds()) < 60


def test_the_waits_are_drawn_at_random_and_grow_to_a_cap() -> None:
    policy = relay.CALLS_POLICY
    for attempt in range(1, policy.attempts):
        drawn = [policy.delay(attempt).total_seconds() for _ in range(300)]
        ceiling = min(900, 16 * 2 ** (attempt - 1))
        assert max(drawn) <= ceiling
        assert min(drawn) < ceiling * 0.1 < ceiling * 0.9 < max(drawn)  # full jitter
    assert policy.delay(1).total_seconds() <= 30  # the first retry


def test_ten_attempts_and_then_staff(sims: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    switch(sims, status=503)
    for _ in range(30):
        serve()
        time_passes(1000)

    row = call_row(listing)
    assert (row.state, row.attempts, len(calls(sims))) == ("given up", 10, 10)
    assert fresh(listing).error_message == "The seller was not messaged: Chatterbot answered 503."
    assert fresh(listing).error_occurred_at is not None
    assert fresh(listing).state == State.MESSAGING


@pytest.mark.parametrize("fault", [{"status": 400}, {"status": 401}, {"status": 415}])
def test_a_refusal_stops_at_once_and_is_shown(sims: Simulators, fault: dict[str, Any]) -> None:
    refused, fine = make_listing(State.MESSAGING), make_listing(State.MESSAGING)
    switch(sims, **fault, times=1)
    assert serve() == 1  # the other one

    assert (call_row(refused).state, call_row(refused).attempts) == ("given up", 1)
    message = fresh(refused).error_message or ""
    assert message.startswith(f"The seller was not messaged: Chatterbot answered {fault['status']}")
    assert fresh(refused).error_occurred_at is not None
    assert call_row(fine).state == "delivered"
    assert fresh(fine).error_message is None
    time_passes(10_000)
    assert serve() == 0
    assert len(posted(sims)) == 2


def test_a_wrong_key_is_told_without_the_key(settings: Any, sims: Simulators) -> None:
    settings.CHATTERBOT_API_KEY = "a-key-that-has-ended"
    listing = make_listing(State.MESSAGING)
    serve()

    assert "401" in (fresh(listing).error_message or "")
    told = f"{fresh(listing).error_message} {call_row(listing).last_error} {DeliveryAttempt.objects.get().detail}"
    assert "a-key-that-has-ended" not in told


def test_a_lost_answer_gives_one_lead_found_again_by_its_url(sims: Simulators) -> None:
    other, listing = make_listing(State.MESSAGING), make_listing(State.MESSAGING)
    switch(sims, drop_answer=True, on="POST /leads", times=2)
    serve()
    assert len(sims.chatterbot.leads.rows) == 2
    assert Lead.objects.filter(accepted_at__isnull=True).count() == 2

    until_delivered()
    assert len(sims.chatterbot.leads.rows) == 2
    for each in (other, listing):
        lead = Lead.objects.get(listing=each)
        assert sims.chatterbot.leads.rows[lead.order_id or 0].listing_id == str(each.pk)
    detail = DeliveryAttempt.objects.latest("id").detail
    assert detail.endswith("(duplicate)")


@pytest.mark.parametrize(
    "look_up", [{"status": 500}, {"status": 400}, {"garbage": True}, {"drop_answer": True}]
)
def test_a_duplicate_is_accepted_though_its_order_is_not_found(
    sims: Simulators, look_up: dict[str, Any]
) -> None:
    listing = make_listing(State.MESSAGING)
    switch(sims, drop_answer=True, times=1)
    serve()
    switch(sims, **look_up, on="GET /leads")
    time_passes(30)

    assert serve() == 1
    lead = Lead.objects.get(listing=listing)
    assert lead.accepted_at and lead.order_id is None
    assert fresh(listing).error_message is None


def test_an_answer_that_says_neither_is_repeated(sims: Simulators, monkeypatch: pytest.MonkeyPatch) -> None:
    from integrations.simulators import chatterbot as simulated

    listing = make_listing(State.MESSAGING)
    add = simulated.Chatterbot._add
    nonsense = iter(
        [[], {"status": "created"}, {"status": "created", "order_id": 2**40}, {"status": "queued"}]
    )

    def answered_so(self: Any, content: Any, fault: Any) -> Any:
        answer = add(self, content, fault)
        said = next(nonsense, None)
        return answer if said is None else simulated.sorted_json(201, said)  # type: ignore[arg-type]

    monkeypatch.setattr(simulated.Chatterbot, "_add", answered_so)
    for attempt in range(1, 5):
        serve()
        assert call_row(listing).attempts == attempt
        time_passes(1000)
    assert serve() == 1
    assert len(sims.chatterbot.leads.rows) == 1


def test_a_call_that_keeps_failing_among_others_keeps_its_back_off(sims: Simulators) -> None:
    poison = make_listing(State.MESSAGING, title="poison")
    others = [make_listing(State.MESSAGING) for _ in range(12)]
    add = sims.chatterbot._add

    def choke(content: Any, fault: Any) -> Any:
        from integrations.simulators.leads import Breakdown

        if content.get("title") == "poison":
            raise Breakdown
        return add(content, fault)

    sims.chatterbot._add = choke  # type: ignore[method-assign]
    assert serve() == len(others)
    assert call_row(poison).attempts == 1
    assert len(posted(sims)) == 1 + len(others)
