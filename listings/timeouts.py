"""Listings whose time is up: cancelled by a sweep, by the database's clock."""

import uuid

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from integrations import outbox
from listings import attention, lifecycle, telegram
from listings.models import ProductListing
from listings.states import State

log = structlog.get_logger(__name__)

BATCH = 1000
WARNINGS = 200


def cancel_overdue(*, limit: int = 10_000) -> int:
    """Cancel what is past its deadline, batch by batch, each in its own transaction; run again, it goes on.

    One row that fails never stops the rest: its batch is taken one by one.
    Two sweeps at once, or a callback at the same moment, are decided by the
    row lock: what another holds is left to it, and to the next sweep.

    Returns:
        How many were cancelled.
    """
    cancelled = 0
    failed: set[uuid.UUID] = set()
    while cancelled < limit:
        batch = min(BATCH, limit - cancelled)
        try:
            done = lifecycle.expire(limit=batch, skip=failed)
        except Exception:
            log.exception("overdue listings could not be cancelled together")
            done = _one_by_one(batch, failed)
            cancelled += done
            continue
        cancelled += done
        if done < batch:
            break
    return cancelled


def _one_by_one(batch: int, failed: set[uuid.UUID]) -> int:
    """Cancel a batch, each listing in its own transaction; add those that fail to `failed`, return how many did not."""
    overdue = ProductListing.objects.filter(deadline_at__lte=Now()).exclude(pk__in=failed)
    cancelled = 0
    for listing_id in list(overdue.order_by("deadline_at").values_list("pk", flat=True)[:batch]):
        try:
            cancelled += _cancel(listing_id)
        except Exception:
            log.exception("an overdue listing could not be cancelled", listing_id=str(listing_id))
            failed.add(listing_id)
    return cancelled


def warn() -> int:
    """Tell staff, once for each deadline, of what will be cancelled within a day; return how many."""
    soon = ProductListing.objects.filter(deadline_at__lte=Now() + attention.WARNING, deadline_at__gt=Now())
    unwarned = soon.exclude(warned_deadline=F("deadline_at")).order_by("deadline_at")
    warned = 0
    for listing_id in list(unwarned.values_list("pk", flat=True)[:WARNINGS]):
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
