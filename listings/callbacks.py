"""What Chatterbot tells us about a seller (contract, sections 1 and 5).

A callback proves that a state was reached. What is ahead of the listing is
walked to; what is behind it is already true; what cannot be is kept for staff,
with the reason in words, since money may be involved.
"""

import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from integrations import outbox
from integrations.models import InboxMessage
from integrations.rest import MoneyField, TimeField
from integrations.webhooks import Answer, Refusal, Webhook
from listings import announcements, facts, leads, lifecycle, telegram
from listings.models import Lead, ProductListing
from listings.states import ENTERED_AT, State

Status = InboxMessage.Status
CHATTERBOT = leads.CHATTERBOT
CLOCK_SKEW_SECONDS = 300


class ChatterbotWebhook(Webhook):
    """`POST /webhooks/chatterbot/<kind>`."""

    partner = CHATTERBOT
    kind = ""  # given by the route


class IdField(serializers.UUIDField):
    """A listing's id, written as one: not the number that stands behind a UUID."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the UUID."""
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class CallbackSerializer(serializers.Serializer[Any]):
    """What every callback may say."""

    listing_id = IdField(required=False, allow_null=True)
    order_id = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False, allow_null=True)
    occurred_at = TimeField(required=False, allow_null=True)
    conversation_thread_id = serializers.CharField(
        max_length=200, required=False, allow_null=True, allow_blank=True
    )
    seller_messenger_id = serializers.CharField(
        max_length=200, required=False, allow_null=True, allow_blank=True
    )
    message = serializers.CharField(max_length=10_000, required=False, allow_null=True, allow_blank=True)
    currency = serializers.CharField(max_length=3, required=False, allow_null=True)

    def validate_occurred_at(self, value: datetime | None) -> datetime | None:
        """Refuse the future, beyond what clocks differ by."""
        if value and (value - timezone.now()).total_seconds() > CLOCK_SKEW_SECONDS:
            raise serializers.ValidationError("Lies in the future.")
        return value

    def validate_currency(self, value: str | None) -> str | None:
        """Refuse amounts in a currency that is not ours."""
        if value and value.upper() != settings.CURRENCY:
            raise serializers.ValidationError(f"Must be {settings.CURRENCY}.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a body that names no listing."""
        if attrs.get("listing_id") is None and attrs.get("order_id") is None:
            raise serializers.ValidationError({"listing_id": ["Give listing_id or order_id."]})
        return attrs


class DealConfirmedSerializer(CallbackSerializer):
    """A deal, with its price."""

    agreed_price = MoneyField()
    shipping_cost = MoneyField(required=False, allow_null=True)


class DealFailedSerializer(CallbackSerializer):
    """The end of a talk, with its reason."""

    reason = serializers.CharField(max_length=1000, required=False, allow_null=True, allow_blank=True)


class Conflict(Exception):
    """The callback cannot be true together with what we know; the text tells staff both."""


Act = Callable[[ProductListing, dict[str, Any]], ProductListing]


def _handler(serializer: type[CallbackSerializer], act: Act) -> Callable[[InboxMessage, Any], Answer]:
    def handle(message: InboxMessage, payload: Any) -> Answer:
        if not isinstance(payload, dict):
            raise Refusal(422, "The body must be an object.")
        read = serializer(data=payload)
        if not read.is_valid():
            raise Refusal(422, read.errors)
        listing = None
        try:
            listing = _listing(read.validated_data)
            if listing is None:
                return Answer(202, {"status": "parked"}, Status.PARKED, _unknown(read.validated_data))
            moved = act(listing, read.validated_data)
        except Conflict as conflict:
            if listing is not None:
                _remember(listing, read.validated_data)  # whose lead is to be stopped, if it was cancelled
            return _conflict(conflict, listing)
        _remember(moved, read.validated_data)
        return Answer(200, {"id": str(moved.pk), "state": moved.state}, subject=moved.pk)

    return handle


def _listing(told: dict[str, Any]) -> ProductListing | None:
    """Find and lock the listing that a callback is about; None where we do not know it yet.

    Raises:
        Conflict: its two names lead to two listings.
    """
    by_order = (
        Lead.objects.filter(order_id=told["order_id"]).first() if told.get("order_id") is not None else None
    )
    listing_id: uuid.UUID | None = told.get("listing_id") or (by_order.listing_id if by_order else None)
    if listing_id is None:
        return None
    try:
        listing = lifecycle.locked(listing_id)
    except ProductListing.DoesNotExist:
        return None
    own = Lead.objects.filter(listing=listing).first()
    other = by_order and by_order.listing_id != listing.pk
    if other or (own and own.order_id and told.get("order_id") not in (None, own.order_id)):
        raise Conflict(f"Order {told['order_id']} and listing {listing.pk} do not belong together.")
    return listing


def _unknown(told: dict[str, Any]) -> str:
    name = f"listing {told['listing_id']}" if told.get("listing_id") else f"order {told['order_id']}"
    return f"About {name}, which we do not know (yet)."


def _conflict(conflict: Conflict, listing: ProductListing | None) -> Answer:
    outbox.put(telegram.conflict_rows(listing, str(conflict)))
    subject = listing.pk if listing else None
    return Answer(409, {"detail": str(conflict)}, Status.CONFLICT, str(conflict), subject)


def _remember(listing: ProductListing, told: dict[str, Any]) -> None:
    """Keep the ids that a callback brings; whoever can tell of the lead has accepted it."""
    lead = Lead.objects.filter(listing=listing).first()
    if lead is None:
        return
    leads.accepted(listing, told.get("order_id"))
    ids = {name: told[name] for name in ("conversation_thread_id", "seller_messenger_id") if told.get(name)}
    if ids:
        Lead.objects.filter(pk=lead.pk).update(**ids)


# ---- the four -----------------------------------------------------------------------------------


def _message_sent(listing: ProductListing, told: dict[str, Any]) -> ProductListing:
    if listing.state == State.FOUND:
        listing = lifecycle.message_seller(listing.pk, by=CHATTERBOT, reason="message sent")
        _delivered(listing, told)
    elif listing.state == State.MESSAGING:
        if _delivered(listing, told):
            lifecycle.restart_deadline(listing)
    elif not _was_in(listing, State.MESSAGING):
        raise Conflict(f"A message was sent, but {_ended(listing)}.")
    return listing


def _delivered(listing: ProductListing, told: dict[str, Any]) -> bool:
    """Record that a message went out; False where this very one is recorded already."""
    at = told.get("occurred_at") or timezone.now()
    lead, _ = Lead.objects.get_or_create(listing=listing)
    if told.get("occurred_at") and lead.message_sent_at and lead.message_sent_at >= at:
        return False
    Lead.objects.filter(pk=lead.pk).update(message_sent_at=at)
    return True


def _seller_replied(listing: ProductListing, told: dict[str, Any]) -> ProductListing:
    if listing.state in (State.FOUND, State.MESSAGING):
        return lifecycle.walk(listing.pk, State.NEGOTIATING, by=CHATTERBOT, reason="seller replied")
    if not _was_in(listing, State.NEGOTIATING):
        raise Conflict(f"The seller replied, but {_ended(listing)}.")
    return listing


def _deal_confirmed(listing: ProductListing, told: dict[str, Any]) -> ProductListing:
    price, postage = told["agreed_price"], told.get("shipping_cost")
    words = f"Deal confirmed at {_money(price)}"
    if listing.state in (State.FOUND, State.MESSAGING, State.NEGOTIATING):
        moved = lifecycle.walk(
            listing.pk,
            State.PURCHASED,
            by=CHATTERBOT,
            reason="deal confirmed",
            purchase_price=price,
            negotiated_price=price,
            shipping_cost=postage,
        )
        outbox.put(telegram.deal_rows(moved))
        return moved
    if not _was_in(listing, State.PURCHASED):
        raise Conflict(f"{words}, but {_ended(listing)}.")
    known = listing.negotiated_price if listing.negotiated_price is not None else listing.purchase_price
    if known is not None and known != price:
        raise Conflict(f"{words}, but {_money(known)} was agreed before.")
    if known is None and listing.state == State.CANCELLED:
        raise Conflict(f"{words}, but {_ended(listing)}.")
    if listing.negotiated_price is None:
        postage = postage if listing.shipping_cost is None else None
        facts.learn(
            listing,
            by=CHATTERBOT,
            text=f"{words}.",
            postage_in=postage,
            negotiated_price=price,
            purchase_price=price,
        )
    return listing


def _deal_failed(listing: ProductListing, told: dict[str, Any]) -> ProductListing:
    if listing.state == State.CANCELLED:
        return listing
    reason = told.get("reason") or "no reason given"
    if listing.state not in (State.FOUND, State.MESSAGING, State.NEGOTIATING):
        raise Conflict(
            f"The deal failed ({reason}), but the listing is {State(listing.state).label} already."
        )
    return lifecycle.cancel(listing.pk, by=CHATTERBOT, reason=f"deal failed: {reason}")


def _was_in(listing: ProductListing, state: State) -> bool:
    return getattr(listing, ENTERED_AT[state]) is not None


def _ended(listing: ProductListing) -> str:
    last = listing.history.order_by("-sequence").first()
    return f"the listing was cancelled on {listing.state_changed_at:%d %b %H:%M} UTC by {last and last.triggered_by}"


def _money(value: Decimal) -> str:
    return f"{settings.CURRENCY} {announcements.amount(value)}"


HANDLERS = {
    "message-sent": _handler(CallbackSerializer, _message_sent),
    "seller-replied": _handler(CallbackSerializer, _seller_replied),
    "deal-confirmed": _handler(DealConfirmedSerializer, _deal_confirmed),
    "deal-failed": _handler(DealFailedSerializer, _deal_failed),
}
