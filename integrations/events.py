"""Events to RabbitMQ: persistent, mandatory, confirmed, as CloudEvents."""

import json
import queue
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import amqp
from amqp.exceptions import AMQPError
from celery.signals import worker_ready
from django.conf import settings
from kombu import Connection, Exchange
from kombu.exceptions import OperationalError

TIMEOUT_SECONDS = 10.0
WINDOW = 1000
UNROUTABLE = "no queue is bound for this routing key"


class BrokerDown(Exception):
    """RabbitMQ could not be reached, broke off, or did not confirm in time: nothing is known to be sent."""


@dataclass(frozen=True)
class Event:
    """One message: `body` is JSON text, the rest goes into its properties and headers."""

    event_id: str
    routing_key: str
    subject: str
    occurred_at: str
    body: str
    traceparent: str = ""

    def headers(self) -> dict[str, str]:
        """Return the CloudEvents headers (AMQP binding, 1.0), and the trace's where it is traced."""
        trace = {"traceparent": self.traceparent} if self.traceparent else {}
        return trace | {
            "cloudEvents:specversion": "1.0",
            "cloudEvents:id": self.event_id,
            "cloudEvents:type": self.routing_key,
            "cloudEvents:source": settings.EVENTS_SOURCE,
            "cloudEvents:time": self.occurred_at,
            "cloudEvents:subject": self.subject,
        }


def envelope(topic: str, event_id: str, occurred_at: str, body: str) -> str:
    """Return the JSON text that leaves: the common fields first, then the event's own, which are JSON text already."""
    common = json.dumps({"event_type": topic, "event_id": event_id, "occurred_at": occurred_at})
    return common if body == "{}" else f"{common[:-1]}, {body[1:]}"


def exchange() -> Exchange:
    """Return the durable topic exchange that consumers bind to."""
    return Exchange(settings.EVENTS_EXCHANGE, type="topic", durable=True)


@contextmanager
def broker(timeout: float | None = None) -> Iterator[Connection]:
    """Open a connection that cannot hang for longer than `timeout` seconds, with our exchange declared.

    Args:
        timeout: `TIMEOUT_SECONDS` where none is given.

    Raises:
        BrokerDown: on any failure of the connection, also inside the block.
    """
    timeout = TIMEOUT_SECONDS if timeout is None else timeout
    connection = Connection(
        settings.RABBITMQ_URL,
        connect_timeout=min(timeout, 5),
        heartbeat=0,
        transport_options={"read_timeout": timeout, "write_timeout": timeout, "max_retries": 0},
    )
    try:
        connection.connect()
        exchange().declare(channel=connection.default_channel)
        yield connection
    except (OSError, AMQPError, OperationalError) as error:
        raise BrokerDown(f"RabbitMQ: {type(error).__name__}") from error
    finally:
        connection.close()


@worker_ready.connect
def declare_at_start(**kwargs: Any) -> None:
    """Let consumers bind before the first event leaves; where the broker is away, the relay declares it later."""
    if settings.RABBITMQ_URL:
        with suppress(BrokerDown), broker():
            return


Settled = tuple[set[str], dict[str, str]]


class _Ledger:
    """What became of each message: in flight, in the order of their tags; returned; and settled since the last look."""

    def __init__(self, channel: Any) -> None:
        self.in_flight: dict[int, str] = {}
        self._returned: set[str] = set()
        self._sent: set[str] = set()
        self._refused: dict[str, str] = {}
        channel.events["basic_ack"].add(lambda tag, multiple: self._settle(tag, multiple, None))
        channel.events["basic_nack"].add(
            lambda tag, multiple: self._settle(tag, multiple, "refused by the broker")
        )
        channel.events["basic_return"].add(self._return)

    def _return(self, error: Exception, exchange: str, routing_key: str, message: amqp.Message) -> None:
        self._returned.add(message.properties["message_id"])

    def _settle(self, tag: int, multiple: bool, problem: str | None) -> None:
        for each in list(takewhile(lambda other: other <= tag, self.in_flight)) if multiple else [tag]:
            event_id = self.in_flight.pop(each, None)
            if event_id is None:
                continue
            why = (
                UNROUTABLE if event_id in self._returned else problem
            )  # what is returned is confirmed after it
            if why:
                self._refused[event_id] = why
            else:
                self._sent.add(event_id)

    def take(self) -> Settled:
        """Return what was settled since the last look."""
        settled = self._sent, self._refused
        self._sent, self._refused = set(), {}
        return settled


def publish(connection: Connection, events: Iterable[Event]) -> Iterator[Settled]:
    """Publish the events, and give the broker's answers by and by.

    A thread of its own publishes on, so that RabbitMQ, this process and the
    database are all at work while the caller writes down what was settled.

    Returns:
        By portions, the ids that were confirmed, and for each other id why it was not taken.

    Raises:
        BrokerDown (by `broker`): what was not given yet may have arrived or not; treat it as unsent.
    """
    portions: queue.Queue[Settled | BaseException | None] = queue.Queue(maxsize=2)
    enough = threading.Event()

    def work() -> None:
        try:
            for portion in _settled(connection, takewhile(lambda event: not enough.is_set(), events)):
                portions.put(portion)
            portions.put(None)
        except BaseException as error:  # noqa: BLE001  raised where the caller waits
            portions.put(error)

    thread = threading.Thread(target=work, name="publisher", daemon=True)
    thread.start()
    portion: Settled | BaseException | None = (set(), {})
    try:
        while isinstance(portion := portions.get(), tuple):
            yield portion
    finally:
        enough.set()
        while isinstance(portion, tuple):
            portion = portions.get()
        thread.join()
    if portion is not None:
        raise portion


def _settled(connection: Connection, events: Iterable[Event]) -> Iterator[Settled]:
    channel: Any = connection.channel()  # py-amqp's; its stubs know neither confirms nor events
    try:
        channel.confirm_select()
        ledger = _Ledger(channel)
        _hold(channel, True)
        for tag, event in enumerate(events, start=1):
            ledger.in_flight[tag] = event.event_id
            _publish_one(channel, event)
            if len(ledger.in_flight) >= WINDOW:
                _hold(channel, False)
                _drain(connection, ledger, down_to=WINDOW // 2)
                yield ledger.take()
                _hold(channel, True)
        _hold(channel, False)
        _drain(connection, ledger, down_to=0)
        yield ledger.take()
    finally:
        if connection.connected:
            channel.close()


def _hold(channel: Any, on: bool) -> None:
    """Have Linux send small messages together, in full packets; what is left leaves when it is off again (tcp(7))."""
    if cork := getattr(socket, "TCP_CORK", None):
        channel.connection.sock.setsockopt(socket.IPPROTO_TCP, cork, on)


def _publish_one(channel: Any, event: Event) -> None:
    """Hand one event over, not by kombu's Producer: that costs as much again for each message, and adds nothing."""
    message = amqp.Message(
        event.body,
        message_id=event.event_id,
        type=event.routing_key,
        application_headers=event.headers(),
        delivery_mode=2,
        content_type="application/json",
        content_encoding="utf-8",
    )
    channel.basic_publish(
        message, exchange=settings.EVENTS_EXCHANGE, routing_key=event.routing_key, mandatory=True
    )


def _drain(connection: Connection, ledger: _Ledger, *, down_to: int) -> None:
    end = time.monotonic() + TIMEOUT_SECONDS
    while len(ledger.in_flight) > down_to:
        connection.drain_events(timeout=max(0.001, end - time.monotonic()))
