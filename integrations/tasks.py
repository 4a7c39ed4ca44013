"""What Celery runs for the outbox and the inbox."""

from datetime import timedelta

import structlog
from celery import shared_task
from django.db.models import F, Q
from django.db.models.functions import Now

from integrations import relay, retention, webhooks
from integrations.models import InboxMessage, Pulse

log = structlog.get_logger(__name__)

GRACE = timedelta(seconds=60)  # the request that brought the message is still at work on it
BATCH = 500
NIGHT_SECONDS = 1800.0  # what is left over goes the next night
TASKS = "tasks"  # the name of the sign of life
Status = InboxMessage.Status


@shared_task(name="integrations.deliver")
def deliver(channel: str) -> int:
    """Serve one channel of the outbox; return how many messages were delivered."""
    return relay.serve(channel)


@shared_task(name="integrations.process_inbox")
def process_inbox() -> int:
    """Process what was received and not finished, and try again what was parked; return how many were looked at.

    It leaves a sign of life, too: it has come from beat, and a worker runs it.
    """
    Pulse.objects.update_or_create(name=TASKS, defaults={"beaten_at": Now()})
    unfinished = Q(status=Status.RECEIVED, received_at__lt=Now() - GRACE)
    # Parked ones by turns, the longest untried first: an old one that nobody can place never starves the others.
    due = InboxMessage.objects.filter(unfinished | Q(status=Status.PARKED))
    by_turns = F("processed_at").asc(nulls_first=True)
    settled = 0
    for message_id in list(due.order_by(by_turns, "id").values_list("pk", flat=True)[:BATCH]):
        try:
            webhooks.process(message_id)
            settled += 1
        except Exception as error:  # one bad row never stops the rest
            log.exception("inbox row failed", inbox_id=message_id)
            webhooks.note_failure(message_id, error)
    return settled


@shared_task(name="integrations.prune")
def prune() -> int:
    """Empty what has been kept for long enough; return how many rows."""
    return retention.prune(seconds=NIGHT_SECONDS).total()
