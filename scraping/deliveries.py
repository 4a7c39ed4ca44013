"""What the outbox sends to ScraperV2, and what its answers mean to us.

`POST /scrape` has no idempotency key, so a call whose answer was lost (a
time-out, a broken connection, a 5xx, our own crash) may have started a job all
the same. `start_called_at` is written before the call and taken back only when
it surely started nothing. While it stands, the next attempt looks for the job
before it starts another.

A delivery for a job whose id we never learnt is taken in as one that came
unasked, and is folded into ours when the next attempt finds it. If there is no
next attempt it stays a job of its own: nothing of it is lost either way.
"""

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from integrations import clock, scraperv2
from integrations.http import PermanentError, TransientError
from integrations.outbox import Delivery
from scraping import jobs
from scraping.models import UNASKED, ScrapeJob

OVER = ("completed", "failed")


def start_job(delivery: Delivery) -> str:
    """Start the job at ScraperV2, once.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    job = ScrapeJob.objects.get(uuid=delivery.key)
    if job.status not in (ScrapeJob.Status.PENDING, ScrapeJob.Status.FAILED):
        return "already started"
    if job.replaced_by_id:
        return f"run again as job {job.replaced_by_id}"
    if job.start_called_at and (found := _started_before(job, job.start_called_at)):
        scraper_job_id, ended = found
        jobs.started(delivery.key, scraper_job_id, ended=ended)
        return f"adopted {scraper_job_id}"
    scraper_job_id = _start(job)
    jobs.started(delivery.key, scraper_job_id)
    return f"started {scraper_job_id}"


def _start(job: ScrapeJob) -> UUID:
    row = ScrapeJob.objects.filter(pk=job.pk)
    if job.start_called_at is None:
        row.update(start_called_at=clock.now())
    try:
        return scraperv2.start(brands=job.brands, search=job.search)
    except (TransientError, PermanentError) as error:
        surely_not = isinstance(error, PermanentError) or not error.lost_answer
        if job.start_called_at is None and surely_not:
            row.update(start_called_at=None)
        raise


def _started_before(job: ScrapeJob, since: datetime) -> tuple[UUID, bool] | None:
    """Find the job that an earlier call has started; return ScraperV2's id, and whether it is over there.

    ScraperV2's documents tell neither the search term nor a time. What counts
    as ours has our brands, belongs to no other job of ours, and began after
    our first call. Of several that were delivered the oldest is taken: a later
    call of ours can only take a later one. Of those that were not, which may be
    older than they look, the most recent: the others come in unasked, which is harmless.
    """
    delivered = Q(
        triggered_by=UNASKED, created_at__gte=since, brands=job.brands, scraper_job_id__isnull=False
    )
    # Without a word from ScraperV2, which may have been started anew since and know of nothing.
    if early := ScrapeJob.objects.filter(delivered).order_by("id").first():
        return UUID(str(early.scraper_job_id)), True
    remotes = scraperv2.jobs()
    # Both in one look: a job that is delivered between two would be in neither, and be started once more.
    rows = ScrapeJob.objects.filter(delivered | Q(scraper_job_id__in=[each.job_id for each in remotes]))
    known = {row.scraper_job_id: row for row in rows.order_by("id")}
    for row in known.values():
        if row.triggered_by == UNASKED and row.created_at >= since and row.brands == job.brands:
            return UUID(str(row.scraper_job_id)), True
    for remote in reversed(remotes):
        seen = known.get(remote.job_id)
        if seen and (seen.started_at or seen.created_at) < since:
            return None  # they are listed in the order in which they began: all that is left is older than our call
        if seen is None and remote.brands == job.brands:
            return remote.job_id, remote.status in OVER
    return None


def start_given_up(delivery: Delivery, error: str) -> None:
    """Show the job as failed, and tell staff."""
    jobs.failed(delivery.key, error)
