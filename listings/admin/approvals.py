"""Approving from a listing's page and from the list: what the page shows, and a result for each row."""

from collections.abc import Sequence
from typing import Any

import structlog
from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse

from integrations.admin.base import report
from integrations.callers import staff_name
from listings.admin.buying import approve
from listings.admin.show import who
from listings.models import Approval, ProductListing
from listings.states import State

log = structlog.get_logger(__name__)
SHOWN = 50


def context(listing: ProductListing) -> dict[str, Any]:
    """Return the queue's part of a listing's page: nothing where the listing is not FOUND."""
    if listing.state != State.FOUND:
        return {"queue": None}
    approval = Approval.objects.filter(listing=listing).first()
    waits = approval is not None and approval.withdrawn_at is None
    verb = "withdraw" if waits else "approve"
    return {
        "queue": {
            "approval": approval,
            "waits": waits,
            "by": who(approval.approved_by) if approval else "",
            "url": reverse(f"admin:listings_approval_{verb}", args=[listing.pk]),
            "page": reverse("admin:listings_approval_changelist"),
        }
    }


def approve_all(request: HttpRequest, rows: Sequence[ProductListing]) -> None:
    """Approve each, and say how many went in and why the others did not."""
    waiting = Approval.objects.filter(listing__in=rows, withdrawn_at=None)
    known = set(waiting.values_list("listing_id", flat=True))
    went, others = 0, []
    for row in rows:
        level, words = _approve(
            row, by=staff_name(request), known=row.pk in known and row.state == State.FOUND
        )
        if level == messages.SUCCESS:
            went += 1
        else:
            others.append((level, f"{row.title} ({row.short_code}): {words}"))
    if went:
        messages.success(request, f"{went} of {len(rows)} approved into the queue.")
    elif rows:
        messages.warning(request, f"None of {len(rows)} approved.")
    report(request, others, limit=SHOWN)


def _approve(row: ProductListing, *, by: str, known: bool) -> tuple[int, str]:
    if known:
        return messages.INFO, "in the queue already."
    try:
        return approve(row.pk, by=by)
    except Exception:
        # One row that fails in a way nobody foresaw must not stop the others, nor hide that it failed.
        log.exception("an approval failed", listing_id=str(row.pk))
        return messages.ERROR, "Not approved: it failed on our side. It is logged."
