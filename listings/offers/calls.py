"""The calls to eBayLister that a listing has in the outbox. Only rows are read and written here."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from integrations import outbox, relay
from integrations.models import OutboxMessage
from integrations.prepared import Prepared, among
from listings import deliveries
from listings.models import ProductListing

CHANNEL = "ebaylister"
CREATE, UPDATE, END = "ebay.create_listing", "ebay.update_listing", "ebay.end_listing"


def pending(listings: Iterable[ProductListing]) -> dict[str, dict[str, Any]]:
    """Return, by a listing's id, the first of its calls that eBayLister has not answered yet, as the API shows it.

    One query for all; a listing that waits for nothing is left out, as is one that was never Received: of such
    eBayLister was never asked anything.
    """
    return pending_of(listing.pk for listing in listings if listing.received_at)


def pending_of(ids: Iterable[UUID]) -> dict[str, dict[str, Any]]:
    """Return the same for listings of which only the ids are at hand."""
    keys = [str(pk) for pk in ids]
    found: dict[str, dict[str, Any]] = {}
    if not keys:
        return found
    for key, topic, body, attempts, error in _PENDING.all(keys):
        shown = {
            "operation": topic,
            "requested_at": body["requested_at"],
            "requested_by": body["requested_by"],
            "attempts": attempts,
            "last_error": error or None,
        }
        found.setdefault(key, shown)
    return found


_PENDING = Prepared(
    lambda asked: (
        relay.pending(CHANNEL)
        .filter(key__among=asked)
        .order_by("id")
        .values_list("key", "topic", "body", "attempts", "last_error")
    ),
    among(OutboxMessage._meta.get_field("key")),
)


def is_pending(listing: ProductListing, topic: str) -> bool:
    """Say whether a call of this kind is still to be answered."""
    return relay.pending(CHANNEL).filter(key=str(listing.pk), topic=topic).exists()


def ask(listing: ProductListing, topic: str, body: dict[str, Any], *, by: str) -> None:
    """Put a call for a locked listing into the outbox; where the last one of its kind was given up, in its place.

    The one that failed is then no longer there to be tried again, nor is its error on the listing.
    """
    asked = {**body, "requested_by": by, "requested_at": listing.db_now.isoformat().replace("+00:00", "Z")}
    rows = OutboxMessage.objects.filter(key=str(listing.pk), topic=topic)
    last = rows.order_by("-id").first()
    if last is None or not outbox.replace(last, body={**asked, "asked_again": True}):
        outbox.put([outbox.call(topic, key=str(listing.pk), body=asked)])
    deliveries.clear_error(listing.pk, topic)
