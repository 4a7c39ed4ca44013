"""Bulk actions: many listings, each through the door in a transaction of its own, with a result for each."""

from collections.abc import Sequence
from typing import Any

import structlog
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from integrations.admin.base import ReadOnlyAdmin, report
from integrations.show import DASH
from listings import lifecycle
from listings.admin.approvals import approve_all
from listings.admin.arrows import STEPS, take, why_not
from listings.admin.show import state_badge
from listings.models import ProductListing
from listings.states import CANCELLABLE, State

log = structlog.get_logger(__name__)
MOST_AT_ONCE = 500
SHOWN = 50


class ReasonForm(forms.Form):
    """Asks why, once for all."""

    reason = forms.CharField(
        label="Reason",
        max_length=1000,
        widget=forms.TextInput(attrs={"class": "ae-input", "autocomplete": "off", "autofocus": True}),
    )


class BulkActions(ReadOnlyAdmin):
    """ "Approve into the queue", "Message sellers" and "Cancel…"."""

    actions = ("approve_listings", "message_sellers", "cancel_listings")

    @admin.action(description="Approve into the queue", permissions=["act"])
    def approve_listings(self, request: HttpRequest, queryset: QuerySet[ProductListing]) -> None:
        """Let every selected listing be messaged when its turn comes, where it is FOUND."""
        approve_all(request, self._bounded(request, queryset))

    @admin.action(description="Message the sellers", permissions=["act"])
    def message_sellers(self, request: HttpRequest, queryset: QuerySet[ProductListing]) -> None:
        """Take every selected listing to MESSAGING, where it is FOUND."""
        rows = self._bounded(request, queryset)
        move_all(request, rows, State.MESSAGING, done="messaged")

    @admin.action(description="Cancel…", permissions=["act"])
    def cancel_listings(
        self, request: HttpRequest, queryset: QuerySet[ProductListing]
    ) -> HttpResponse | None:
        """Ask for the reason, showing what will go and what cannot; then cancel."""
        rows = self._bounded(request, queryset)
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            seen = dict(each.split(":", 1) for each in request.POST.getlist("seen") if ":" in each)
            reason = form.cleaned_data["reason"]
            move_all(request, rows, State.CANCELLED, done="cancelled", reason=reason, seen=seen)
            return None
        if not any(row.state in CANCELLABLE for row in rows):
            move_all(request, rows, State.CANCELLED, done="cancelled")  # says of each why it cannot go
            return None
        return self._ask(request, rows, form)

    def _bounded(self, request: HttpRequest, queryset: QuerySet[ProductListing]) -> list[ProductListing]:
        rows = list(queryset.order_by("pk")[: MOST_AT_ONCE + 1])
        if len(rows) <= MOST_AT_ONCE:
            return rows
        messages.error(request, f"Nothing was done: at most {MOST_AT_ONCE} listings at once.")
        return []

    def _ask(self, request: HttpRequest, rows: list[ProductListing], form: ReasonForm) -> HttpResponse:
        can = [row for row in rows if row.state in CANCELLABLE]
        cannot = [row for row in rows if row.state not in CANCELLABLE]
        table = {
            "title": f"{len(can)} can be cancelled, {len(cannot)} cannot",
            "heads": ("Listing", "Code", "State", "What happens"),
            "rows": [
                (row.title, row.short_code, state_badge(row.state), _fate(row))
                for row in [*can, *cannot][:SHOWN]
            ],
            "foot": f"and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "",
            "empty": DASH,
        }
        context = {
            "title": f"Cancel {len(can)} listing{'' if len(can) == 1 else 's'}",
            "form": form,
            "hidden": [
                ("action", "cancel_listings"),
                ("confirmed", "1"),
                *((ACTION_CHECKBOX_NAME, row.pk) for row in rows),
                *(("seen", f"{row.pk}:{row.state}") for row in rows),
            ],
            "tables": [table],
            "told": STEPS[State.CANCELLED].told(),
            "submit": f"Cancel {len(can)}",
            "action_url": request.get_full_path(),
            "back_url": request.get_full_path(),
        }
        return self.render(request, "staff/form.html", context, status=422 if form.is_bound else 200)


def _fate(row: ProductListing) -> str:
    if row.state in CANCELLABLE:
        return "is cancelled"
    return f"stays: no step leads from {State(row.state).label} to Cancelled"


def move_all(
    request: HttpRequest,
    rows: Sequence[ProductListing],
    to: State,
    *,
    done: str,
    reason: str = "",
    seen: dict[str, str] | None = None,
) -> None:
    """Take one arrow for each row, and say how many went and why the others did not."""
    by = f"user:{request.user.get_username()}"
    went, problems = 0, []
    for row in rows:
        was = (seen or {}).get(str(row.pk), row.state)
        if problem := _move(row, to, by=by, reason=reason, seen=was):
            problems.append((messages.ERROR, f"{row.title} ({row.short_code}): {problem}"))
        else:
            went += 1
    if went:
        messages.success(request, f"{went} of {len(rows)} {done}.")
    elif rows:
        messages.error(request, f"None of {len(rows)} {done}.")
    report(request, problems, limit=SHOWN)


def _move(row: ProductListing, to: State, *, by: str, reason: str, seen: str) -> str:
    facts: dict[str, Any] = {}
    try:
        take(row.pk, to, by=by, seen=seen, reason=reason, facts=facts)
    except (lifecycle.IllegalArrow, ProductListing.DoesNotExist):
        return why_not(row.pk, to, seen=seen)
    except Exception:
        # One row that fails in a way nobody foresaw must not stop the others, nor hide that it failed.
        log.exception("a bulk step failed", listing_id=str(row.pk), to=to)
        return "Not saved: it failed on our side. It is logged."
    return ""
