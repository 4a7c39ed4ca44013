"""Events on a real RabbitMQ, read by a stranger: what they look like, their order, and what waits."""

import json
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pika
import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from integrations import outbox, relay
from integrations.models import Channel, OutboxMessage
from integrations.waiting import Waiting, waves
from listings import lifecycle
from listings.models import ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.integrations.broker import EXCHANGE, Consumer, Received
from tests.races import PATIENCE, at_once, failures

pytestmark = [pytest.mark.rabbitmq, pytest.mark.django_db]


@pytest.fixture
def consumer(rabbitmq_url: str) -> Iterator[Consumer]:
    """A stranger who wants everything."""
    with Consumer(rabbitmq_url) as listening:
        yield listening


def all_due() -> None:
    """Let what was put off be due now."""
    OutboxMessage.objects.filter(delivered_at=None).update(next_attempt_at=Now() - timedelta(seconds=1))
    Channel.objects.update(closed_until=None)


def put(count: int, *, keys: int = 1, topic: str = "listing.price_changed") -> None:
    outbox.put(outbox.event(topic, key=f"key {n % keys}", body={"n": n}) for n in range(count))


def by_key(messages: list[Received]) -> dict[str, list[int]]:
    order = defaultdict(list)
    for message in messages:
        order[message.properties.headers["cloudEvents:subject"]].append(message.body["n"])
    return order


def test_a_walk_arrives_in_order_with_its_headers(consumer: Consumer) -> None:
    listing = make_listing(State.SOLD)
    rows = list(OutboxMessage.objects.filter(channel="events").order_by("id"))
    assert relay.serve("events") == len(rows) == 7

    messages = consumer.take(7)
    assert [message.routing_key for message in messages] == [row.topic for row in rows]
    for message, row in zip(messages, rows, strict=True):
        occurred_at = message.body.pop("occurred_at")
        assert message.body == {"event_type": row.topic, "event_id": str(row.event_id), **row.body}
        assert datetime.fromisoformat(occurred_at) == row.created_at
        assert occurred_at.endswith("Z")
        properties = message.properties
        assert (properties.message_id, properties.type) == (str(row.event_id), row.topic)
        assert (properties.content_type, properties.delivery_mode) == ("application/json", 2)
        assert properties.headers == {
            "cloudEvents:specversion": "1.0",
            "cloudEvents:id": str(row.event_id),
            "cloudEvents:type": row.topic,
            "cloudEvents:source": "aetos-orchestrator",
            "cloudEvents:time": occurred_at,
            "cloudEvents:subject": str(listing.pk),
        }
    assert not relay.pending("events").exists()
    assert {row.attempts for row in OutboxMessage.objects.filter(channel="events")} == {1}


def test_texts_arrive_as_they_are(consumer: Consumer) -> None:
    reason = '🎉 "quoted" \u2028 é \\ </script>'
    lifecycle.cancel(make_listing().pk, by="user:zoë", reason=reason)
    relay.serve("events")
    last = consumer.take(2)[-1].body
    assert (last["reason"], last["triggered_by"]) == (reason, "user:zoë")


def test_the_exchange_is_a_durable_topic(rabbitmq_url: str) -> None:
    put(1)
    relay.serve("events")
    with Consumer(rabbitmq_url):  # declares it so itself, and would be thrown out if it were another
        pass


def test_nothing_leaves_without_a_broker() -> None:
    put(3)
    assert relay.serve("events") == 0
    waiting = list(relay.pending("events"))
    assert [(row.attempts, row.last_error, row.state) for row in waiting] == [(0, "", "waiting")] * 3


def test_an_event_that_nobody_listens_for_waits_until_somebody_does(rabbitmq_url: str) -> None:
    listing = make_listing(State.MESSAGING)
    with Consumer(rabbitmq_url, "listing.state.#") as late:
        assert relay.serve("events") == 1  # and holds up nothing that somebody does listen for
        assert [message.routing_key for message in late.take(1)] == ["listing.state.messaging"]
    row = OutboxMessage.objects.get(topic="listing.created")
    assert (row.attempts, row.state) == (1, "failing")
    assert "no queue is bound" in row.last_error
    assert row.next_attempt_at > row.created_at

    with Consumer(rabbitmq_url) as everything:
        assert relay.serve("events") == 0  # not due yet
        all_due()
        assert relay.serve("events") == 1
        (message,) = everything.take(1)
    assert (message.routing_key, message.body["listing_id"]) == ("listing.created", str(listing.pk))
    row = OutboxMessage.objects.get(pk=row.pk)
    assert (row.attempts, row.last_error, row.state) == (2, "", "delivered")


def test_who_binds_while_events_leave_gets_them_in_order(
    rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_listing(State.NEGOTIATING)
    with ExitStack() as bound:
        late: list[Consumer] = []

        def bound_after_the_second(batch: list[Waiting]) -> Iterator[list[Waiting]]:
            for number, wave in enumerate(waves(batch)):
                if number == 2:  # what was published until now came back
                    late.append(bound.enter_context(Consumer(rabbitmq_url)))
                yield wave

        monkeypatch.setattr(relay, "waves", bound_after_the_second)
        assert relay.serve("events") == 3
        keys = [message.routing_key for message in late[0].take(3)]
    assert keys == ["listing.created", "listing.state.messaging", "listing.state.negotiating"]
    assert not relay.pending("events").exists()


def test_a_refused_event_holds_the_later_ones_of_its_listing(rabbitmq_url: str) -> None:
    full = {"x-max-length": 2, "x-overflow": "reject-publish"}
    put(12, keys=3)
    with Consumer(rabbitmq_url, arguments=full) as consumer:
        seen: list[Received] = []
        for _ in range(40):
            relay.serve("events")
            refused = relay.pending("events").filter(attempts__gt=0)
            assert all("refused" in row.last_error for row in refused)
            seen += consumer.take()
            all_due()
            if len(seen) == 12:
                break
    assert by_key(seen) == {f"key {key}": list(range(key, 12, 3)) for key in range(3)}
    assert not relay.pending("events").exists()


def test_an_event_is_given_up_at_last_and_can_be_sent_again(
    rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(1)
    monkeypatch.setattr(relay, "EVENTS_POLICY", relay.Policy(base=0.1, cap=1, attempts=2))
    for _ in range(2):
        relay.serve("events")
        all_due()
    row = OutboxMessage.objects.get()
    assert (row.state, row.attempts) == ("given up", 2)
    assert relay.serve("events") == 0
    with Consumer(rabbitmq_url) as consumer:
        assert relay.deliver_again([row.pk]) == 1
        assert relay.serve("events") == 1
        consumer.take(1)
    assert OutboxMessage.objects.get().state == "delivered"
    assert relay.deliver_again([row.pk]) == 0  # what was delivered is not sent again


def test_many_listings_and_batches_keep_their_order(consumer: Consumer) -> None:
    put(1800, keys=7)
    assert relay.serve("events") == 1800
    assert by_key(consumer.take(1800)) == {f"key {key}": list(range(key, 1800, 7)) for key in range(7)}


def test_by_hand(consumer: Consumer, capsys: pytest.CaptureFixture[str]) -> None:
    put(2)
    call_command("deliver_outbox")
    consumer.take(2)
    assert "events: 2 delivered, 0 waiting" in capsys.readouterr().out


# ---- two relays ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_four_relays_at_once_send_each_event_once_and_in_order(consumer: Consumer) -> None:
    put(600, keys=5)
    results = at_once(4, lambda _: relay.serve("events"))
    assert not failures(results)
    assert sum(results) == 600
    messages = consumer.take(600)
    assert consumer.take() == []
    assert by_key(messages) == {f"key {key}": list(range(key, 600, 5)) for key in range(5)}


@pytest.mark.django_db(transaction=True)
def test_without_the_lease_they_would_send_events_twice(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(600, keys=5)
    together, here, read = threading.Barrier(4), threading.local(), relay._event_batch

    def read_together() -> Any:
        batch = read()
        if not getattr(here, "met", False):
            here.met = True
            together.wait(PATIENCE)
        return batch

    monkeypatch.setattr(relay, "_event_batch", read_together)
    monkeypatch.setattr(relay.lease, "take", lambda channel: uuid.uuid4())
    monkeypatch.setattr(relay.lease, "keep", lambda channel, holder: None)
    at_once(4, lambda _: relay.serve("events"))
    assert len(consumer.take(600)) > 600 or consumer.take()


def test_a_relay_that_died_is_replaced_when_its_lease_runs_out(consumer: Consumer) -> None:
    put(3)
    dead = uuid.uuid4()
    Channel.objects.create(name="events", holder=dead, leased_until=Now() + timedelta(seconds=30))
    assert relay.serve("events") == 0
    assert Channel.objects.get().holder == dead
    Channel.objects.update(leased_until=Now() - timedelta(milliseconds=1))
    assert relay.serve("events") == 3
    channel = Channel.objects.get()
    assert (channel.holder, channel.leased_until) == (None, None)
    assert channel.last_success_at is not None


def test_an_event_can_be_of_any_size(consumer: Consumer) -> None:
    outbox.put([outbox.event("listing.created", key="big", body={"text": "é" * 1_000_000})])
    assert relay.serve("events") == 1
    assert len(json.dumps(consumer.take(1)[0].body, ensure_ascii=False)) > 1_000_000


def test_an_exchange_of_another_kind_is_a_broker_that_is_not_there(rabbitmq_url: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        connection.channel().exchange_declare(EXCHANGE, exchange_type="fanout")
        put(1)
        assert relay.serve("events") == 0
        connection.channel().exchange_delete(EXCHANGE)
    channel = Channel.objects.get()
    assert channel.failures == 1
    assert "PreconditionFailed" in channel.last_error
    assert ProductListing.objects.count() == 0
    all_due()
    with Consumer(rabbitmq_url) as consumer:
        assert relay.serve("events") == 1
        consumer.take(1)
