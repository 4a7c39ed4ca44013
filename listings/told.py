"""What the partners' callbacks about a listing share: how a body is read, and the answers that it may get."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from integrations import outbox
from integrations.callers import Refusal
from integrations.models import InboxMessage
from integrations.rest import TimeField
from integrations.webhooks import Answer
from listings import telegram
from listings.models import ProductListing

Status = InboxMessage.Status
CLOCK_SKEW_SECONDS = 300


class Conflict(Exception):
    """The callback cannot be true together with what we know; the text tells staff both."""


class PastField(TimeField):
    """A time that has come, give or take what clocks differ by."""

    def to_internal_value(self, value: Any) -> datetime:
        """Return the time in UTC."""
        moment = super().to_internal_value(value)
        if (moment - timezone.now()).total_seconds() > CLOCK_SKEW_SECONDS:
            raise serializers.ValidationError("Lies in the future.")
        return moment


class ToldSerializer(serializers.Serializer[Any]):
    """What every callback may say: the currency of its amounts."""

    currency = serializers.CharField(max_length=3, required=False, allow_null=True)

    def validate_currency(self, value: str | None) -> str | None:
        """Refuse amounts in a currency that is not ours."""
        if value and value.upper() != settings.CURRENCY:
            raise serializers.ValidationError(f"Must be {settings.CURRENCY}.")
        return value


def read(serializer: type[ToldSerializer], payload: Any) -> dict[str, Any]:
    """Return what a body says.

    Raises:
        Refusal: 422, naming what is wrong by field.
    """
    if not isinstance(payload, dict):
        raise Refusal(422, "The body must be an object.")
    body = serializer(data=payload)
    if not body.is_valid():
        raise Refusal(422, body.errors)
    return dict(body.validated_data)


def is_true(listing: ProductListing) -> Answer:
    """Answer that the callback is true, now or already."""
    return Answer(200, {"id": str(listing.pk), "state": listing.state}, subject=listing.pk)


def parked(about: str) -> Answer:
    """Answer that nobody here knows what the callback is about: it is tried again."""
    return Answer(202, {"status": "parked"}, Status.PARKED, f"About {about}, which we do not know (yet).")


def in_conflict(conflict: Conflict, listing: ProductListing | None) -> Answer:
    """Answer that it cannot be, and tell staff; what waits for them in the same words is not told again."""
    subject = listing.pk if listing else None
    waiting = InboxMessage.objects.filter(subject=subject, status=Status.CONFLICT, detail=str(conflict))
    if subject is None or not waiting.exists():
        outbox.put(telegram.conflict_rows(listing, str(conflict)))
    return Answer(409, {"detail": str(conflict)}, Status.CONFLICT, str(conflict), subject)


def cancelled_by(listing: ProductListing) -> str:
    """Say when a listing was cancelled, and by whom."""
    last = listing.history.order_by("-sequence").first()
    return f"the listing was cancelled on {listing.state_changed_at:%d %b %H:%M} UTC by {last and last.triggered_by}"
