"""The relay's way to RabbitMQ, against py-amqp that publishes ready-made messages with batched confirms."""

import http.client
import itertools
import json
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import amqp
import psycopg
from kombu import Connection

from bench.ingest import bodies, deliver, line, matches
from bench.rows import Bench, Sides, at_least, at_most, row
from bench.stored import unchanged
from integrations import events, relay
from integrations.channels import EVENTS

COUNT = 5000
WINDOW = 500


def waiting(connection: psycopg.Connection, count: int) -> None:
    """Write so many events that wait to leave, each of another listing."""
    connection.execute(
        "INSERT INTO integrations_outboxmessage (event_id, channel, topic, key, body, attempts, last_error) "
        "SELECT gen_random_uuid(), 'events', 'listing.created', gen_random_uuid()::text, jsonb_build_object("
        "'listing_id', gen_random_uuid(), 'product_id', 230, 'scraper_job_id', gen_random_uuid(), 'brand', 'Sony', "
        "'model', 'a6400', 'marketplace_url', 'https://www.facebook.com/marketplace/item/' || n || '/', "
        "'asking_price', '400.00', 'confidence_score', '95.00', 'estimated_profit', '100.00'), 0, '' "
        "FROM generate_series(1, %s) n",
        [count],
    )


def ready_made(count: int) -> list[amqp.Message]:
    """Return messages such as the relay's, with nothing left to do but to send them."""
    at = datetime.now(UTC).isoformat()
    return [_message(str(uuid.uuid4()), at) for _ in range(count)]


def _message(event_id: str, at: str) -> amqp.Message:
    body = {
        "listing_id": event_id,
        "product_id": 230,
        "scraper_job_id": event_id,
        "brand": "Sony",
        "model": "a6400",
        "marketplace_url": "https://www.facebook.com/marketplace/item/1000000/",
        "asking_price": "400.00",
        "confidence_score": "95.00",
        "estimated_profit": "100.00",
    }
    event = events.Event(event_id, "listing.created", event_id, at, "")
    return amqp.Message(
        json.dumps({"event_type": "listing.created", "event_id": event_id, "occurred_at": at, **body}),
        message_id=event_id,
        type="listing.created",
        application_headers=event.headers(),
        delivery_mode=2,
        content_type="application/json",
        content_encoding="utf-8",
    )


def publish(url: str, messages: list[amqp.Message]) -> float:
    """Publish with a window of unconfirmed messages; return the seconds until all are confirmed."""
    with Connection(url) as connection:
        channel: Any = connection.channel()
        channel.confirm_select()
        confirmed = [0]

        def confirm(tag: int, multiple: bool) -> None:
            confirmed[0] = tag if multiple else max(confirmed[0], tag)

        channel.events["basic_ack"].add(confirm)
        began = time.perf_counter()
        for number, message in enumerate(messages, start=1):
            channel.basic_publish(
                message, exchange="orchestrator.events", routing_key="listing.created", mandatory=True
            )
            while number - confirmed[0] >= WINDOW:
                connection.drain_events(timeout=10)
        while confirmed[0] < len(messages):
            connection.drain_events(timeout=10)
        return time.perf_counter() - began


@contextmanager
def consumer(url: str) -> Iterator[Any]:
    """Bind a durable queue to every event; give its channel and name; delete it in the end."""
    with events.broker() as connection:
        channel: Any = connection.default_channel
        channel.queue_declare("bench", durable=True, auto_delete=False)
        channel.queue_bind("bench", "orchestrator.events", "#")
        try:
            yield channel
        finally:
            channel.queue_delete("bench")


@row(
    "events",
    work="events relayed, confirmed, and marked as delivered",
    against="py-amqp: ready-made messages, confirms in batches",
    unit="events/s",
    reach=at_least(0.60),
)
def relayed(bench: Bench) -> Sides:
    """Let the relay empty the outbox."""
    if not bench.broker:
        raise RuntimeError("RabbitMQ is needed: name one by RABBITMQ_URL.")
    with unchanged(bench.url) as connection, consumer(bench.broker) as channel:

        def ours() -> float:
            waiting(connection, COUNT)
            channel.queue_purge("bench")
            began = time.perf_counter()
            delivered = relay.serve(EVENTS)
            seconds = time.perf_counter() - began
            assert delivered == COUNT
            return COUNT / seconds

        def raw() -> float:
            messages = ready_made(COUNT)
            channel.queue_purge("bench")
            return COUNT / publish(bench.broker, messages)

        return bench.interleave(ours, raw)


@row(
    "lag",
    work="lag from commit to event, idle: p95 in ms",
    against="",
    unit="ms",
    reach=at_most(150),
)
def lag(bench: Bench) -> Sides:
    """Post jobs of one, one at a time, and take the time from the listing's commit to the event's arrival.

    The answer to the job comes after the commit, so that what is measured from it is a little less than the lag; the
    clock therefore starts before the job is posted, and what a job of one takes is in the figure.
    """
    if not bench.broker:
        raise RuntimeError("RabbitMQ is needed: name one by RABBITMQ_URL.")
    with (
        unchanged(bench.url),
        consumer(bench.broker) as channel,
        bench.worker(),
        closing(line(bench.web.url)) as web,
    ):

        def run() -> float:
            times = sorted(_one(channel, web) for _ in range(20 if bench.quick else 60))
            return 1000 * statistics.quantiles(times, n=20)[-1]

        channel.basic_qos(0, 1, False)
        run()
        return Sides([run() for _ in range(bench.runs)], [], note="from before the job is posted")


def _one(channel: Any, web: http.client.HTTPConnection) -> float:
    time.sleep(0.15)
    (post,) = bodies([matches(1)])
    began = time.perf_counter()
    deliver(web, [post])
    for _ in itertools.takewhile(lambda n: time.perf_counter() - began < 30, itertools.count()):
        if message := channel.basic_get("bench", no_ack=True):
            assert message.delivery_info["routing_key"] == "listing.created"
            return time.perf_counter() - began
        time.sleep(0.002)
    raise RuntimeError("no event within thirty seconds")
