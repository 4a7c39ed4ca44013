"""Jobs that are over at the simulated ScraperV2 and overdue here."""

from datetime import timedelta
from typing import Any

from integrations import clock, relay
from integrations.models import OutboxMessage
from integrations.simulators import Simulators
from listings.models import ProductListing, Sighting
from scraping import jobs
from scraping.models import ScrapeJob
from tests.scraping.conftest import over, switch
from tests.simulators.recorder import Recorder


def begin(sims: Simulators, outcome: str = "unheard", **columns: Any) -> ScrapeJob:
    """Trigger a job, let the relay start it, wait until it is over at ScraperV2, and let its deadline pass."""
    switch(sims, outcome=outcome, on="POST", times=1)
    job = jobs.trigger(brands=["Sony"], search="Sony", by="user:ann")
    assert relay.serve("scraperv2") == 1
    job = ScrapeJob.objects.get(pk=job.pk)
    over(sims, str(job.scraper_job_id))
    return overdue(job, **columns)


def overdue(job: ScrapeJob, **columns: Any) -> ScrapeJob:
    ScrapeJob.objects.filter(pk=job.pk).update(deadline_at=clock.now() - timedelta(minutes=1), **columns)
    return ScrapeJob.objects.get(pk=job.pk)


def again(job: ScrapeJob) -> ScrapeJob:
    return ScrapeJob.objects.get(pk=job.pk)


def posted(sims: Simulators, recorder: Recorder, job: ScrapeJob) -> bytes:
    """Return the very bytes of ScraperV2's call for a completed job."""
    sims.scraperv2.act({"job_id": str(job.scraper_job_id)})
    return recorder.calls[-1].body


def counts() -> tuple[int, int, int]:
    return (ProductListing.objects.count(), Sighting.objects.count(), OutboxMessage.objects.count())
