"""The door's two verbs for what comes by thousands: the same rows as one by one, written by sets.

Each writes listings, log and outbox in one transaction, and takes and gives
plain values, since making instances costs more than writing their rows.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Now

from integrations import bulk, clock, outbox
from listings import announcements, leads
from listings.models import ProductListing, TransitionLog
from listings.states import State


def found(ids: Sequence[uuid.UUID], events: Sequence[bulk.Row], *, at: datetime) -> None:
    """Log and announce new listings, already written in this transaction: in plain values, they come by thousands.

    Args:
        ids: whose rows were written.
        events: what `announcements.created` made of each.
        at: when they were found.
    """
    arrow = {"sequence": 1, "to_state": State.FOUND.value, "transitioned_at": at, "triggered_by": "scraper"}
    bulk.insert(
        TransitionLog,
        (
            {"listing_id": pk, "event_id": event["event_id"], **arrow}
            for pk, event in zip(ids, events, strict=True)
        ),
    )
    outbox.put_rows(events)


@transaction.atomic
def expire(*, limit: int, skip: Collection[uuid.UUID] = ()) -> int:
    """Cancel what is past its deadline, `limit` listings at once: the same rows as `cancel` for each, by sets.

    A listing that somebody else is changing at this moment is left to the
    next sweep, as are those named in `skip`. Returns how many were cancelled.
    """
    overdue = _overdue(limit, skip)
    if not overdue:
        return 0
    now = clock.now()
    QuerySet(ProductListing).filter(pk__in=[each.id for each in overdue]).update(
        state=State.CANCELLED,
        deadline_at=None,
        version=F("version") + 1,
        **dict.fromkeys(
            ("cancelled_at", "state_changed_at", "updated_at"), Greatest("state_changed_at", now)
        ),
    )
    logs, events = [], []
    for each in overdue:
        at = max(now, each.state_changed_at)
        reason = f"No answer in {State(each.state).label} by {each.deadline_at:%d %B %H:%M} UTC"
        arrow = {"from_state": each.state, "to_state": State.CANCELLED.value, "triggered_by": "timeout"}
        event = announcements.arrow_taken(each.id, **arrow, reason=reason, at=at)
        events.append(event)
        logs.append(
            {
                "listing_id": each.id,
                "sequence": each.version + 1,
                "event_id": event["event_id"],
                "transitioned_at": at,
                "metadata": {"reason": reason},
                **arrow,
            }
        )
    bulk.insert(TransitionLog, logs)
    outbox.put_rows(events + leads.all_abandoned([each.id for each in overdue], at=now))
    return len(overdue)


def _overdue(limit: int, skip: Collection[uuid.UUID]) -> list[Any]:
    """Lock what is overdue and nobody else holds, the longest overdue first; each as it is once it is locked."""
    due = ProductListing.objects.filter(deadline_at__lte=Now()).exclude(pk__in=skip).order_by("deadline_at")
    columns = ("id", "state", "version", "deadline_at", "state_changed_at")
    return list(due.select_for_update(skip_locked=True).values_list(*columns, named=True)[:limit])
