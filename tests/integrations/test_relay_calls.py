"""Calls to a partner by way of the outbox: each attempt written down, nothing lost, nothing out of order."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from integrations import http, outbox, relay
from integrations.clock import now
from integrations.models import Channel, DeliveryAttempt, OutboxMessage
from integrations.outbox import Delivery, Route
from tests.integrations.partner import Partner

pytestmark = pytest.mark.django_db

CHANNEL = "scraperv2"


@pytest.fixture
def partner() -> Iterator[Partner]:
    """A partner that answers as it is told to."""
    with Partner() as running:
        yield running
        http._session().close()


@pytest.fixture
def given_up(monkeypatch: pytest.MonkeyPatch, partner: Partner) -> list[tuple[str, str]]:
    """What was reported as given up; `test.call` goes to the partner meanwhile."""
    reported: list[tuple[str, str]] = []

    def handler(delivery: Delivery) -> str:
        payload = {"n": delivery.body["n"], "event_id": delivery.event_id, "attempt": delivery.attempt}
        http.call("Partner", "POST", partner.url, f"/{delivery.key}", headers={}, payload=payload)
        return f"said {delivery.body['n']}"

    route = Route(CHANNEL, handler, lambda delivery, error: reported.append((delivery.key, error)))
    monkeypatch.setitem(outbox.ROUTES, "test.call", route)
    return reported


def put(count: int = 1, *, keys: int = 1) -> None:
    outbox.put(outbox.call("test.call", key=f"key-{n % keys}", body={"n": n}) for n in range(count))


def all_due() -> None:
    OutboxMessage.objects.filter(delivered_at=None).update(next_attempt_at=Now() - timedelta(seconds=1))
    Channel.objects.update(closed_until=None)


def test_a_call_is_made_once_and_its_attempt_is_written_down(given_up: Any, partner: Partner) -> None:
    put()
    assert relay.serve(CHANNEL) == 1
    assert relay.serve(CHANNEL) == 0
    assert len(partner.calls) == 1
    row, attempt = OutboxMessage.objects.get(), DeliveryAttempt.objects.get()
    assert (row.state, row.attempts, row.last_error) == ("delivered", 1, "")
    assert (attempt.message, attempt.outcome, attempt.detail) == (row, "delivered", "said 0")
    assert attempt.finished_at is not None
    assert attempt.started_at <= attempt.finished_at
    assert given_up == []


def test_a_failure_that_may_pass_waits_and_is_repeated(given_up: Any, partner: Partner) -> None:
    before = now()
    put()
    partner.answers += [(503, {}, b""), (200, {}, {})]
    assert relay.serve(CHANNEL) == 0
    row = OutboxMessage.objects.get()
    assert (row.state, row.attempts, row.last_error) == ("failing", 1, "Partner answered 503.")
    assert before < row.next_attempt_at <= now() + timedelta(seconds=30)

    all_due()
    assert relay.serve(CHANNEL) == 1
    row = OutboxMessage.objects.get()
    assert (row.state, row.attempts, row.last_error) == ("delivered", 2, "")
    outcomes = list(DeliveryAttempt.objects.values_list("outcome", "detail"))
    assert outcomes == [("failed", "Partner answered 503."), ("delivered", "said 0")]
    bodies = [call.body for call in partner.calls]
    assert b'"attempt": 1' in bodies[0]
    assert b'"attempt": 2' in bodies[1]
    assert given_up == []


def test_the_partner_says_how_long_to_wait(given_up: Any, partner: Partner) -> None:
    put(2, keys=2)
    before = now()
    partner.answers.append((429, {"Retry-After": "90"}, b""))
    assert relay.serve(CHANNEL) == 0
    assert len(partner.calls) == 1  # the channel as a whole holds still
    channel, row = Channel.objects.get(), OutboxMessage.objects.earliest("id")
    for at in (channel.closed_until, row.next_attempt_at):
        assert at is not None
        assert at - before > timedelta(seconds=89)


def test_a_refusal_is_given_up_at_once_and_said(given_up: Any, partner: Partner) -> None:
    put(2, keys=2)
    partner.answers.append((422, {}, {"detail": "no"}))
    assert relay.serve(CHANNEL) == 1
    row = OutboxMessage.objects.earliest("id")
    assert (row.state, row.attempts) == ("given up", 1)
    assert row.last_error.startswith("Partner answered 422")
    assert given_up == [("key-0", row.last_error)]


def test_after_its_attempts_a_call_is_given_up_and_can_be_made_again(given_up: Any, partner: Partner) -> None:
    put()
    partner.answers += [(500, {}, b"")] * relay.CALLS_POLICY.attempts
    for _ in range(relay.CALLS_POLICY.attempts + 3):
        relay.serve(CHANNEL)
        all_due()
    row = OutboxMessage.objects.get()
    assert (row.state, row.attempts) == ("given up", relay.CALLS_POLICY.attempts)
    assert len(partner.calls) == DeliveryAttempt.objects.count() == relay.CALLS_POLICY.attempts
    assert given_up == [("key-0", "Partner answered 500.")]

    assert relay.deliver_again([row.pk]) == 1
    assert OutboxMessage.objects.get().state == "waiting"
    all_due()
    assert relay.serve(CHANNEL) == 1
    assert OutboxMessage.objects.get().state == "delivered"
    assert relay.deliver_again([row.pk]) == 0


@pytest.mark.parametrize("fault", [KeyError("secret-in-a-message"), RecursionError(), ZeroDivisionError()])
def test_a_fault_of_ours_is_repeated_and_tells_no_secret(
    given_up: Any, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def broken(delivery: Delivery) -> str:
        raise fault

    route = Route(CHANNEL, broken, lambda delivery, error: given_up.append((delivery.key, error)))
    monkeypatch.setitem(outbox.ROUTES, "test.call", route)
    put()
    assert relay.serve(CHANNEL) == 0
    row, attempt = OutboxMessage.objects.get(), DeliveryAttempt.objects.get()
    assert row.state == "failing"
    assert row.last_error == attempt.detail == f"Our own fault: {type(fault).__name__}."
    assert Channel.objects.get().holder is None


def test_calls_for_one_thing_keep_their_order_and_hold_up_no_other(
    given_up: Any, partner: Partner, long_waits: None
) -> None:
    put(6, keys=2)
    partner.answers.append((503, {}, b""))
    assert relay.serve(CHANNEL) == 3  # the three of the other key
    assert [call.path for call in partner.calls] == ["/key-0", "/key-1", "/key-1", "/key-1"]
    all_due()
    assert relay.serve(CHANNEL) == 3
    numbers = [call.body for call in partner.calls if call.path == "/key-0"]
    assert [body.split(b",")[0] for body in numbers] == [b'{"n": 0', b'{"n": 0', b'{"n": 2', b'{"n": 4']


def test_the_breaker_opens_and_closes_and_nothing_is_lost(
    given_up: Any, partner: Partner, long_waits: None
) -> None:
    put(12, keys=12)
    partner.answers += [(503, {}, b"")] * 6
    assert relay.serve(CHANNEL) == 0
    assert len(partner.calls) == 5
    channel = Channel.objects.get()
    assert channel.is_closed(now())
    assert relay.serve(CHANNEL) == 0
    Channel.objects.update(closed_until=Now())
    assert relay.serve(CHANNEL) == 0
    assert len(partner.calls) == 6
    Channel.objects.update(closed_until=Now())
    assert relay.serve(CHANNEL) == 12
    channel = Channel.objects.get()
    assert (channel.failures, channel.closed_until, channel.last_error) == (0, None, "")


@pytest.mark.parametrize("leaves", ["dies", "is too slow"])
def test_a_relay_that_lost_its_lease_makes_no_further_call(
    given_up: Any, monkeypatch: pytest.MonkeyPatch, leaves: str
) -> None:
    made: list[int] = []

    def slow(delivery: Delivery) -> str:
        made.append(delivery.body["n"])
        if leaves == "dies":
            raise KeyboardInterrupt
        Channel.objects.update(holder="00000000-0000-0000-0000-000000000001")
        return "done"

    route = Route(CHANNEL, slow, lambda delivery, error: None)
    monkeypatch.setitem(outbox.ROUTES, "test.call", route)
    put(3, keys=3)
    if leaves == "dies":
        with pytest.raises(KeyboardInterrupt):
            relay.serve(CHANNEL)
        assert Channel.objects.get().holder is None
        assert OutboxMessage.objects.filter(delivered_at=None).count() == 3
    else:
        relay.serve(CHANNEL)
        assert str(Channel.objects.get().holder).endswith("1")  # the other one's lease is left alone
    assert made == [0]
