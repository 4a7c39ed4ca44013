"""What the outbox sends to ScraperV2, and what its answers mean to us."""

from uuid import UUID

from integrations import scraperv2
from integrations.outbox import Delivery
from scraping import jobs
from scraping.models import ScrapeJob


def start_job(delivery: Delivery) -> str:
    """Start the job at ScraperV2, once.

    From the second attempt on, an earlier call may have started it and its
    answer been lost: then the job is looked for before another is started.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    job = ScrapeJob.objects.get(uuid=delivery.key)
    if job.status not in (ScrapeJob.Status.PENDING, ScrapeJob.Status.FAILED):
        return "already started"
    scraper_job_id = _started_before(job) if delivery.attempt > 1 else None
    adopted = scraper_job_id is not None
    if scraper_job_id is None:
        scraper_job_id = scraperv2.start(brands=job.brands, search=job.search)
    jobs.started(delivery.key, scraper_job_id)
    return f"{'adopted' if adopted else 'started'} {scraper_job_id}"


def _started_before(job: ScrapeJob) -> UUID | None:
    ours = set(
        ScrapeJob.objects.filter(scraper_job_id__isnull=False).values_list("scraper_job_id", flat=True)
    )
    for remote in scraperv2.jobs():
        if remote.brands == job.brands and remote.job_id not in ours:
            return remote.job_id
    return None


def start_given_up(delivery: Delivery, error: str) -> None:
    """Show the job as failed."""
    jobs.failed(delivery.key, error)
