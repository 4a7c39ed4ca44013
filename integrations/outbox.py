"""The outbox: write what must go out beside the fact that causes it.

`put` joins the caller's transaction; nothing here talks to a broker or a
partner. After the commit `nudge` tells a worker to look, and a sweep every two
seconds finds what the nudge missed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from integrations import bulk, jsontext, nudges, tracing
from integrations.bulk import JsonText
from integrations.channels import EVENTS
from integrations.ids import uuid7
from integrations.models import OutboxMessage


@dataclass(frozen=True)
class Delivery:
    """What a handler gets: the message in plain values."""

    topic: str
    key: str
    body: dict[str, Any]
    event_id: str
    attempt: int


@dataclass(frozen=True)
class Route:
    """How one kind of call leaves: on which channel, by which handler, and what follows when it is given up."""

    channel: str
    handler: Callable[[Delivery], str]
    given_up: Callable[[Delivery, str], None]


ROUTES: dict[str, Route] = {}


def register(
    topic: str, *, channel: str, handler: Callable[[Delivery], str], given_up: Callable[[Delivery, str], None]
) -> None:
    """Say who delivers `topic`. Called once per topic, by an app's `ready()`.

    `handler` makes the call, records its answer, and returns a short line for
    the attempt; it must bear being called twice. It raises `integrations.http`'s
    TransientError or PermanentError. `given_up` records that nothing more will be tried.
    """
    ROUTES[topic] = Route(channel, handler, given_up)


def event(topic: str, *, key: str, body: dict[str, Any]) -> OutboxMessage:
    """Build the row of one event; `event_type`, `event_id` and `occurred_at` are added when it leaves."""
    return OutboxMessage(channel=EVENTS, topic=topic, key=key, body=body, traceparent=tracing.current())


def event_row(topic: str, *, key: str, body: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Build the same in plain values, for `put_rows`; `at` is when it happened."""
    return _row(EVENTS, topic, key, body, at)


def call(topic: str, *, key: str, body: dict[str, Any]) -> OutboxMessage:
    """Build the row of one call to a partner.

    Raises:
        KeyError: nobody registered `topic`.
    """
    channel = ROUTES[topic].channel
    return OutboxMessage(channel=channel, topic=topic, key=key, body=body, traceparent=tracing.current())


def call_row(topic: str, *, key: str, body: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Build the same in plain values, for `put_rows`.

    Raises:
        KeyError: nobody registered `topic`.
    """
    return _row(ROUTES[topic].channel, topic, key, body, at)


def _row(channel: str, topic: str, key: str, body: dict[str, Any], at: datetime) -> dict[str, Any]:
    # The body as text at once: of thousands that wait to be written, it takes the least room.
    return {
        "event_id": uuid7(),
        "channel": channel,
        "topic": topic,
        "key": key,
        "body": JsonText(jsontext.dumps(body).decode()),
        "traceparent": tracing.current(),
        "created_at": at,
    }


def put(messages: Iterable[OutboxMessage]) -> None:
    """Write the rows in the current transaction, and nudge their channels when it commits."""
    rows = list(messages)
    OutboxMessage.objects.bulk_create(rows)
    _wake({row.channel for row in rows})


def put_rows(rows: Iterable[bulk.Row]) -> None:
    """Write rows in plain values, which is quicker where there are many, and nudge as `put` does."""
    channels: set[str] = set()

    def noted() -> Iterator[bulk.Row]:
        for row in rows:
            channels.add(row["channel"])
            yield row

    bulk.insert(OutboxMessage, noted())
    _wake(channels)


def _wake(channels: set[str]) -> None:
    if channels:
        transaction.on_commit(lambda: nudges.wake(channels))


def replace(message: OutboxMessage, *, body: dict[str, Any]) -> bool:
    """Ask something else in the place of a call that was given up; return False where it was not given up.

    It is a new call, with an `event_id` of its own; the attempts at the old one stay on record.
    """
    given_up = OutboxMessage.objects.filter(pk=message.pk, given_up_at__isnull=False)
    changed = given_up.update(
        event_id=uuid7(), body=body, attempts=0, last_error="", given_up_at=None, next_attempt_at=Now()
    )
    if changed:
        transaction.on_commit(lambda: nudges.wake({message.channel}))
    return bool(changed)
