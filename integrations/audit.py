"""What must be true of the inbox and the outbox."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Now

from integrations.findings import Finding, Rule
from integrations.models import DeliveryAttempt, InboxMessage, OutboxMessage


def _unanswered(patience: timedelta) -> Iterator[Finding]:
    """Find calls that wait for an answer: their latest attempt began long ago, and nothing has ended it."""
    latest = DeliveryAttempt.objects.filter(message=OuterRef("pk")).order_by("-id")
    pending = OutboxMessage.objects.filter(delivered_at__isnull=True, given_up_at__isnull=True).annotate(
        began=Subquery(latest.values("started_at")[:1]), ended=Subquery(latest.values("finished_at")[:1])
    )
    for row in pending.filter(began__lt=Now() - patience, ended__isnull=True).order_by("id").iterator():
        yield Finding(f"outbox {row.pk}", f"{row.topic} was sent, and nobody has asked again since.")


def _unheard(patience: timedelta) -> Iterator[Finding]:
    """Find webhooks that were accepted and are neither processed nor parked nor shown to anybody."""
    waiting = InboxMessage.objects.filter(
        status=InboxMessage.Status.RECEIVED, received_at__lt=Now() - patience
    )
    for row in waiting.defer("body").order_by("id").iterator():
        yield Finding(f"inbox {row.pk}", f"{row.partner} {row.kind} was accepted and is not processed.")


RULES = (
    Rule("calls are answered", "no call to a partner is sent and forgotten", _unanswered),
    Rule("webhooks are heard", "what was accepted is processed, parked or shown", _unheard),
)
