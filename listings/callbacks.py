"""What Chatterbot tells us about a seller (contract, sections 1 and 5).

A callback proves that a state was reached. What is ahead of the listing is
walked to; what is behind it is already true; what cannot be is kept for staff,
with the reason in words, since money may be involved.
"""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from integrations import outbox
from integrations.models import InboxMessage
from integrations.rest import MoneyField
from integrations.webhooks import Answer, Webhook
from listings import announcements, facts, leads, lifecycle, telegram, told
from listings.models import Lead, ProductListing
from listings.states import ENTERED_AT, State
from listings.told import Conflict

CHATTERBOT = leads.CHATTERBOT


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


class CallbackSerializer(told.ToldSerializer):
    """What every callback may say."""

    listing_id = IdField(required=False, allow_null=True)
    order_id = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False, allow_null=True)
    occurred_at = told.PastField(required=False, allow_null=True)
    conversation_thread_id = serializers.CharField(
        max_length=200, required=False, allow_null=True, allow_blank=True
    )
    seller_messenger_id = serializers.CharField(
        max_length=200, required=False, allow_null=True, allow_blank=True
    )
    message = serializers.CharField(max_length=10_000, required=False, allow_null=True, allow_blank=True)

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


Act = Callable[[ProductListing, dict[str, Any]], ProductListing]


def _handler(serializer: type[CallbackSerializer], act: Act) -> Callable[[InboxMessage, Any], Answer]:
    def handle(message: InboxMessage, payload: Any) -> Answer:
        said = told.read(serializer, payload)
        listing = None
        try:
            listing = _listing(said)
            if listing is None:
                return told.parked(_name(said))
            moved = act(listing, said)
        except Conflict as conflict:
            if listing is not None:
                _remember(listing, said)  # whose lead is to be stopped, if it was cancelled
            return told.in_conflict(conflict, listing)
        _remember(moved, said)
        return told.is_true(moved)

    return handle


def _listing(said: dict[str, Any]) -> ProductListing | None:
    """Find and lock the listing that a callback is about; None where we do not know it yet.

    Raises:
        Conflict: its two names lead to two listings.
    """
    by_order = (
        Lead.objects.filter(order_id=said["order_id"]).first() if said.get("order_id") is not None else None
    )
    listing_id: uuid.UUID | None = said.get("listing_id") or (by_order.listing_id if by_order else None)
    if listing_id is None:
        return None
    try:
        listing = lifecycle.locked(listing_id)
    except ProductListing.DoesNotExist:
        return None
    own = Lead.objects.filter(listing=listing).first()
    other = by_order and by_order.listing_id != listing.pk
    if other or (own and own.order_id and said.get("order_id") not in (None, own.order_id)):
        raise Conflict(f"Order {said['order_id']} and listing {listing.pk} do not belong together.")
    return listing


def _name(said: dict[str, Any]) -> str:
    return f"listing {said['listing_id']}" if said.get("listing_id") else f"order {said['order_id']}"


def _remember(listing: ProductListing, said: dict[str, Any]) -> None:
    """Keep the ids that a callback brings; whoever can tell of the lead has accepted it."""
    lead = Lead.objects.filter(listing=listing).first()
    if lead is None:
        return
    leads.accepted(listing, said.get("order_id"))
    ids = {name: said[name] for name in ("conversation_thread_id", "seller_messenger_id") if said.get(name)}
    if ids and listing.seller_forgotten_at is None:
        Lead.objects.filter(pk=lead.pk).update(**ids)


# ---- the four -----------------------------------------------------------------------------------


def _message_sent(listing: ProductListing, said: dict[str, Any]) -> ProductListing:
    if listing.state == State.FOUND:
        listing = lifecycle.message_seller(listing.pk, by=CHATTERBOT, reason="message sent")
        _delivered(listing, said)
    elif listing.state == State.MESSAGING:
        if _delivered(listing, said):
            lifecycle.restart_deadline(listing)
    elif not _was_in(listing, State.MESSAGING):
        raise Conflict(f"A message was sent, but {told.cancelled_by(listing)}.")
    return listing


def _delivered(listing: ProductListing, said: dict[str, Any]) -> bool:
    """Record that a message went out; False where this very one is recorded already."""
    at = said.get("occurred_at") or timezone.now()
    lead, _ = Lead.objects.get_or_create(listing=listing)
    if said.get("occurred_at") and lead.message_sent_at and lead.message_sent_at >= at:
        return False
    Lead.objects.filter(pk=lead.pk).update(message_sent_at=at)
    return True


def _seller_replied(listing: ProductListing, said: dict[str, Any]) -> ProductListing:
    if listing.state in (State.FOUND, State.MESSAGING):
        return lifecycle.walk(listing.pk, State.NEGOTIATING, by=CHATTERBOT, reason="seller replied")
    if not _was_in(listing, State.NEGOTIATING):
        raise Conflict(f"The seller replied, but {told.cancelled_by(listing)}.")
    return listing


def _deal_confirmed(listing: ProductListing, said: dict[str, Any]) -> ProductListing:
    price, postage = said["agreed_price"], said.get("shipping_cost")
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
        raise Conflict(f"{words}, but {told.cancelled_by(listing)}.")
    known = listing.negotiated_price if listing.negotiated_price is not None else listing.purchase_price
    if known is not None and known != price:
        raise Conflict(f"{words}, but {_money(known)} was agreed before.")
    if known is None and listing.state == State.CANCELLED:
        raise Conflict(f"{words}, but {told.cancelled_by(listing)}.")
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


def _deal_failed(listing: ProductListing, said: dict[str, Any]) -> ProductListing:
    if listing.state == State.CANCELLED:
        return listing
    reason = said.get("reason") or "no reason given"
    if listing.state not in (State.FOUND, State.MESSAGING, State.NEGOTIATING):
        raise Conflict(
            f"The deal failed ({reason}), but the listing is {State(listing.state).label} already."
        )
    return lifecycle.cancel(listing.pk, by=CHATTERBOT, reason=f"deal failed: {reason}")


def _was_in(listing: ProductListing, state: State) -> bool:
    return getattr(listing, ENTERED_AT[state]) is not None


def _money(value: Decimal) -> str:
    return f"{settings.CURRENCY} {announcements.amount(value)}"


HANDLERS = {
    "message-sent": _handler(CallbackSerializer, _message_sent),
    "seller-replied": _handler(CallbackSerializer, _seller_replied),
    "deal-confirmed": _handler(DealConfirmedSerializer, _deal_confirmed),
    "deal-failed": _handler(DealFailedSerializer, _deal_failed),
}
