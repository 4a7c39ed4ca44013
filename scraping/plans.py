"""Search plans: which runs are due, starting them once each, and the alarm when nothing comes in.

A time of day is turned into one instant a day in the plan's own zone. A time
that happens twice (the clocks go back) means its first occurrence; one that
does not happen (they go forward) runs as much later as the clocks jumped, so
that no day has a run less or more. Where two times of a plan thereby fall on
one instant, one run serves both.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q

from integrations import clock, outbox
from listings import telegram
from scraping import jobs
from scraping.models import UNASKED, Pipeline, ScrapeJob, SearchPlan, SearchRun

log = structlog.get_logger(__name__)

DAY = timedelta(days=1)
LATEST = timedelta(minutes=60)  # after that a run is of no use: the next one is near
LOOKS_BACK = timedelta(days=7)  # how far a downtime's missed runs are written down
GRACE = timedelta(minutes=15)
A_DAY_AND_MORE = timedelta(hours=26)  # on the day the clocks go back, a daily slot is 25 hours old

Status = SearchRun.Status


def slots(plan: SearchPlan, since: datetime, until: datetime) -> list[datetime]:
    """List the instants after `since`, up to `until`, at which the plan runs; in UTC, in order."""
    zone = ZoneInfo(plan.time_zone)
    found: set[datetime] = set()
    # A day more at each end: what falls on a local day can be on the day before or after in UTC.
    day, last = since.astimezone(zone).date() - DAY, until.astimezone(zone).date() + DAY
    while day <= last:
        found |= {datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for at in plan.times_of_day}
        day += DAY
    return sorted(instant for instant in found if since < instant <= until)


def next_run(plan: SearchPlan, after: datetime) -> datetime | None:
    """Return when the plan runs next; None while it is switched off."""
    return slots(plan, after, after + 2 * DAY)[0] if plan.active else None


# ---- running what is due ------------------------------------------------------------------------


@transaction.atomic
def run_due(*, now: datetime | None = None) -> int:
    """Claim what has fallen due, and start what may start.

    The plans' row locks make two beats take turns; the second finds nothing
    left to do. The calls themselves are outbox rows, made by the relay.

    Args:
        now: the database's time, unless a test says otherwise.

    Returns:
        How many jobs were triggered.
    """
    plans = list(SearchPlan.objects.select_for_update().order_by("pk"))
    now = now or clock.now()
    for plan in plans:
        _guarded(plan, _claim, plan, now)
    waiting = SearchRun.objects.filter(status=Status.WAITING).order_by("slot_at", "pk")
    return sum(_guarded(run.plan, _decide, run, now) for run in waiting.select_related("plan"))


def _guarded(plan: SearchPlan, act: Callable[[Any, datetime], bool], what: Any, now: datetime) -> bool:
    try:
        with transaction.atomic():
            return act(what, now)
    except Exception:  # one plan that fails never stops the others
        log.exception("a search plan could not be run", plan=plan.name)
        return False


def _claim(plan: SearchPlan, now: datetime) -> bool:
    since = max(plan.considered_until, now - LOOKS_BACK)
    if now <= since:
        return False
    if plan.active:
        rows = [SearchRun(plan=plan, slot_at=slot) for slot in slots(plan, since, now)]
        SearchRun.objects.bulk_create(rows, ignore_conflicts=True)
    SearchPlan.objects.filter(pk=plan.pk).update(considered_until=now)
    return True


def _decide(run: SearchRun, now: datetime) -> bool:
    """Start a waiting run, let it wait, or write down why it will not be; return whether it was started."""
    busy = _under_way(now)
    own = next((job for job in busy if SearchRun.objects.filter(plan=run.plan, job=job).exists()), None)
    if not run.plan.active:
        _close(run, Status.SKIPPED, "The plan was switched off.", now)
    elif own:
        _close(run, Status.SKIPPED, f"Job {own.pk} of this plan was still under way.", now)
    elif now - run.slot_at >= LATEST:
        why = run.detail or "Nothing was running here when it was due."
        _close(run, Status.MISSED, f"More than an hour late. {why}", now)
    elif busy:
        SearchRun.objects.filter(pk=run.pk).update(detail=f"ScraperV2 was busy with job {busy[0].pk}.")
    else:
        job = jobs.trigger(brands=run.plan.brands, search=run.plan.search, by=f"rule:{run.plan.name}")
        _close(run, Status.STARTED, f"Job {job.pk}.", now, job)
        return True
    return False


def _under_way(now: datetime) -> list[ScrapeJob]:
    """List our jobs that ScraperV2 is at work on, or will be: it takes one at a time.

    One that is past its deadline, or that ScraperV2 cannot be asked about,
    holds up nobody: scraping/reconcile.py finds out what became of it.
    """
    running = Q(status=ScrapeJob.Status.RUNNING, deadline_at__gt=now, unanswered=0)
    open_jobs = ScrapeJob.objects.filter(Q(status=ScrapeJob.Status.PENDING) | running)
    return list(open_jobs.exclude(triggered_by=UNASKED).order_by("pk"))


def _close(run: SearchRun, status: str, detail: str, now: datetime, job: ScrapeJob | None = None) -> None:
    SearchRun.objects.filter(pk=run.pk).update(status=status, detail=detail, settled_at=now, job=job)
    result = f"{Status(status).label}: {detail}"
    SearchPlan.objects.filter(pk=run.plan_id).update(last_run_at=run.slot_at, last_result=result)
    log.info("search plan ran", plan=run.plan.name, outcome=status, detail=detail)


# ---- the alarm ----------------------------------------------------------------------------------


def silence(now: datetime) -> str | None:
    """Say since when nothing has come in although the plans promise it; None while all is well.

    A job is promised for each run of an active plan: by the time it was
    started (or should have been), the job's deadline and a grace. What a beat
    that stands still has not even claimed counts as well.
    """
    before = now - timedelta(minutes=settings.SCRAPE_DEADLINE_MINUTES) - GRACE
    promised = [_promised_at(run) for run in _recent_runs(before)] + [
        slot
        for plan in SearchPlan.objects.filter(active=True)
        for slot in slots(plan, max(plan.considered_until, before - A_DAY_AND_MORE), before)
    ]
    due = max((at for at in promised if at <= before), default=None)
    if due is None:
        return None
    last = ScrapeJob.objects.aggregate(last=Max("completed_at"))["last"]
    if last and last >= due:
        return None
    since = f"since {last:%d %b %H:%M} UTC" if last else "yet"
    return f"No scrape has come in {since}, although one was due to start at {due:%d %b %H:%M} UTC."


def _recent_runs(before: datetime) -> list[SearchRun]:
    runs = SearchRun.objects.filter(plan__active=True, slot_at__gt=before - A_DAY_AND_MORE)
    return list(runs.filter(slot_at__lte=before))


def _promised_at(run: SearchRun) -> datetime:
    if run.status == Status.STARTED and run.settled_at:
        return run.settled_at
    return run.slot_at + LATEST if run.status == Status.WAITING else run.slot_at


@transaction.atomic
def watch(*, now: datetime | None = None) -> str | None:
    """Raise the alarm once when the pipeline falls silent, and take it back when something has come in.

    Returns:
        What `silence` says.
    """
    text = silence(now or clock.now())
    Pipeline.objects.bulk_create([Pipeline(pk=1)], ignore_conflicts=True)
    row = Pipeline.objects.filter(pk=1)
    if text is None:
        row.filter(silent_since__isnull=False).update(silent_since=None, detail="")
    elif row.filter(silent_since__isnull=True).update(silent_since=now or clock.now(), detail=text):
        log.error("the pipeline is silent", detail=text)
        outbox.put(telegram.job_rows(text))
    return text
