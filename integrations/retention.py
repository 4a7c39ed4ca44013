"""How long the contents of what came and went are kept: then its rows are emptied, never deleted.

A row goes on saying that something came or left, when, and what became of it;
of a body the digest stays, so that a repeat is known. What is open is never
touched: received, parked, in conflict, undelivered or given up. Every batch
is committed by itself, so that a run can be stopped and the next one goes on.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from integrations import clock
from integrations.models import DeliveryAttempt, InboxMessage, OutboxMessage

log = structlog.get_logger(__name__)

Status = InboxMessage.Status
SETTLED = (Status.PROCESSED, Status.REFUSED, Status.DISMISSED)
BODIES, ROWS = 20, 500  # at a time: a body may have 16 MiB


class BodyGone(Exception):
    """The message was settled, and its body is no longer kept: there is nothing to process."""

    def __init__(self, message: InboxMessage) -> None:
        super().__init__(
            f"The body of inbox row {message.pk} is gone since {message.emptied_at:%Y-%m-%d}: "
            "it had been kept for as long as bodies are, and cannot be processed again."
        )


Step = Callable[[datetime], int]  # empties one batch of what is older; returns of how many rows
Due = Callable[[datetime], int]  # counts what is older
STORES: dict[str, tuple[str, Due, Step]] = {}


def register(name: str, *, setting: str, due: Due, step: Step) -> None:
    """Say what else is kept for as long as `setting` says. Called once for each, by an app's `ready()`."""
    STORES[name] = (setting, due, step)


def due() -> dict[str, int]:
    """Count what would be emptied now."""
    return {name: count(before) for name, before, count, _ in _stores()}


def prune(
    *, seconds: float | None = None, told: Callable[[str, int], None] = lambda name, count: None
) -> Counter[str]:
    """Empty what has been kept for long enough.

    Args:
        seconds: stop after so long; what is left is for the next run.
        told: hears after each batch the name of the store, and how many rows it has emptied so far.

    Returns:
        How many rows of each store were emptied.
    """
    emptied: Counter[str] = Counter()
    end = None if seconds is None else time.monotonic() + seconds
    for name, before, _, step in _stores():
        while (end is None or time.monotonic() < end) and (count := step(before)):
            emptied[name] += count
            told(name, emptied[name])
    if emptied:
        log.info("emptied what was kept for long enough", **emptied)
    return emptied


def _stores() -> list[tuple[str, datetime, Due, Step]]:
    at = clock.now()
    days = {name: getattr(settings, setting) for name, (setting, _, _) in STORES.items()}
    return [
        (name, at - timedelta(days=days[name]), count, step)
        for name, (_, count, step) in STORES.items()
        if days[name]
    ]


# ---- the inbox ----------------------------------------------------------------------------------


def _old_bodies(before: datetime) -> QuerySet[InboxMessage]:
    old = Q(received_at__lt=before) & (Q(processed_at__isnull=True) | Q(processed_at__lt=before))
    return InboxMessage.objects.filter(old, emptied_at__isnull=True, status__in=SETTLED)


@transaction.atomic
def _empty_bodies(before: datetime) -> int:
    # Locked, and looked at again: staff may have one processed again at this moment.
    rows = list(_old_bodies(before).select_for_update().order_by("received_at").only("body")[:BODIES])
    for row in rows:
        empty(row)
    return len(rows)


def empty(row: InboxMessage) -> None:
    """Take the body away from a row, and keep its digest."""
    InboxMessage.objects.filter(pk=row.pk).update(
        body=b"", answer=None, digest=hashlib.sha256(row.raw).hexdigest(), emptied_at=Now()
    )


# ---- the outbox ---------------------------------------------------------------------------------


def _old_deliveries(before: datetime) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(delivered_at__lt=before, emptied_at__isnull=True)


@transaction.atomic
def _empty_deliveries(before: datetime) -> int:
    ids = list(_old_deliveries(before).order_by("delivered_at").values_list("pk", flat=True)[:ROWS])
    DeliveryAttempt.objects.filter(message__in=ids).delete()
    OutboxMessage.objects.filter(pk__in=ids).update(body={}, last_error="", emptied_at=Now())
    return len(ids)


register(
    "inbox bodies",
    setting="KEEP_INBOX_DAYS",
    due=lambda before: _old_bodies(before).count(),
    step=_empty_bodies,
)
register(
    "deliveries",
    setting="KEEP_DELIVERIES_DAYS",
    due=lambda before: _old_deliveries(before).count(),
    step=_empty_deliveries,
)
