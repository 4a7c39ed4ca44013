"""The home page: what needs me now, the pipeline, outreach, the money, and who answers.

`now` serves the same parts by themselves, for the page to refresh itself by.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from aetos import buying, needs
from aetos.navigation import CHANNEL_LIST, JOBS, LISTINGS, OUTBOX
from integrations import clock
from integrations.admin.channels import health, waiting_by_channel
from integrations.channels import CHANNELS
from integrations.models import Channel, Pulse
from integrations.show import span
from integrations.tasks import TASKS
from listings import earnings, pipeline
from listings.admin.queue import bound
from listings.admin.show import LETTERS
from listings.models import OutreachSettings
from listings.states import TIMEOUT_SETTING, State
from scraping.models import ScrapeJob

MONEY_WORDS = {
    State.FOUND: "asking",
    State.MESSAGING: "bound",
    State.NEGOTIATING: "bound",
    State.PURCHASED: "bound",
    State.RECEIVED: "paid",
    State.LISTED: "paid",
    State.SOLD: "profit",
}
SILENT_AFTER = timedelta(minutes=2)
PARTNERS = {
    "events": "Events",
    "scraperv2": "ScraperV2",
    "chatterbot": "Chatterbot",
    "ebaylister": "eBayLister",
    "telegram": "Telegram",
    "telegram-files": "Telegram files",
}


def cockpit(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the home page shows, as far as this member of staff may see it."""
    return context | {"title": "Now"} | parts(request)


def now(request: HttpRequest) -> HttpResponse:
    """Serve the changing parts of the home page."""
    return render(request, "staff/now.html", parts(request))


def parts(request: HttpRequest) -> dict[str, Any]:
    """Return everything on the home page that changes."""
    may = request.user.has_perm
    sees = may("listings.view_productlisting")
    groups = needs.groups(request)
    states = _states() if sees else []
    return {
        "groups": groups,
        "things": sum(group.count for group in groups),
        "states": states,
        "total": sum(each["count"] for each in states),
        "money": _money(states) if sees and may("listings.view_ledgerline") else None,
        "channels": _channels() if may("integrations.view_channel") else [],
        "pulse": _pulse() if may("integrations.view_channel") else None,
        "jobs": list(ScrapeJob.objects.defer("deliveries")[:3]) if may("scraping.view_scrapejob") else [],
        "jobs_url": reverse(JOBS),
        "may_run": may("scraping.trigger_scrape"),
        "may_look": sees,
        "may_stop": may("listings.throw_killswitch"),
        "may_act": may("listings.transition_productlisting"),
        "now": timezone.now(),
        "no_broker": not settings.RABBITMQ_URL,
        "outreach": buying.outreach_now(request),
        "silence": buying.silence(request),
        "next_scrape": buying.next_scrape(request),
    }


def _states() -> list[dict[str, Any]]:
    """Return each state with its count, its money, its oldest, and how many came through in 30 days."""
    stages, at = pipeline.stages(), timezone.now()
    most = max((stage.passed for stage in stages), default=0)
    return [
        {
            "letter": LETTERS[stage.state],
            "label": stage.state.label,
            "css": stage.state.value.lower(),
            "count": stage.count,
            "money": stage.money,
            "money_words": MONEY_WORDS.get(stage.state, ""),
            "oldest": _oldest(stage, at),
            "warm": _warm(stage, at),
            "passed": stage.passed,
            # The square root, so that ten beside ten thousand can be seen; SVG units of 100.
            "height": (height := round((stage.passed / most) ** 0.5 * 96) + 4 if most else 4),
            "top": (100 - height) // 2,
            "url": f"{reverse(LISTINGS)}?state={stage.state.value}",
        }
        for stage in stages
    ]


def _oldest(stage: pipeline.Stage, at: datetime) -> str:
    ended = stage.state in (State.SOLD, State.CANCELLED)
    return "" if ended or stage.oldest_at is None else span(max(at - stage.oldest_at, timedelta(0)))


def _warm(stage: pipeline.Stage, at: datetime) -> int:
    """Say how warm the oldest is: the share of the time that its state gives it."""
    setting = TIMEOUT_SETTING.get(stage.state)
    if setting is None or stage.oldest_at is None:
        return 0
    used = (at - stage.oldest_at) / timedelta(days=getattr(settings, setting))
    return 3 if used >= 0.85 else 2 if used >= 0.7 else 1 if used >= 0.5 else 0


def _money(states: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is bound, what lies in stock, and what was earned this week, month and year."""
    limits = OutreachSettings.objects.first() or OutreachSettings()
    stock = sum(each["money"] for each in states if each["css"] in ("received", "listed"))
    money = {each["css"].upper(): each["money"] for each in states}
    return {**bound(limits, money), "stock": stock, "earned": earnings.up_to_now(limits)}


def _pulse() -> dict[str, str]:
    """Say when a task last came from beat and was run by a worker: every half minute while all is well."""
    last = Pulse.objects.filter(name=TASKS).first()
    if last is None:
        return {"words": "no sign of life yet", "tone": "warn"}
    silent = clock.now() - last.beaten_at
    if silent < SILENT_AFTER:
        return {"words": f"alive {span(silent)} ago", "tone": "good"}
    return {"words": f"no sign of life for {span(silent)}: nothing is sent or swept", "tone": "bad"}


def _channels() -> list[dict[str, Any]]:
    """Return each way out with its health and what waits on it."""
    known, waiting = {row.name: row for row in Channel.objects.all()}, waiting_by_channel()
    at = clock.now()
    rows = []
    for name in CHANNELS:
        channel = known.get(name) or Channel(name=name)
        words, tone = health(channel, at)
        rows.append(
            {
                "name": name,
                "label": PARTNERS.get(name, name.capitalize()),
                "words": words,
                "tone": tone,
                "waiting": waiting.get(name, 0),
                "url": f"{reverse(OUTBOX)}?state=pending&channel={name}",
                "list": reverse(CHANNEL_LIST),
                "error": channel.last_error,
            }
        )
    return rows
