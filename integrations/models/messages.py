"""What must go out, and what came in: rows first, the world afterwards."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.ids import uuid7


class OutboxMessage(models.Model):
    """One thing that must reach the outside: an event, or a call to a partner.

    It is written in the transaction of the fact that causes it, and leaves the
    pending set in one of two ways: delivered, or given up and shown to staff.
    """

    event_id = models.UUIDField(unique=True, default=uuid7, editable=False)
    channel = models.CharField(max_length=20)
    topic = models.CharField(max_length=64)
    key = models.CharField(max_length=64, help_text="What is delivered in order: a listing's or a job's id.")
    body = models.JSONField()
    traceparent = models.CharField(
        max_length=55, blank=True, default="", db_default="", help_text="The trace that it was written in."
    )
    created_at = models.DateTimeField(db_default=Now())
    next_attempt_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")
    delivered_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)
    emptied_at = models.DateTimeField(null=True, blank=True, help_text="When its body was no longer kept.")

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ("-id",)
        default_permissions = ("view",)
        permissions = (("redeliver_outboxmessage", "Can deliver a message again"),)
        indexes = (
            models.Index(
                fields=["channel", "next_attempt_at"],
                name="outbox_due",
                condition=Q(delivered_at__isnull=True, given_up_at__isnull=True),
            ),
            models.Index(
                fields=["channel", "key", "id"],
                name="outbox_pending_of_key",
                condition=Q(delivered_at__isnull=True, given_up_at__isnull=True),
            ),
            models.Index(fields=["key", "id"], name="outbox_of_key"),
            models.Index(fields=["id"], name="outbox_given_up", condition=Q(given_up_at__isnull=False)),
            models.Index(
                fields=["delivered_at"],
                name="outbox_kept",
                condition=Q(delivered_at__isnull=False, emptied_at__isnull=True),
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="outbox_has_one_end",
                condition=Q(delivered_at__isnull=True) | Q(given_up_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.topic} ({self.state})"

    @property
    def state(self) -> str:
        """Say in one word where the message is: delivered, given up, failing or waiting."""
        if self.delivered_at:
            return "delivered"
        if self.given_up_at:
            return "given up"
        return "failing" if self.attempts else "waiting"


class DeliveryAttempt(models.Model):
    """One call to a partner, written before it is made, so that a lost answer is seen as one."""

    message = models.ForeignKey(OutboxMessage, on_delete=models.CASCADE, related_name="attempt_set")
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=12, blank=True, default="")
    detail = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("id",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.outcome or "no answer yet"


class Channel(models.Model):
    """One way out (RabbitMQ, or one partner): who is serving it, and whether it answers.

    `leased_until` lets one relay at a time serve it, which is what keeps the
    order. `failures` and `closed_until` are its circuit breaker; the last three count, for /metrics.
    """

    name = models.CharField(max_length=20, primary_key=True)
    holder = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    closed_until = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    last_success_at = models.DateTimeField(null=True, blank=True)
    delivered = models.PositiveBigIntegerField(default=0, db_default=0, help_text="Messages, ever.")
    failed = models.PositiveBigIntegerField(default=0, db_default=0, help_text="Attempts, ever.")
    given_up = models.PositiveBigIntegerField(default=0, db_default=0, help_text="Messages refused, ever.")

    class Meta:
        ordering = ("name",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name

    def is_closed(self, now: datetime) -> bool:
        """Say whether the breaker holds calls back at `now`."""
        return self.closed_until is not None and self.closed_until > now


class InboxMessage(models.Model):
    """One request that an authentic partner sent us, as bytes, kept before it is understood."""

    class Status(models.TextChoices):
        RECEIVED = "received", "received, not yet processed"
        PROCESSED = "processed", "processed"
        REFUSED = "refused", "refused: unreadable or invalid"
        PARKED = "parked", "parked: about something we do not know yet"
        CONFLICT = "conflict", "in conflict: staff decide"
        DISMISSED = "dismissed", "dismissed by staff"

    partner = models.CharField(max_length=20)
    kind = models.CharField(max_length=40)
    body = models.BinaryField()
    content_type = models.CharField(max_length=100, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    received_at = models.DateTimeField(db_default=Now())
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RECEIVED)
    subject = models.UUIDField(
        null=True, blank=True, db_index=True, help_text="The listing or job it is about."
    )
    settled_by = models.CharField(
        max_length=200, blank=True, default="", help_text="Who applied or dismissed it."
    )
    detail = models.TextField(blank=True, default="")
    answer = models.JSONField(null=True, blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    emptied_at = models.DateTimeField(null=True, blank=True, help_text="When its body was no longer kept.")
    digest = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="SHA-256 of the body that is no longer kept.",
    )

    class Meta:
        verbose_name_plural = "inbox"
        ordering = ("-id",)
        default_permissions = ("view",)
        permissions = (("replay_inboxmessage", "Can process a message again"),)
        indexes = (
            models.Index(
                fields=["status", "received_at"], name="inbox_open", condition=~Q(status="processed")
            ),
            models.Index(fields=["partner", "-id"], name="inbox_of_partner"),
            models.Index(fields=["received_at"], name="inbox_kept", condition=Q(emptied_at__isnull=True)),
        )

    def __str__(self) -> str:
        return f"{self.partner} {self.kind} #{self.pk}"

    @property
    def raw(self) -> bytes:
        """The body as it was received (PostgreSQL hands out a memoryview)."""
        return bytes(self.body)
