"""Plans for tests, and a beat that lives through a day."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from scraping import jobs, plans
from scraping.models import ScrapeJob, SearchPlan

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)  # 13:00 in London


def at(text: str) -> datetime:
    """Read a time in UTC: 2026-06-10 09:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def a_plan(*times: str, since: datetime | None = None, **columns: Any) -> SearchPlan:
    columns = {"name": f"plan {uuid.uuid4().hex[:6]}", "brands": ["Sony"], "search": "Sony"} | columns
    plan = SearchPlan.objects.create(**columns, **({"times": list(times)} if times else {}))
    if since:
        SearchPlan.objects.filter(pk=plan.pk).update(considered_until=since)
    return SearchPlan.objects.get(pk=plan.pk)


def runs(plan: SearchPlan) -> list[tuple[str, str]]:
    return [(f"{run.slot_at:%m-%d %H:%M}", run.status) for run in plan.runs.order_by("slot_at")]


def complete(job: ScrapeJob | None, when: datetime | None = None) -> None:
    """Let a delivery come in for the job, at `when`."""
    assert job is not None
    remote = job.scraper_job_id or uuid.uuid4()
    if job.scraper_job_id is None:
        jobs.started(str(job.uuid), remote)
    jobs.complete(remote, brands=["Sony"], matches=[])
    if when:
        ScrapeJob.objects.filter(pk=job.pk).update(completed_at=when)


def live(since: str, until: str, *, minutes: int = 5) -> Counter[str]:
    """Let beat run from one time to another, every job being done at once; count the jobs by their start."""
    started: Counter[str] = Counter()
    now = at(since)
    while now <= at(until):
        for _ in range(plans.run_due(now=now)):
            started[f"{now:%m-%d %H:%M}"] += 1
        for job in ScrapeJob.objects.filter(status=ScrapeJob.Status.PENDING):
            complete(job, now)
        now += timedelta(minutes=minutes)
    return started
