"""The bodies of our events (contract, section 7)."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations import outbox


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


def arrow_taken(
    listing_id: uuid.UUID,
    *,
    from_state: str,
    to_state: str,
    triggered_by: str,
    reason: str,
    at: datetime,
    **more: Any,
) -> dict[str, Any]:
    """Announce an arrow taken, as an outbox row in plain values; `more` is what this state's event tells beside it."""
    key = str(listing_id)
    body = {
        "listing_id": key,
        "from_state": from_state,
        "to_state": to_state,
        "triggered_by": triggered_by,
        "reason": reason or None,
        **more,
    }
    return outbox.event_row(f"listing.state.{to_state.lower()}", key=key, body=body, at=at)


def price_changed(
    listing_id: uuid.UUID, *, old: Decimal | None, new: Decimal | None, at: datetime
) -> dict[str, Any]:
    """Announce, as an outbox row in plain values, that a re-sighting told another price."""
    key = str(listing_id)
    body = {"listing_id": key, "old_price": amount(old), "new_price": amount(new)}
    return outbox.event_row("listing.price_changed", key=key, body=body, at=at)
