"""The bodies of our events (contract, section 7)."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations import outbox
from integrations.models import OutboxMessage
from listings.models import ProductListing
from listings.states import State


def amount(value: Decimal | None) -> str | None:
    """Write an amount as the contract does: a string with two places, or null."""
    return None if value is None else f"{value:.2f}"


def created(listing: Mapping[str, Any]) -> dict[str, Any]:
    """Announce a new listing; both it and the outbox row in plain values, since they come by thousands."""
    body = {
        "listing_id": str(listing["id"]),
        "product_id": listing["product_id"],
        "scraper_job_id": str(listing["scraper_job_id"]),
        "brand": listing["brand"],
        "model": listing["model"],
        "marketplace_url": listing["marketplace_url"],
        "asking_price": amount(listing["asking_price"]),
        "confidence_score": amount(listing["confidence_score"]),
        "estimated_profit": amount(listing["estimated_profit"]),
    }
    return outbox.event_row("listing.created", key=body["listing_id"], body=body, at=listing["created_at"])


def state_entered(listing: ProductListing, origin: State, *, by: str, reason: str) -> OutboxMessage:
    """Announce an arrow taken, from `origin` to the state that the listing is in now."""
    body: dict[str, Any] = {
        "listing_id": str(listing.pk),
        "from_state": str(origin),
        "to_state": str(listing.state),
        "triggered_by": by,
        "reason": reason or None,
    }
    if listing.state == State.SOLD:
        body["final_profit"] = amount(listing.final_profit)
    event = outbox.event(f"listing.state.{listing.state.lower()}", key=str(listing.pk), body=body)
    event.created_at = listing.state_changed_at
    return event


def arrow_taken(
    listing_id: uuid.UUID, *, from_state: str, to_state: str, triggered_by: str, reason: str, at: datetime
) -> dict[str, Any]:
    """Announce the same as an outbox row in plain values, where arrows are taken by sets."""
    key = str(listing_id)
    body = {
        "listing_id": key,
        "from_state": from_state,
        "to_state": to_state,
        "triggered_by": triggered_by,
        "reason": reason or None,
    }
    return outbox.event_row(f"listing.state.{to_state.lower()}", key=key, body=body, at=at)


def price_changed(
    listing_id: uuid.UUID, *, old: Decimal | None, new: Decimal | None, at: datetime
) -> dict[str, Any]:
    """Announce, as an outbox row in plain values, that a re-sighting told another price."""
    key = str(listing_id)
    body = {"listing_id": key, "old_price": amount(old), "new_price": amount(new)}
    return outbox.event_row("listing.price_changed", key=key, body=body, at=at)
