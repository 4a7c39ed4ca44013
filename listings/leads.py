"""A listing's lead at Chatterbot: what each arrow means for it, and what its answers mean for us.

The functions that the door calls only write rows; the handlers, which the
relay calls, talk to Chatterbot outside any transaction.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models.functions import Now

from integrations import chatterbot, outbox, relay
from integrations.http import PartnerError, PermanentError
from integrations.models import DeliveryAttempt, OutboxMessage
from integrations.outbox import Delivery
from listings.models import Lead, ProductListing
from listings.states import State

log = structlog.get_logger(__name__)

CHATTERBOT = "chatterbot"
SEND, STOP = "chatterbot.send_lead", "chatterbot.stop_lead"


# ---- what the door causes -----------------------------------------------------------------------


def opened(listing: ProductListing, *, by: str) -> list[OutboxMessage]:
    """Open the lead; return the call that hands it over, or none where Chatterbot has it already."""
    has_it = by == CHATTERBOT
    Lead.objects.create(listing=listing, accepted_at=listing.state_changed_at if has_it else None)
    return [] if has_it else [_call(SEND, listing)]


def abandoned(listing: ProductListing, *, by: str) -> list[OutboxMessage]:
    """Return the call that stops the lead.

    A lead that was not accepted yet is stopped by its own delivery, which
    looks at the listing before and after it hands it over; one that was given
    up gets another look, since an answer may have been lost. Where Chatterbot
    itself ended the talk, an order that nobody knows needs no stopping.
    """
    lead = Lead.objects.filter(listing=listing).first() if listing.messaged_at else None
    if lead is None:
        return []
    if lead.accepted_at is None:
        _look_again([str(listing.pk)])
        return []
    return [_call(STOP, listing)] if lead.order_id or by != CHATTERBOT else []


def all_abandoned(listing_ids: Sequence[uuid.UUID], *, at: datetime) -> list[dict[str, Any]]:
    """Do what `abandoned` does for many listings that ran out of time; return the calls as rows in plain values."""
    found = dict(Lead.objects.filter(listing__in=listing_ids).values_list("listing_id", "accepted_at"))
    waiting = [str(listing_id) for listing_id, accepted_at in found.items() if accepted_at is None]
    if waiting:
        _look_again(waiting)
    stopped = [str(each) for each in listing_ids if found.get(each)]
    return [outbox.call_row(STOP, key=key, body={"listing_id": key}, at=at) for key in stopped]


def _look_again(keys: Collection[str]) -> None:
    sends = OutboxMessage.objects.filter(topic=SEND, key__in=keys, given_up_at__isnull=False)
    relay.deliver_again(sends.values_list("pk", flat=True))


def _call(topic: str, listing: ProductListing) -> OutboxMessage:
    return outbox.call(topic, key=str(listing.pk), body={"listing_id": str(listing.pk)})


# ---- what the relay does ------------------------------------------------------------------------


def send(delivery: Delivery) -> str:
    """Hand the lead to Chatterbot, once, however often this is called.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    listing = ProductListing.objects.select_related("lead").get(pk=delivery.key)
    if listing.lead.accepted_at:
        _clear_error(listing)
        return "accepted before"
    if listing.state not in (State.MESSAGING, State.NEGOTIATING):
        return _withhold(listing, delivery)
    order_id = chatterbot.send_lead(_lead(listing))
    duplicate = order_id is None
    if order_id is None:
        order_id = _look_up(listing)
    accepted(listing, order_id)
    return f"order {order_id or 'unknown'}{' (duplicate)' if duplicate else ''}"


def _withhold(listing: ProductListing, delivery: Delivery) -> str:
    """Send nothing. An earlier attempt may have arrived all the same, its answer lost: then the lead is accepted."""
    attempts = DeliveryAttempt.objects.filter(message__event_id=delivery.event_id).count()
    order_id = chatterbot.find_order(listing.marketplace_url) if attempts > 1 else None
    if order_id is not None:
        accepted(listing, order_id)
        return f"order {order_id}, taken by an attempt whose answer was lost"
    _clear_error(listing)
    return f"not sent: the listing is {State(listing.state).label} by now"


def _look_up(listing: ProductListing) -> int | None:
    """Look for the order of a duplicate. It is accepted without one too: only stopping it needs the number."""
    try:
        return chatterbot.find_order(listing.marketplace_url)
    except PartnerError as error:
        log.warning("the order of a duplicate is not known", listing_id=str(listing.pk), error=str(error))
        return None


def _clear_error(listing: ProductListing) -> None:
    ProductListing.objects.filter(pk=listing.pk).update(error_message=None, error_occurred_at=None)


def _lead(listing: ProductListing) -> chatterbot.Lead:
    return chatterbot.Lead(
        session_id=listing.session_id,
        camera_id=listing.product_id,
        camera_name=listing.product_name or f"{listing.brand} {listing.model}",
        url=listing.marketplace_url,
        title=listing.title,
        price=listing.asking_price,
        confidence=listing.confidence_score,
        savings=listing.estimated_profit,
        listing_id=str(listing.pk),
    )


@transaction.atomic
def accepted(listing: ProductListing, order_id: int | None) -> None:
    """Keep that Chatterbot has the lead.

    The first time, the error that it had not is cleared, and the lead is
    stopped at once where the listing was cancelled meanwhile.
    """
    fresh = ProductListing.objects.select_for_update().get(pk=listing.pk)
    lead = Lead.objects.select_for_update().get(listing=fresh)
    Lead.objects.filter(pk=lead.pk).update(
        order_id=lead.order_id or _unless_taken(order_id, lead), accepted_at=lead.accepted_at or Now()
    )
    if lead.accepted_at is None:
        _clear_error(fresh)
        if fresh.state == State.CANCELLED:
            outbox.put([_call(STOP, fresh)])


def _unless_taken(order_id: int | None, lead: Lead) -> int | None:
    return None if Lead.objects.filter(order_id=order_id).exclude(pk=lead.pk).exists() else order_id


def stop(delivery: Delivery) -> str:
    """Tell Chatterbot to write no more.

    Raises:
        PermanentError: its order id is not to be found, so that a person must stop it there.
        integrations.http.TransientError, PermanentError.
    """
    listing = ProductListing.objects.select_related("lead").get(pk=delivery.key)
    order_id = listing.lead.order_id or chatterbot.find_order(listing.marketplace_url)
    if order_id is None:
        raise PermanentError("Chatterbot must be stopped by hand: its order for this listing is not known.")
    if not chatterbot.stop_lead(order_id):
        raise PermanentError(f"Chatterbot must be stopped by hand: it does not know order {order_id}.")
    Lead.objects.filter(pk=listing.lead.pk).update(
        order_id=_unless_taken(order_id, listing.lead), stopped_at=Now()
    )
    _clear_error(listing)
    return f"order {order_id} stopped"
