"""Bulk actions: many listings, each through the door in a transaction of its own, with a result for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from integrations.admin.base import ReadOnlyAdmin
from integrations.callers import staff_name
from integrations.show import DASH, link, text
from listings import lifecycle
from listings.admin.approvals import approve_all
from listings.admin.arrows import STEPS, take, why_not
from listings.admin.show import state_badge
from listings.models import ProductListing
from listings.states import State, allowed_from

log = structlog.get_logger(__name__)
MOST_AT_ONCE = 500
SHOWN = 100


class ReasonForm(forms.Form):
    """Asks why, once for all."""

    reason = forms.CharField(
        label="Reason",
        max_length=1000,
        widget=forms.TextInput(attrs={"class": "ae-input", "autocomplete": "off", "autofocus": True}),
    )


@dataclass(frozen=True)
class Bulk:
    """One arrow for many: how it is offered, what was done, and whether it asks why."""

    to: State
    verb: str
    done: str
    asks: bool = False


BULKS = {
    "message_sellers": Bulk(State.MESSAGING, "Message", "messaged"),
    "receive_listings": Bulk(State.RECEIVED, "Mark as received", "received"),
    "cancel_listings": Bulk(State.CANCELLED, "Cancel", "cancelled", asks=True),
}


class BulkActions(ReadOnlyAdmin):
    """ "Approve into the queue", and the arrows of `BULKS`: a preview first, then a result for each listing."""

    actions = ("approve_listings", "message_sellers", "receive_listings", "cancel_listings")

    @admin.action(description="Approve into the queue", permissions=["act"])
    def approve_listings(self, request: HttpRequest, queryset: QuerySet[ProductListing]) -> None:
        """Let every selected listing be messaged when its turn comes, where it is FOUND."""
        approve_all(request, self._bounded(request, queryset))

    @admin.action(description="Message the sellers…", permissions=["act"])
    def message_sellers(
        self, request: HttpRequest, queryset: QuerySet[ProductListing]
    ) -> HttpResponse | None:
        """Take every selected listing to MESSAGING, where it is FOUND."""
        return self._bulk(request, queryset, "message_sellers")

    @admin.action(description="Mark as received…", permissions=["act"])
    def receive_listings(
        self, request: HttpRequest, queryset: QuerySet[ProductListing]
    ) -> HttpResponse | None:
        """Take every selected listing to RECEIVED, where it is PURCHASED."""
        return self._bulk(request, queryset, "receive_listings")

    @admin.action(description="Cancel…", permissions=["act"])
    def cancel_listings(
        self, request: HttpRequest, queryset: QuerySet[ProductListing]
    ) -> HttpResponse | None:
        """Cancel every selected listing that can be, with one reason."""
        return self._bulk(request, queryset, "cancel_listings")

    def _bounded(self, request: HttpRequest, queryset: QuerySet[ProductListing]) -> list[ProductListing]:
        rows = list(queryset.order_by("pk")[: MOST_AT_ONCE + 1])
        if len(rows) <= MOST_AT_ONCE:
            return rows
        messages.error(request, f"Nothing was done: at most {MOST_AT_ONCE} listings at once.")
        return []

    def _bulk(
        self, request: HttpRequest, queryset: QuerySet[ProductListing], action: str
    ) -> HttpResponse | None:
        rows, bulk = self._bounded(request, queryset), BULKS[action]
        if not rows:
            return None
        form = (ReasonForm if bulk.asks else forms.Form)(
            request.POST if "confirmed" in request.POST else None
        )
        if not form.is_valid():
            return self._ask(request, rows, action, form)
        seen = dict(each.split(":", 1) for each in request.POST.getlist("seen") if ":" in each)
        reason = form.cleaned_data.get("reason", "")
        by = staff_name(request)
        problems = [
            _move(row, bulk.to, by=by, reason=reason, seen=seen.get(str(row.pk), row.state)) for row in rows
        ]
        return self._tell(request, rows, bulk, problems)

    def _ask(
        self, request: HttpRequest, rows: list[ProductListing], action: str, form: forms.Form
    ) -> HttpResponse:
        """Show what will go and what cannot, and why; nothing is done yet."""
        bulk = BULKS[action]
        can = [row for row in rows if bulk.to in allowed_from(row.state)]
        cannot = [row for row in rows if row not in can]
        table = _table(
            f"{len(can)} can be {bulk.done}, {len(cannot)} cannot",
            [
                *((row, f"is {bulk.done}") for row in can),
                *((row, f"stays: {_no_step(row, bulk.to)}") for row in cannot),
            ],
        )
        context = {
            "title": f"{bulk.verb} {len(can)} listing{'' if len(can) == 1 else 's'}",
            "form": form,
            "hidden": [
                ("action", action),
                ("confirmed", "1"),
                *((ACTION_CHECKBOX_NAME, row.pk) for row in rows),
                *(("seen", f"{row.pk}:{row.state}") for row in rows),
            ],
            "tables": [table],
            "told": STEPS[bulk.to].told(),
            "submit": f"{bulk.verb} {len(can)}" if can else "",
            "action_url": request.get_full_path(),
            "back_url": request.get_full_path(),
        }
        return self.render(request, "staff/form.html", context, status=422 if form.is_bound else 200)

    def _tell(
        self, request: HttpRequest, rows: list[ProductListing], bulk: Bulk, problems: list[str]
    ) -> HttpResponse:
        """Show what became of each."""
        now = ProductListing.objects.only("state").in_bulk([row.pk for row in rows])
        for row in rows:
            row.__dict__["state"] = now[row.pk].state if row.pk in now else row.state
        went = problems.count("")
        told = sorted(
            zip(rows, problems, strict=True), key=lambda each: not each[1]
        )  # what did not go comes first
        table = _table(
            f"{went} of {len(rows)} {bulk.done}", [(row, problem or f"{bulk.done}") for row, problem in told]
        )
        context = {
            "title": f"{went} of {len(rows)} {bulk.done}",
            "tables": [table],
            "back_url": request.get_full_path(),
        }
        return self.render(request, "staff/form.html", context)


def _table(title: str, fates: Sequence[tuple[ProductListing, str]]) -> dict[str, Any]:
    rows = [
        (
            link(reverse("admin:listings_productlisting_change", args=[row.pk]), text(row.title, limit=90)),
            row.short_code,
            state_badge(row.state),
            words,
        )
        for row, words in fates[:SHOWN]
    ]
    foot = f"and {len(fates) - SHOWN} more" if len(fates) > SHOWN else ""
    heads = ("Listing", "Code", "State", "What happens")
    return {"title": title, "heads": heads, "rows": rows, "foot": foot, "empty": DASH}


def _no_step(row: ProductListing, to: State) -> str:
    return f"no step leads from {State(row.state).label} to {to.label}"


def _move(row: ProductListing, to: State, *, by: str, reason: str, seen: str) -> str:
    try:
        take(row.pk, to, by=by, seen=seen, reason=reason, facts={})
    except (lifecycle.IllegalArrow, ProductListing.DoesNotExist):
        return why_not(row.pk, to, seen=seen)
    except Exception:
        # One row that fails in a way nobody foresaw must not stop the others, nor hide that it failed.
        log.exception("a bulk step failed", listing_id=str(row.pk), to=to)
        return "Not saved: it failed on our side. It is logged."
    return ""
