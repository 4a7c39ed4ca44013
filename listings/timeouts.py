"""Listings whose time is up: cancelled by a sweep, by the database's clock."""

import uuid

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from integrations import outbox
from integrations.clock import Clock
from listings import attention, lifecycle, telegram
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
    skip: set[uuid.UUID] = set()
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


def warn() -> int:
    """Tell staff, once for each deadline, of what will be cancelled within a day; return how many."""
    soon = ProductListing.objects.filter(deadline_at__lte=Now() + attention.WARNING, deadline_at__gt=Now())
    unwarned = soon.exclude(warned_deadline=F("deadline_at")).order_by("deadline_at")
    warned = 0
    for listing_id in list(unwarned.values_list("pk", flat=True)[:BATCH]):
        try:
            warned += _warn(listing_id)
        except Exception:
            log.exception("staff could not be warned of a deadline", listing_id=str(listing_id))
    return warned


@transaction.atomic
def _warn(listing_id: uuid.UUID) -> bool:
    listing = lifecycle.locked(listing_id)
    if listing.deadline_at is None or listing.warned_deadline == listing.deadline_at:
        return False
    if listing.deadline_at > listing.db_now + attention.WARNING:  # snoozed a moment ago
        return False
    ProductListing.objects.filter(pk=listing.pk).update(warned_deadline=listing.deadline_at)
    outbox.put(telegram.warning_rows(listing))
    return True


@transaction.atomic
def _cancel(listing_id: uuid.UUID) -> bool:
    listing = lifecycle.locked(listing_id)
    if listing.deadline_at is None or listing.deadline_at > listing.db_now:
        return False
    reason = f"No answer in {State(listing.state).label} by {listing.deadline_at:%d %B %H:%M} UTC"
    lifecycle.cancel(listing.pk, by="timeout", reason=reason)
    return True
