"""What staff ask of eBayLister: list it, change it, end it. Each writes an outbox row; answers.py says what follows."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from integrations.show import amount
from listings import lifecycle, photos
from listings.models import EbayOffer, Note, ProductListing
from listings.offers import calls
from listings.offers.draft import Blocker, Draft, draft, lacking, money
from listings.profit import to_pennies
from listings.states import State

ListingId = uuid.UUID | str
PHOTOS_ARE_SHOWN_FOR = timedelta(days=30)
DRAFTED = ("title", "description", "condition", "price")


class NotReady(Exception):
    """It cannot be shown on eBay as it is; `blockers` says why, by field."""

    def __init__(self, found: list[Blocker]) -> None:
        super().__init__(" ".join(each.words for each in found))
        self.blockers = found


class NotNow(Exception):
    """This cannot be asked in the state that the listing is in; the text says why."""


@transaction.atomic
def edit(listing_id: ListingId, *, by: str, **fields: Any) -> ProductListing:
    """Keep staff's `title`, `description`, `condition` and `price` for the offer; what is not told stays.

    An empty price means the one that is proposed. What keeps the draft from
    eBay is kept all the same: `blockers` names it.

    Raises:
        NotNow: the listing is not Received, or eBayLister is being asked to list it.
        ProductListing.DoesNotExist.
    """
    listing = lifecycle.locked(listing_id)
    if listing.state != State.RECEIVED:
        raise NotNow(f"The draft is edited in Received; this is {State(listing.state).label}.")
    if calls.is_pending(listing, calls.CREATE):
        raise NotNow(
            "eBayLister is being asked to list it: what it was told cannot be edited until it answers."
        )
    ready, offer = draft(listing), getattr(listing, "ebay_offer", None)
    before = {**{name: getattr(ready, name) for name in DRAFTED}, "price": offer.price if offer else None}
    told = {name: to_pennies(value) if name == "price" else value for name, value in fields.items()}
    if before["price"] is None and told.get("price") == ready.price:
        told.pop("price", None)  # what is proposed stays a proposal
    changed = [name for name in DRAFTED if name in told and told[name] != before[name]]
    if changed:
        _keep(listing, {**before, **{name: told[name] for name in changed}})
        Note.objects.create(listing=listing, by=by, text=f"Edited for eBay: {', '.join(changed)}.")
    return listing


@transaction.atomic
def to_list(
    listing_id: ListingId, *, by: str, price: Decimal | None = None, reason: str = ""
) -> ProductListing:
    """Ask eBayLister to list it, as it is drafted now. Asked again while that is pending, nothing happens.

    Args:
        by: who asks.
        price: instead of the draft's.

    Raises:
        lifecycle.IllegalArrow: the listing is not Received.
        NotReady: the draft lacks something.
        ProductListing.DoesNotExist.
    """
    listing = lifecycle.locked(listing_id)
    if listing.state != State.RECEIVED:
        raise lifecycle.IllegalArrow(listing.state, State.LISTED)
    if calls.is_pending(listing, calls.CREATE):
        return listing
    ready = draft(listing, price=to_pennies(price))
    if found := lacking(ready):
        raise NotReady(found)
    kept = {name: getattr(ready, name) for name in DRAFTED}
    _keep(listing, {**kept, "requested_at": listing.db_now, "requested_by": by})
    until = listing.db_now + PHOTOS_ARE_SHOWN_FOR
    calls.ask(listing, calls.CREATE, {"offer": _offer(listing, ready, until), "reason": reason}, by=by)
    text = f"Asked eBayLister to list it at {amount(ready.price)}. {reason}"
    Note.objects.create(listing=listing, by=by, text=text.strip())
    return listing


def _keep(listing: ProductListing, values: dict[str, Any]) -> None:
    offer, _ = EbayOffer.objects.get_or_create(listing=listing)
    values |= {"prepared_at": offer.prepared_at or listing.db_now, "problems": {}}
    EbayOffer.objects.filter(pk=offer.pk).update(**values)


def _offer(listing: ProductListing, ready: Draft, until: datetime) -> dict[str, Any]:
    """Return the body for eBayLister, as it stays over all attempts."""
    return {
        "sku": str(listing.pk),
        "title": ready.title,
        "brand": listing.brand,
        "model": listing.model,
        "price": money(ready.price or Decimal()),
        "condition": ready.condition,
        "description": ready.description,
        "photos": [photos.signed_url(photo, until=until) for photo in ready.photos],
    }


@transaction.atomic
def to_change(listing_id: ListingId, *, by: str, **changes: Any) -> ProductListing:
    """Ask eBayLister to change `title`, `description`, `condition` or `price` of what is on eBay.

    What we know of it follows when eBayLister has confirmed.

    Raises:
        NotNow: it is not on eBay.
        NotReady: what is told cannot be shown there.
        ProductListing.DoesNotExist.
    """
    listing = _on_ebay(listing_id)
    texts = {name: changes.get(name) or "" for name in DRAFTED if name != "price"}
    price = to_pennies(changes.get("price"))
    if wrong := [each for each in lacking(Draft(**texts, price=price, photos=[])) if each.field in changes]:
        raise NotReady(wrong)
    told: dict[str, Any] = {name: text for name, text in texts.items() if name in changes}
    told |= {} if price is None else {"price": money(price)}
    calls.ask(listing, calls.UPDATE, {"ebay_listing_id": listing.ebay_listing_id, "changes": told}, by=by)
    EbayOffer.objects.filter(listing=listing).update(problems={})
    shown = [f"price {amount(price)}" if name == "price" else name for name in told]
    Note.objects.create(listing=listing, by=by, text=f"Asked eBayLister to change: {', '.join(shown)}.")
    return listing


@transaction.atomic
def to_end(listing_id: ListingId, *, by: str, reason: str = "") -> ProductListing:
    """Ask eBayLister to take it off eBay. Asked again while that is pending, nothing happens.

    Raises:
        NotNow: it is not on eBay.
        ProductListing.DoesNotExist.
    """
    listing = _on_ebay(listing_id)
    if not calls.is_pending(listing, calls.END):
        calls.ask(listing, calls.END, {"ebay_listing_id": listing.ebay_listing_id}, by=by)
        text = f"Asked eBayLister to end the listing. {reason}"
        Note.objects.create(listing=listing, by=by, text=text.strip())
    return listing


def _on_ebay(listing_id: ListingId) -> ProductListing:
    listing = lifecycle.locked(listing_id)
    if listing.state != State.LISTED:
        raise NotNow(f"Only what is Listed can be changed on eBay; this is {State(listing.state).label}.")
    if listing.ebay_listing_id is None:
        raise NotNow("It was listed without eBay's number: change it on eBay.")
    if EbayOffer.objects.filter(listing=listing, ended_at__isnull=False).exists():
        raise NotNow("The listing on eBay has ended.")
    return listing
