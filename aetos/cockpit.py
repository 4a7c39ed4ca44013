"""The home page: how many listings are where, what needs a person, and which way out works."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from aetos import buying
from aetos.navigation import INBOX, JOBS, LISTINGS, OUTBOX, capped
from integrations.admin.channels import health, waiting_by_channel
from integrations.admin.inbox import stale
from integrations.channels import CHANNELS
from integrations.models import Channel, InboxMessage, OutboxMessage
from listings.admin.filters import ListingQuestions
from listings.admin.show import LETTERS
from listings.models import ProductListing
from listings.states import State
from scraping.admin.again import wanted
from scraping.models import ScrapeJob


@dataclass(frozen=True)
class Need:
    """One kind of thing that waits for a person."""

    count: int
    words: str
    act: str
    url: str
    tone: str = "warn"


def cockpit(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the home page shows, as far as this member of staff may see it."""
    may = request.user.has_perm
    sees = may("listings.view_productlisting")
    states = _states() if sees else []
    needs = [need for need in _needs(request) if need.count]
    return context | {
        "title": "Now",
        "needs": needs,
        "things": sum(need.count for need in needs),
        "states": states,
        "total": sum(each["count"] for each in states),
        "channels": _channels() if may("integrations.view_channel") else [],
        "jobs": list(ScrapeJob.objects.defer("deliveries")[:5]) if may("scraping.view_scrapejob") else [],
        "may_run": may("scraping.trigger_scrape"),
        "may_look": sees,
        "now": timezone.now(),
        "no_broker": not settings.RABBITMQ_URL,
        "outreach": buying.outreach_now(request),
        "silence": buying.silence(request),
        "next_scrape": buying.next_scrape(request),
    }


def _states() -> list[dict[str, Any]]:
    """Count the listings in each state: one grouped count over an index."""
    counts = dict(ProductListing.objects.order_by().values_list("state").annotate(count=Count("pk")))
    return [
        {
            "letter": LETTERS[state],
            "label": state.label,
            "css": state.value.lower(),
            "count": counts.get(state.value, 0),
            "url": f"{reverse(LISTINGS)}?state={state.value}",
        }
        for state in State
    ]


def _needs(request: HttpRequest) -> list[Need]:
    may = request.user.has_perm
    needs: list[Need] = []
    rows: QuerySet[Any]
    if may("integrations.view_inboxmessage"):
        rows = InboxMessage.objects.filter(status=InboxMessage.Status.CONFLICT)
        words = "callbacks contradict what we know: apply them, or dismiss them"
        needs.append(Need(capped(rows), words, "Decide", f"{reverse(INBOX)}?status=conflict", "bad"))
        rows = stale(InboxMessage.objects.all())
        words = "callbacks have been parked for over an hour"
        needs.append(Need(capped(rows), words, "Look", f"{reverse(INBOX)}?status=stale"))
    if may("listings.view_productlisting"):
        rows = ProductListing.objects.filter(error_message__isnull=False)
        url = f"{reverse(LISTINGS)}?attention=on"
        needs.append(
            Need(capped(rows), "listings have an error: a partner could not be told", "Look", url, "bad")
        )
        ending = ListingQuestions({"ends": "on"}).narrow(ProductListing.objects.all())
        words = "listings cancel themselves within 24 hours"
        needs.append(Need(capped(ending), words, "Snooze or let go", f"{reverse(LISTINGS)}?ends=on"))
    if may("integrations.view_outboxmessage"):
        rows = OutboxMessage.objects.filter(given_up_at__isnull=False)
        words = "deliveries were given up"
        needs.append(Need(capped(rows), words, "Deliver again", f"{reverse(OUTBOX)}?state=given-up", "bad"))
    if may("scraping.view_scrapejob"):
        rows = wanted(ScrapeJob.objects.all())
        needs.append(
            Need(capped(rows), "jobs failed or were lost", "Look", f"{reverse(JOBS)}?status=trouble")
        )
    return needs


def _channels() -> list[dict[str, Any]]:
    """Return each way out with its health and what waits on it."""
    known, waiting = {row.name: row for row in Channel.objects.all()}, waiting_by_channel()
    rows = []
    for name in CHANNELS:
        words, tone = health(known.get(name) or Channel(name=name))
        url = f"{reverse(OUTBOX)}?state=pending&channel={name}"
        channel = known.get(name)
        rows.append(
            {
                "name": name,
                "words": words,
                "tone": tone,
                "waiting": waiting.get(name, 0),
                "url": url,
                "error": channel.last_error if channel else "",
            }
        )
    return rows
