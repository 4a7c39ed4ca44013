"""The worker as the Procfile starts it, on RabbitMQ: killed in the middle of its work, nothing is lost."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pika
import pytest
from django.db.models.functions import Now

from integrations import outbox, relay
from integrations.models import Channel, InboxMessage, OutboxMessage
from listings.models import ProductListing
from tests.aetos.processes import Process, Web, wait_for
from tests.factories import a_job, a_match
from tests.integrations.broker import EXCHANGE, Consumer
from tests.integrations.test_relay_events import by_key
from tests.races import until

pytestmark = [pytest.mark.rabbitmq, pytest.mark.django_db(transaction=True)]

QUEUES = (
    "aetos",
    *(f"aetos.{name}" for name in ("events", "scraperv2", "chatterbot", "ebaylister", "telegram")),
    "aetos.telegram-files",
)


@pytest.fixture
def broker(rabbitmq_url: str) -> str:
    """The broker, without queues of earlier workers."""
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        for queue in QUEUES:
            connection.channel().queue_delete(queue)
    return rabbitmq_url


@pytest.fixture
def beat(broker: str, tmp_path: Path) -> Iterator[None]:
    """Beat, which tells the workers to look."""
    with Process("beat", tmp_path / "beat", RABBITMQ_URL=broker) as process:
        yield
        process.end(signal.SIGKILL)


def start_worker(stack: ExitStack, folder: Path, broker: str) -> Process:
    return stack.enter_context(Process("worker", folder, RABBITMQ_URL=broker))


def test_a_worker_killed_in_the_relay_loses_nothing(beat: None, broker: str, folder: Path) -> None:
    count, keys = 4000, 40
    with ExitStack() as stack:
        consumer = stack.enter_context(Consumer(broker))
        worker = start_worker(stack, folder, broker)
        outbox.put(outbox.event("x.y", key=f"key {n % keys}", body={"n": n}) for n in range(count))
        until(lambda: relay.pending("events").count() < count, "the first delivery")
        worker.end(signal.SIGKILL)
        assert relay.pending("events").exists()
        holder = Channel.objects.get(name="events").holder
        assert holder is not None  # it died with the lease in its hands

        Channel.objects.update(leased_until=Now() - timedelta(seconds=1))  # the lease's time has passed
        second = start_worker(stack, folder, broker)
        wait_for(lambda: not relay.pending("events").exists(), "delivery")
        seen = consumer.take()
        second.end(signal.SIGKILL)

    for key, numbers in by_key(seen).items():
        assert list(dict.fromkeys(numbers)) == list(range(int(key.split()[1]), count, keys))
    ids = {message.properties.message_id for message in seen}
    assert len(ids) == count
    assert ids == {str(each) for each in OutboxMessage.objects.values_list("event_id", flat=True)}


def test_a_sweep_that_nobody_picks_up_is_let_go_by_the_broker_and_not_by_a_workers_clock(
    beat: None, broker: str
) -> None:
    """A worker whose clock is minutes ahead would drop every task that says when it expires."""
    found: list[Any] = []

    def sweep() -> bool:
        """Take a sweep, where there is one; the queue may not be declared yet, or be only half there."""
        refusals = (pika.exceptions.ChannelClosedByBroker, pika.exceptions.ConnectionClosedByBroker)
        with suppress(*refusals), pika.BlockingConnection(pika.URLParameters(broker)) as connection:
            method, properties, _ = connection.channel().basic_get("aetos.events", auto_ack=True)
            found.extend([properties] if method else [])
        return bool(found)

    wait_for(sweep, "a sweep")
    assert (found[0].expiration, found[0].headers["expires"]) == ("2000", None)


def test_two_workers_serve_on_one_machine(broker: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        workers = [start_worker(stack, tmp_path / name, broker) for name in ("one", "other")]
        for worker in workers:
            wait_for(lambda worker=worker: "ready" in worker.output, "the worker's start")
        assert not [worker.output for worker in workers if "RESOURCE_LOCKED" in worker.output]


def declare_as_classic(url: str, queue: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().queue_declare(queue, durable=True, arguments={"x-queue-type": "classic"})


def declared(url: str, *, exchange: str) -> bool:
    """Say whether the broker has such an exchange."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        try:
            connection.channel().exchange_declare(exchange, "topic", durable=True, passive=True)
        except pika.exceptions.ChannelClosedByBroker:
            return False
    return True


def test_from_the_webhook_to_a_stranger_by_way_of_web_and_worker(broker: str, folder: Path) -> None:
    """Without beat: it is the nudge after the commit that wakes the worker."""
    with Process("worker", folder, RABBITMQ_URL=broker) as worker:
        wait_for(lambda: declared(broker, exchange=EXCHANGE), "the exchange")
        for queue in QUEUES:
            with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="x-queue-type"):
                declare_as_classic(broker, queue)  # it is there, and of quorum type
        with Web(folder / "web", RABBITMQ_URL=broker) as web, Consumer(broker) as consumer:
            body: dict[str, Any] = a_job(a_match(), a_match())
            assert web.post_job(body).json()["created_listings"] == 2
            messages = consumer.take(2)
        assert {message.routing_key for message in messages} == {"listing.created"}
        ids = {message.body["listing_id"] for message in messages}
        assert ids == {str(pk) for pk in ProductListing.objects.values_list("pk", flat=True)}
        kept = InboxMessage.objects.get()
        wait_for(lambda: kept.request_id in worker.output, "the request's id in the worker's log")
        worker.end(signal.SIGKILL)
