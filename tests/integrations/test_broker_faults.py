"""RabbitMQ refuses, breaks off, hangs: the product goes on, the rows wait, and go out by themselves."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections, transaction

from integrations import events, nudges, outbox, relay
from integrations.models import Channel, OutboxMessage
from tests.factories import a_job, a_match
from tests.integrations.broker import Consumer, Line
from tests.integrations.test_relay_events import all_due, by_key, put
from tests.races import PATIENCE, until

pytestmark = [pytest.mark.rabbitmq, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def consumer(rabbitmq_url: str) -> Iterator[Consumer]:
    """A stranger with a sound connection."""
    with Consumer(rabbitmq_url) as listening:
        yield listening


@pytest.fixture
def line(settings: Any, rabbitmq_url: str) -> Iterator[Line]:
    """Our own connection, which can fail."""
    with Line(rabbitmq_url) as line:
        settings.RABBITMQ_URL = line.url
        yield line


@pytest.fixture
def beat() -> Iterator[None]:
    """A worker that looks at the events as often as beat would make it."""
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.2):
            relay.serve("events")
        connections.close_all()

    worker = threading.Thread(target=look)
    worker.start()
    yield
    stop.set()
    worker.join(PATIENCE)


def test_while_it_refuses_rows_wait_untouched_and_then_go_out_by_themselves(
    consumer: Consumer, line: Line, beat: None, post_job: Callable[..., Any]
) -> None:
    line.refuse()
    took = []
    for _ in range(3):
        began = time.monotonic()
        assert post_job(a_job(a_match())).json()["created_listings"] == 1
        took.append(time.monotonic() - began)
    assert min(took) < 2  # others may be busy here, but not each time
    until(lambda: Channel.objects.filter(name="events", failures__gt=0).exists())
    channel = Channel.objects.get(name="events")
    assert channel.closed_until is not None
    assert channel.last_error.startswith("RabbitMQ: ")
    assert "guest" not in channel.last_error
    assert {row.attempts for row in relay.pending("events")} == {0}

    line.accept()
    assert len(consumer.take(3)) == 3
    until(lambda: Channel.objects.get(name="events").failures == 0)
    assert not relay.pending("events").exists()


@pytest.mark.parametrize("after", [500, 5_000, 50_000, 150_000])
def test_a_line_that_breaks_in_the_middle_loses_nothing_and_mixes_nothing_up(
    consumer: Consumer, line: Line, after: int
) -> None:
    put(400, keys=40)
    line.cut(after=after)
    relay.serve("events")
    assert Channel.objects.get().failures == 1
    all_due()
    for _ in range(3):
        relay.serve("events")
        all_due()
    assert not relay.pending("events").exists()
    for key, numbers in by_key(consumer.take()).items():
        first_seen = list(dict.fromkeys(numbers))  # a consumer that keeps the ids it has seen
        assert first_seen == list(range(int(key.split()[1]), 400, 40))


def test_a_broker_that_hangs_is_left_after_its_time_and_others_are_served_meanwhile(
    consumer: Consumer, line: Line, monkeypatch: pytest.MonkeyPatch, post_job: Callable[..., Any]
) -> None:
    put(5)
    line.hang()
    with monkeypatch.context() as impatient:
        impatient.setattr(events, "TIMEOUT_SECONDS", 1.0)
        assert relay.serve("events") == 0  # it came back, though nobody had answered
    assert post_job(a_job(a_match())).status_code == 202
    assert {row.attempts for row in OutboxMessage.objects.filter(channel="events")} == {0}
    assert Channel.objects.get(name="events").holder is None

    line.cut()
    line.flow()
    all_due()
    relay.serve("events")
    assert len(consumer.take(6)) == 6


def test_a_broker_that_confirms_nothing_is_not_believed(
    consumer: Consumer, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "TIMEOUT_SECONDS", 1.0)
    with pytest.raises(events.BrokerDown):
        publish_into_silence(line)
    line.flow()


def publish_into_silence(line: Line) -> None:
    with events.broker() as connection:
        line.hang()
        list(events.publish(connection, [events.Event("id", "listing.created", "key", "now", "{}")]))


def test_a_commit_wakes_the_channels_it_wrote_to_and_a_rollback_none(monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[set[str]] = []
    monkeypatch.setattr(nudges, "wake", lambda channels: woken.append(set(channels)))
    with transaction.atomic():
        outbox.put([outbox.event("a", key="k", body={}), outbox.event("b", key="k", body={})])
        assert woken == []
    assert woken == [{"events"}]
    with transaction.atomic():
        outbox.put([outbox.event("a", key="k", body={})])
        transaction.set_rollback(True)
    assert woken == [{"events"}]
    assert OutboxMessage.objects.count() == 2
