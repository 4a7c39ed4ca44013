"""What the relay does with the calls to eBayLister, and what its answers mean for the listing.

Each handler bears being called twice: an answer that was lost, or a worker
that died before it could keep one, is made good by the same call with the
same Idempotency-Key. Each raises integrations.http's TransientError or PermanentError.
"""

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from integrations import ebaylister, outbox
from integrations.http import PermanentError, TransientError
from integrations.models import DeliveryAttempt, OutboxMessage
from integrations.outbox import Delivery
from integrations.show import amount
from listings import deliveries, facts, lifecycle
from listings.models import EbayOffer, Note, ProductListing
from listings.offers.calls import CREATE, END, UPDATE
from listings.states import State

EBAY = "ebay"
SOLD_WORDS = "If it has sold, the sale is booked as soon as eBayLister tells of it."


# ---- listed -------------------------------------------------------------------------------------


def create(delivery: Delivery) -> str:
    """Have it listed, once, however often this is called."""
    listing = ProductListing.objects.get(pk=delivery.key)
    if listing.state != State.RECEIVED:
        return _withhold(listing, delivery)
    try:
        made = ebaylister.create(delivery.body["offer"], key=delivery.event_id)
    except ebaylister.Refused as refused:
        EbayOffer.objects.filter(listing=listing).update(problems=refused.fields)
        raise
    return _accepted(delivery, made)


def _withhold(listing: ProductListing, delivery: Delivery) -> str:
    """Send nothing: it is listed by now. An earlier attempt may have arrived all the same, its answer lost."""
    attempts = DeliveryAttempt.objects.filter(message__event_id=delivery.event_id).count()
    told_by_ebay = listing.history.filter(to_state=State.LISTED, triggered_by=EBAY).exists()
    if attempts > 1 and not told_by_ebay:
        try:
            found = ebaylister.find(str(listing.pk))
        except PermanentError:  # it need not be able to look for a sku
            raise PermanentError(
                "eBayLister may have listed it before it was listed by hand: look on eBay whether it is there twice."
            ) from None
        if found is not None:
            return _accepted(delivery, ebaylister.Listed(found, "", "", repeated=True))
    deliveries.clear_error(listing.pk, CREATE)
    return f"not sent: the listing is {State(listing.state).label} by now"


@transaction.atomic
def _accepted(delivery: Delivery, made: ebaylister.Listed) -> str:
    listing = lifecycle.locked(delivery.key)
    offer = delivery.body["offer"]
    price = Decimal(offer["price"]["value"])
    if listing.state == State.RECEIVED:
        _list(delivery, made, price)
    elif listing.ebay_listing_id in (None, made.listing_id):
        _learn(listing, made, price)
    else:
        raise PermanentError(
            f"It is on eBay twice: as {listing.ebay_listing_id}, and as {made.listing_id} by eBayLister. "
            "End one of the two listings on eBay."
        )
    # What eBay shows is what it was told, whatever staff have made of the draft since.
    kept = {name: offer[name] for name in ("title", "description", "condition")} | {"price": price}
    kept |= {name: value for name in ("offer_id", "url") if (value := getattr(made, name))}
    EbayOffer.objects.filter(listing=listing).update(accepted_at=Now(), problems={}, **kept)
    deliveries.clear_error(listing.pk, CREATE)
    return f"eBay listing {made.listing_id}{' (repeated)' if made.repeated else ''}"


def _list(delivery: Delivery, made: ebaylister.Listed, price: Decimal) -> None:
    try:
        lifecycle.list_on_ebay(
            delivery.key,
            by=EBAY,
            reason=delivery.body["reason"],
            ebay_listing_id=made.listing_id,
            ebay_asking_price=price,
        )
    except lifecycle.AlreadyListed as error:
        # The answer to another call, it seems: asked once more under the same key, it gives the right one.
        text = f"eBayLister answered with a number that is taken. {error}"
        raise TransientError(text, lost_answer=True) from error
    if made.repeated and delivery.body.get("asked_again"):
        # It may have been made by an earlier call, before staff mended the draft: say once more how it is now.
        offer = delivery.body["offer"]
        changes = {name: offer[name] for name in ("title", "description", "condition", "price")}
        asked = {name: delivery.body[name] for name in ("requested_by", "requested_at")}
        body = {"ebay_listing_id": made.listing_id, "changes": changes, **asked}
        outbox.put([outbox.call(UPDATE, key=delivery.key, body=body)])


def _learn(listing: ProductListing, made: ebaylister.Listed, price: Decimal) -> None:
    """Keep what the answer adds to a listing that was LISTED, or SOLD, before it came."""
    told: dict[str, Any] = {"ebay_listing_id": made.listing_id, "ebay_asking_price": price}
    new = {name: value for name, value in told.items() if getattr(listing, name) is None}
    other = ProductListing.objects.filter(ebay_listing_id=made.listing_id).exclude(pk=listing.pk).first()
    if other is not None:
        raise PermanentError(f"eBay listing {made.listing_id} belongs to {other.short_code} already.")
    if new:
        facts.learn(listing, by=EBAY, text=f"eBayLister lists it as {made.listing_id}.", **new)


# ---- changed ------------------------------------------------------------------------------------


def change(delivery: Delivery) -> str:
    """Have the listing on eBay changed; what we know of it follows when eBayLister has confirmed."""
    listing, changes = ProductListing.objects.get(pk=delivery.key), _left(delivery)
    if why := _settled(listing) or ("" if changes else "a later change overtook it"):
        deliveries.clear_error(listing.pk, UPDATE)
        return f"not sent: {why}"
    number, whole = delivery.body["ebay_listing_id"], changes == delivery.body["changes"]
    key = delivery.event_id if whole else f"{delivery.event_id}-{'-'.join(changes)}"
    try:
        ebaylister.change(number, changes, key=key)
    except ebaylister.Refused as refused:
        EbayOffer.objects.filter(listing=listing).update(problems=refused.fields)
        raise _worded(listing, refused) from refused
    _changed(delivery.key, changes)
    return f"eBay listing {number}: {', '.join(changes)} changed"


def _left(delivery: Delivery) -> dict[str, Any]:
    """Return the changes that no later call tells anew: an old price must not come back by a retry."""
    rows = OutboxMessage.objects.filter(key=delivery.key, topic=delivery.topic)
    later = rows.filter(id__gt=rows.get(event_id=delivery.event_id).pk)
    bodies = list(later.values_list("body", flat=True))
    if not all(bodies):
        return {}  # a later one is so old that its body is no longer kept
    told = {name for body in bodies for name in body["changes"]}
    return {name: value for name, value in delivery.body["changes"].items() if name not in told}


@transaction.atomic
def _changed(listing_id: str, changes: dict[str, Any]) -> None:
    listing = lifecycle.locked(listing_id)
    kept = {**changes}
    if "price" in kept:
        kept["price"] = price = Decimal(kept["price"]["value"])
        if price != listing.ebay_asking_price:
            text = f"The price on eBay is {amount(price)} now, as eBayLister confirmed."
            facts.learn(listing, by=EBAY, text=text, ebay_asking_price=price)
    EbayOffer.objects.update_or_create(listing=listing, defaults={**kept, "problems": {}})
    deliveries.clear_error(listing.pk, UPDATE)


# ---- ended --------------------------------------------------------------------------------------


def end(delivery: Delivery) -> str:
    """Have it taken off eBay; `ended_at` is set when eBayLister has confirmed."""
    listing = ProductListing.objects.get(pk=delivery.key)
    if why := _settled(listing):
        deliveries.clear_error(listing.pk, END)
        return f"not sent: {why}"
    number = delivery.body["ebay_listing_id"]
    try:
        ebaylister.end(number, key=delivery.event_id)
    except ebaylister.Refused as refused:
        raise _worded(listing, refused) from refused
    _ended(delivery)
    return f"eBay listing {number} ended"


@transaction.atomic
def _ended(delivery: Delivery) -> None:
    listing = lifecycle.locked(delivery.key)
    EbayOffer.objects.update_or_create(listing=listing, defaults={"ended_at": Now()})
    Note.objects.create(listing=listing, by=EBAY, text="The listing on eBay was ended, unsold.")
    deliveries.clear_error(listing.pk, END)
    deliveries.overtaken(listing, by=EBAY)


def _settled(listing: ProductListing) -> str:
    """Say why nothing can be changed on eBay any more; empty where it can."""
    if listing.state != State.LISTED:
        return f"the listing is {State(listing.state).label} by now"
    ended = EbayOffer.objects.filter(listing=listing, ended_at__isnull=False).exists()
    return "it has ended on eBay" if ended else ""


def _worded(listing: ProductListing, refused: ebaylister.Refused) -> PermanentError:
    """Return the error for staff; where it may have sold, the listing is the first to be asked about."""
    if refused.status != 409:
        return refused
    EbayOffer.objects.filter(listing=listing).update(checked_at=None)
    return PermanentError(f"{refused} {SOLD_WORDS}")


HANDLERS = {CREATE: create, UPDATE: change, END: end}
