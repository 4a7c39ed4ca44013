"""The twins: the product with one protection taken away. Each must fail under the fault that the protection is for.

Each patches the process that it runs in, as `points` does, and before it, so
that the points stand around what the twin has put in the place of ours.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

TWINS: dict[str, Callable[[], None]] = {}


def twin(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a twin under its name."""

    def register(patch: Callable[[], None]) -> Callable[[], None]:
        TWINS[name] = patch
        return patch

    return register


# ---- web ----------------------------------------------------------------------------------------


@twin("nobody asks")
def nobody_asks() -> None:
    """ScraperV2 is not asked for jobs that did not call."""
    from scraping import reconcile

    reconcile.reconcile = lambda **options: Counter()


@twin("no inbox")
def no_inbox() -> None:
    """What a partner sent is not committed before it is understood."""
    from django.db import transaction

    from integrations.webhooks import Webhook

    Webhook.post = transaction.atomic(Webhook.post)  # type: ignore[method-assign]


@twin("ingest commits as it goes")
def ingest_commits() -> None:
    """A listing's row is committed before its log and its event are written."""
    from django.db import connection

    from listings import ingest

    insert = ingest._insert

    def committing(fresh: Any, build: Any) -> Any:
        written = insert(fresh, build)
        if written[0]:
            connection.connection.commit()  # past Django, which would refuse
        return written

    ingest._insert = committing


@twin("published inside")
def published_inside() -> None:
    """Events leave within the transaction of their fact, not from a row of it."""
    from integrations import events

    def publish(leaving: list[Any]) -> None:
        with events.broker() as connection:
            for _ in events.publish(connection, leaving):
                continue

    without_the_relay(publish)


def without_the_relay(publish: Callable[[list[Any]], None]) -> None:
    """Hand events to `publish` as they are written, and write their rows as delivered: the relay has nothing to do."""
    import json

    from django.utils import timezone

    from integrations import bulk, outbox
    from integrations.waiting import Waiting, as_event

    put, put_rows = outbox.put, outbox.put_rows

    def as_published(row: Any) -> Any:
        text = json.dumps(row.body)
        return as_event(Waiting(0, row.event_id, row.topic, row.key, text, "", timezone.now(), 0))

    def putting(messages: Iterable[Any]) -> None:
        rows = list(messages)
        leaving = [row for row in rows if row.channel == "events"]
        for row in leaving:
            row.created_at = row.delivered_at = timezone.now()
        publish([as_published(row) for row in leaving])
        put(rows)

    def putting_rows(rows: Any) -> None:
        given = list(rows)
        leaving = [row for row in given if row["channel"] == "events"]
        publish([as_published(bulk.as_instance(outbox.OutboxMessage, row)) for row in leaving])
        put_rows([{**row, "delivered_at": timezone.now()} for row in leaving])
        put_rows([row for row in given if row["channel"] != "events"])

    outbox.put, outbox.put_rows = putting, putting_rows


@twin("no digest")
def no_digest() -> None:
    """A job that is delivered again is not recognised."""
    import uuid

    from scraping.digests import Digest

    Digest.hexdigest = lambda self: uuid.uuid4().hex  # type: ignore[method-assign]


# ---- calls to partners --------------------------------------------------------------------------


@twin("marked before the call")
def marked_before_the_call() -> None:
    """A call is noted as made before it is made."""
    from django.utils import timezone

    from integrations import relay
    from integrations.models import OutboxMessage

    call = relay._call

    def marking(message: Any) -> str:
        OutboxMessage.objects.filter(pk=message.pk).update(delivered_at=timezone.now())
        return call(message)

    relay._call = marking


@twin("nobody looks")
def nobody_looks() -> None:
    """Before a scrape is started again, nobody looks whether an earlier call has started it."""
    from scraping import deliveries

    deliveries._started_before = lambda job, since: None


@twin("call in a transaction")
def call_in_a_transaction() -> None:
    """The partner is called within the transaction that keeps its answer."""
    from django.db import transaction

    from integrations import relay

    relay._call = transaction.atomic(relay._call)


@twin("marked with the acknowledgement")
def marked_with_the_acknowledgement() -> None:
    """What was delivered is written down when the task ends, not call by call."""
    from django.utils import timezone

    from integrations import relay
    from integrations.models import OutboxMessage
    from tests.faults import points

    def serve(channel: str, holder: Any) -> int:
        messages = list(relay._due(channel))
        for message in messages:
            relay._call(message)
        points.die_if_armed("worker-before-ack", Path(os.environ["FAULTS_FOLDER"]))
        pks = [message.pk for message in messages]
        return OutboxMessage.objects.filter(pk__in=pks).update(delivered_at=timezone.now())

    relay._serve_calls = serve


# ---- the relay ----------------------------------------------------------------------------------


@twin("lease for ever")
def lease_for_ever() -> None:
    """A relay's lease does not run out."""
    from integrations import lease

    lease._time = lambda channel: timedelta(days=1)


@twin("no lease")
def no_lease() -> None:
    """Every relay serves every channel."""
    import uuid

    from integrations import lease, relay

    lease.take = lambda channel: uuid.uuid4()
    lease.keep = lambda channel, holder: None
    relay._channel_failed = lambda channel, error, **options: False


@twin("marked before publishing")
def marked_before_publishing() -> None:
    """Events are noted as sent before they are sent."""
    from django.utils import timezone

    from integrations import relay
    from integrations.models import OutboxMessage

    publish = relay._publish_wave

    def marking(connection: Any, wave: Any, *given: Any) -> Iterator[int]:
        pks = [message.pk for message in wave]
        OutboxMessage.objects.filter(pk__in=pks).update(delivered_at=timezone.now())
        yield from publish(connection, wave, *given)

    relay._publish_wave = marking  # type: ignore[assignment]


@twin("a new id each time")
def a_new_id_each_time() -> None:
    """An event that is sent again has another id, so that nobody can tell."""
    import uuid
    from dataclasses import replace

    from integrations import events

    publish = events._publish_one
    sent = Path(os.environ["FAULTS_FOLDER"]) / "sent"
    sent.mkdir(exist_ok=True)

    def renaming(channel: Any, event: Any) -> None:
        again = (sent / event.event_id).exists()
        (sent / event.event_id).touch()
        publish(channel, replace(event, event_id=str(uuid.uuid4())) if again else event)

    events._publish_one = renaming


@twin("marked by the batch")
def marked_by_the_batch() -> None:
    """With the first event of a listing the others are noted as sent."""
    from django.utils import timezone

    from integrations import relay

    publish = relay._publish_wave

    refused = relay._refused
    waves: list[Any] = []

    def noting(connection: Any, wave: Any, *given: Any) -> Iterator[int]:
        waves[:] = [message.key for message in wave]
        yield from publish(connection, wave, *given)

    def marking(messages: Any) -> None:
        relay.pending("events").filter(key__in=waves).update(delivered_at=timezone.now())
        refused(messages)

    relay._publish_wave, relay._refused = noting, marking  # type: ignore[assignment]
