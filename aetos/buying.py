"""What buying adds to the home page: whether outreach runs, what waits, and whether anything comes in."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from aetos.navigation import QUEUE
from integrations import clock
from listings import outreach
from listings.admin.queue import sent, waiting_count
from listings.admin.show import who
from listings.models import OutreachSettings
from scraping import plans
from scraping.models import SearchPlan

FIRST, MOST_SLOTS = 4, 12


def outreach_now(request: HttpRequest) -> dict[str, Any] | None:
    """Return the queue's numbers and the kill switch; None for who may not see them."""
    if not request.user.has_perm("listings.view_approval"):
        return None
    # To look at the home page writes nothing: where the row is missing, its defaults count.
    settings = OutreachSettings.objects.first() or OutreachSettings()
    limits, day = outreach.limits_now(settings), sent(clock.now())
    return {
        "url": reverse(QUEUE),
        "stopped": limits.stopped,
        "stopped_by": who(limits.stopped.thrown_by) if limits.stopped else "",
        "waiting": waiting_count(),
        "hour_used": sum(each["in_hour"] for each in day),
        "slots": _slots([each["at"] for each in day if each["in_hour"]], settings.hourly_rate),
        "first": outreach.waiting(settings, limits, most=FIRST),
        "hour": settings.hourly_rate,
        "day_used": len(day),
        "day": settings.daily_cap,
        "next_at": limits.next_slot_at,
        "bound": limits.bound,
        "budget": settings.budget,
        "left": limits.budget_left,
    }


def _slots(sent_at: list[datetime], rate: int) -> list[datetime | None]:
    """Return this hour's places: the times of those that are used, null for each that is free."""
    used = [timezone.localtime(at) for at in sent_at]
    return [*used, *[None] * (rate - len(used))][:MOST_SLOTS]


def silence(request: HttpRequest) -> str:
    """Say since when nothing has come in; nothing while all is well.

    Asked afresh, not read from the alarm's row: a beat that stands still raises no alarm.
    """
    if not request.user.has_perm("scraping.view_searchplan"):
        return ""
    return plans.silence(clock.now()) or ""


def next_scrape(request: HttpRequest) -> Any:
    """Return when a plan runs next; None where no plan is active."""
    if not request.user.has_perm("scraping.view_searchplan"):
        return None
    now = clock.now()
    active = list(SearchPlan.objects.filter(active=True)[:50])
    return min(filter(None, (plans.next_run(plan, now) for plan in active)), default=None)
