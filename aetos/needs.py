"""What needs a person now, each with the one act that helps: the rows at the top of the home page.

Money at risk comes first, then what runs out, then what can be earned. Of each
kind the few most pressing are shown; the rest is a link to their list.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from aetos.navigation import AUDITS, INBOX, JOBS, LISTINGS, OUTBOX
from aetos.need import SHOWN, Act, Group, Need, act_url, group, listing_url
from integrations.admin.inbox import stale
from integrations.admin.outbox import SHOWN_NOWHERE_ELSE
from integrations.models import AuditRun, InboxMessage, OutboxMessage
from integrations.show import since, span, stamp
from listings import attention, conflicts, deliveries, offers
from listings.admin.filters import ListingQuestions
from listings.admin.show import warmth, who
from listings.models import ProductListing
from listings.states import State
from scraping.admin.again import wanted
from scraping.models import ScrapeJob


def groups(request: HttpRequest) -> list[Group]:
    """Return what waits, by kind, as far as this member of staff may see it."""
    kinds: tuple[tuple[str, Callable[[HttpRequest], Group]], ...] = (
        ("integrations.view_auditrun", _faults),
        ("integrations.view_inboxmessage", _conflicts),
        ("listings.view_productlisting", _errors),
        ("listings.view_productlisting", _ending),
        ("integrations.view_inboxmessage", _parked),
        ("integrations.view_outboxmessage", _given_up),
        ("scraping.view_scrapejob", _jobs),
        ("listings.view_productlisting", _to_list),
        ("listings.view_productlisting", _provisional),
    )
    found = [kind(request) for permission, kind in kinds if request.user.has_perm(permission)]
    return [each for each in found if each.count]


def _listings(ids: Iterable[Any]) -> dict[Any, ProductListing]:
    rows = ProductListing.objects.defer("raw_match").prefetch_related("photos")
    return {row.pk: row for row in rows.filter(pk__in=list(ids))}


# ---- the audit ----------------------------------------------------------------------------------


def _faults(request: HttpRequest) -> Group:
    """Show what the last audit found: money may be wrong, and only a person can tell why."""
    last = AuditRun.objects.filter(ended_at__isnull=False).first()
    if last is None:
        return Group("", 0, "", [])
    url, told = reverse("admin:integrations_auditrun_change", args=[last.pk]), stamp(last.began_at)
    needs = [
        Need(
            f"audit-{rule}",
            "fact_check",
            "bad",
            f"Not so: {rule}",
            f"{count} found by the audit of {told}",
            url,
            [Act("Look", url, posts=False)],
        )
        for rule, count in last.broken.items()
    ]
    return Group("The books do not agree", len(needs), reverse(AUDITS), needs[:SHOWN])


# ---- callbacks ----------------------------------------------------------------------------------


def _conflicts(request: HttpRequest) -> Group:
    rows = InboxMessage.objects.filter(status=InboxMessage.Status.CONFLICT)
    shown = list(rows.order_by("-id")[:SHOWN])
    about = _listings(row.subject for row in shown if row.subject)
    may_dismiss = request.user.has_perm("integrations.replay_inboxmessage")
    may_apply = may_dismiss and request.user.has_perm("listings.transition_productlisting")
    needs = [
        _conflict(row, about.get(row.subject), may_apply=may_apply, may_dismiss=may_dismiss) for row in shown
    ]
    return group("In conflict", f"{reverse(INBOX)}?status=conflict", rows, needs)


def _conflict(
    row: InboxMessage, listing: ProductListing | None, *, may_apply: bool, may_dismiss: bool
) -> Need:
    told = f"{who(row.partner)}, {stamp(row.received_at)}"
    url = reverse("admin:integrations_inboxmessage_change", args=[row.pk])
    if listing is None:
        look = Act("Look", url, posts=False)
        return Need(f"inbox-{row.pk}", "move_to_inbox", "bad", row.detail, told, url, [look])
    remedy, settle = conflicts.remedy(row), act_url("callback", listing.pk, row.pk)
    acts = [Act("Apply", settle, {"do": "apply"})] if remedy and may_apply else []
    acts += [Act("Dismiss…", settle, asks="Reason to dismiss")] if may_dismiss else []
    second = f"{listing.title} · {told}" + (
        f" · Apply {remedy.words[:1].lower()}{remedy.words[1:]}" if remedy else ""
    )
    price = listing.purchase_price if listing.purchase_price is not None else listing.asking_price
    return Need(
        f"inbox-{row.pk}",
        "move_to_inbox",
        "bad",
        row.detail,
        second,
        listing_url(listing),
        acts,
        price,
        "at stake",
        listing,
    )


def _parked(request: HttpRequest) -> Group:
    rows = stale(InboxMessage.objects.all())
    needs = []
    for row in rows.order_by("-id")[:SHOWN]:
        url = reverse("admin:integrations_inboxmessage_change", args=[row.pk])
        second = f"{who(row.partner)} told us {row.kind} on {stamp(row.received_at)}: kept, tried again every minute"
        title = row.detail or f"{row.kind} is parked"
        needs.append(
            Need(
                f"inbox-{row.pk}", "pause_circle", "warn", title, second, url, [Act("Look", url, posts=False)]
            )
        )
    return group("Parked for over an hour", f"{reverse(INBOX)}?status=stale", rows, needs)


# ---- listings -----------------------------------------------------------------------------------


def _errors(request: HttpRequest) -> Group:
    rows = ProductListing.objects.filter(error_message__isnull=False)
    may = request.user.has_perm("listings.transition_productlisting")
    needs = []
    for row in rows.defer("raw_match").prefetch_related("photos").order_by("-error_occurred_at")[:SHOWN]:
        retry = Act("Retry", act_url("retry", row.pk))
        if (row.error_message or "").startswith(deliveries.WORDS[offers.CREATE]):
            retry = Act("Mend…", listing_url(row, "#ebay"), posts=False)
        acts = [retry] if may else []
        needs.append(
            Need(
                f"error-{row.pk}",
                "error",
                "bad",
                row.title,
                row.error_message,
                listing_url(row),
                acts,
                row.purchase_price if row.purchase_price is not None else row.asking_price,
                "paid" if row.purchase_price is not None else "asking",
                row,
            )
        )
    return group("With an error", f"{reverse(LISTINGS)}?error=on", rows, needs)


def _ending(request: HttpRequest) -> Group:
    rows = ListingQuestions({"ends": "on"}).narrow(ProductListing.objects.all())
    may = request.user.has_perm("listings.transition_productlisting")
    now, needs = timezone.now(), []
    for row in rows.defer("raw_match").prefetch_related("photos").order_by("deadline_at")[:SHOWN]:
        fields = {"days": "2", "reason": "More time, asked for on the home page"}
        acts = [Act("Snooze 2 days", act_url("snooze", row.pk), fields)] if may else []
        left = (row.deadline_at or now) - now
        since_when = span(now - row.state_changed_at)
        second = f"{State(row.state).label} for {since_when} · cancels itself {stamp(row.deadline_at or now)}"
        needs.append(
            Need(
                f"ends-{row.pk}-{row.deadline_at:%s}",
                "schedule",
                "warn",
                row.title,
                second,
                listing_url(row),
                acts,
                row.asking_price,
                "asking",
                row,
                warmth(row, now),
                f"{span(left)} left" if left > timedelta(0) else "overdue",
            )
        )
    return group("Cancelled by themselves within 24 hours", f"{reverse(LISTINGS)}?ends=on", rows, needs)


def _to_list(request: HttpRequest) -> Group:
    rows = attention.to_list(ProductListing.objects.all())
    may = request.user.has_perm("listings.transition_productlisting")
    needs = []
    ready = rows.defer("raw_match").select_related("ebay_offer").prefetch_related("photos")
    for row in ready.order_by("state_changed_at")[:SHOWN]:
        url, missing = listing_url(row, "#ebay"), offers.blockers(row)
        acts = [Act("List on eBay", act_url("step", row.pk, State.LISTED), {"seen": State.RECEIVED})]
        if missing:
            acts = [Act("Prepare…", url, posts=False)]
        here = f"Received {span(timezone.now() - row.state_changed_at)} ago"
        needs.append(
            Need(
                f"list-{row.pk}",
                "sell",
                "warn" if missing else "good",
                row.title,
                f"{here} · {' '.join(each.words for each in missing) or 'Ready for eBay'}",
                url,
                acts if may else [],
                offers.draft(row).price,
                "to ask on eBay",
                row,
            )
        )
    return group("To list on eBay", f"{reverse(LISTINGS)}?to_list=on", rows, needs)


def _provisional(request: HttpRequest) -> Group:
    rows = ProductListing.objects.filter(state=State.SOLD, profit_is_provisional=True)
    may = request.user.has_perm("listings.add_ledgerline")
    needs = []
    for row in rows.defer("raw_match").prefetch_related("photos").order_by(F("sold_at").asc())[:SHOWN]:
        missing = "eBay's fee" if row.ebay_fees is None else "the postage"
        url = listing_url(row, "#money")
        needs.append(
            Need(
                f"fee-{row.pk}",
                "payments",
                "warn",
                f"{row.title}: {missing} is not known yet",
                f"Sold {stamp(row.sold_at or row.state_changed_at)} · the profit is provisional until then",
                url,
                [Act(f"Enter {missing}…", url, posts=False)] if may else [],
                row.final_profit,
                "provisional",
                row,
            )
        )
    return group("Profits to complete", f"{reverse(LISTINGS)}?provisional=on", rows, needs)


# ---- deliveries and jobs ------------------------------------------------------------------------


def _given_up(request: HttpRequest) -> Group:
    rows = OutboxMessage.objects.filter(given_up_at__isnull=False, channel__in=SHOWN_NOWHERE_ELSE)
    needs = []
    for row in rows.order_by("-id")[:SHOWN]:
        url = reverse("admin:integrations_outboxmessage_change", args=[row.pk])
        title = f"{row.topic} was given up: {row.last_error}"
        look = Act("Look", url, posts=False)
        needs.append(Need(f"outbox-{row.pk}", "outbox", "bad", title, since(row.given_up_at), url, [look]))
    return group("Deliveries given up", f"{reverse(OUTBOX)}?state=elsewhere", rows, needs)


def _jobs(request: HttpRequest) -> Group:
    rows = wanted(ScrapeJob.objects.all())
    may = request.user.has_perm("scraping.trigger_scrape")
    needs = []
    for row in rows.defer("deliveries").order_by("-id")[:SHOWN]:
        url = reverse("admin:scraping_scrapejob_change", args=[row.pk])
        again = reverse("admin:scraping_scrapejob_again", args=[row.pk])
        title = f"{row.brand_names}: the job {'is lost' if row.status == ScrapeJob.Status.LOST else 'failed'}"
        needs.append(
            Need(
                f"job-{row.pk}",
                "search_off",
                "warn",
                title,
                row.error or f"Started {stamp(row.created_at)}",
                url,
                [Act("Run again", again)] if may else [],
            )
        )
    return group("Jobs failed or lost", f"{reverse(JOBS)}?status=trouble", rows, needs)
