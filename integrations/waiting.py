"""Events that wait to leave: read as plain values, split into waves, put into the words of the wire."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from integrations import events, tracing


class Waiting(NamedTuple):
    """An event that waits to leave; `text` is its body as JSON text."""

    pk: int
    event_id: uuid.UUID
    topic: str
    key: str
    text: str
    traceparent: str
    created_at: datetime
    attempts: int


def waves(batch: list[Waiting]) -> Iterator[list[Waiting]]:
    """Split a batch so that no wave holds two messages of one key: the second leaves when the first is confirmed."""
    found: dict[int, list[Waiting]] = defaultdict(list)
    seen: dict[str, int] = defaultdict(int)
    for message in batch:
        found[seen[message.key]].append(message)
        seen[message.key] += 1
    yield from found.values()


def as_event(message: Waiting) -> events.Event:
    """Return what is published for a row."""
    occurred_at = message.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    event_id = str(message.event_id)
    body = events.envelope(message.topic, event_id, occurred_at, message.text)
    with tracing.span(f"publish {message.topic}", parent=message.traceparent):
        trace = tracing.current()
    return events.Event(event_id, message.topic, message.key, occurred_at, body, trace)
