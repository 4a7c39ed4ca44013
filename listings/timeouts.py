"""Listings whose time is up: cancelled by a sweep, by the database's clock."""

import structlog
from django.db import transaction

from integrations.clock import Clock
from listings import lifecycle
from listings.models import ProductListing
from listings.states import State

log = structlog.get_logger(__name__)

BATCH = 200


def cancel_overdue(*, limit: int = 10_000) -> int:
    """Cancel what is past its deadline; one row that fails never stops the rest.

    Two sweeps at once, or a callback at the same moment, are decided by the
    row lock: whoever is second finds the listing in another state.

    Returns:
        How many were cancelled.
    """
    cancelled = 0
    skip: set[object] = set()
    while cancelled < limit:
        overdue = (
            ProductListing.objects.filter(deadline_at__lte=Clock())
            .exclude(pk__in=skip)
            .order_by("deadline_at")
        )
        ids = list(overdue.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return cancelled
        for listing_id in ids:
            try:
                cancelled += _cancel(listing_id)
            except Exception:
                log.exception("an overdue listing could not be cancelled", listing_id=str(listing_id))
            skip.add(listing_id)
    return cancelled


@transaction.atomic
def _cancel(listing_id: object) -> bool:
    listing = lifecycle.locked(str(listing_id))
    if listing.deadline_at is None or listing.deadline_at > listing.db_now:
        return False
    reason = f"No answer in {State(listing.state).label} by {listing.deadline_at:%d %B %H:%M} UTC"
    lifecycle.cancel(listing.pk, by="timeout", reason=reason)
    return True
