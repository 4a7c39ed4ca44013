"""Running a job again that failed or was lost."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html

from integrations.callers import staff_name
from integrations.show import link
from scraping import jobs
from scraping.models import ScrapeJob

OVER = (ScrapeJob.Status.FAILED, ScrapeJob.Status.LOST)


def wanted(rows: QuerySet[ScrapeJob]) -> QuerySet[ScrapeJob]:
    """Keep the jobs that ended badly and that nobody has run again."""
    return rows.filter(status__in=OVER, replaced_by__isnull=True)


def notices(job: ScrapeJob) -> list[tuple[int, Any]]:
    """Say which job took this one's place, and whose place this one took."""
    lines = []
    if job.replaced_by_id is not None:
        lines.append((messages.INFO, format_html("{} was started in its place.", _link(job.replaced_by_id))))
    if (old := ScrapeJob.objects.filter(replaced_by=job).only("pk").first()) is not None:
        lines.append((messages.INFO, format_html("It was started in the place of {}.", _link(old.pk))))
    return lines


def _link(pk: int) -> Any:
    return link(reverse("admin:scraping_scrapejob_change", args=[pk]), f"Job {pk}")


def buttons(job: ScrapeJob) -> list[dict[str, str]]:
    """Offer to run it again, once, where it ended badly."""
    if job.status not in OVER or job.replaced_by_id is not None:
        return []
    url = reverse("admin:scraping_scrapejob_again", args=[job.pk])
    note = (
        "A new job looks for the same. This one stays as it is; if it delivers after all, that is taken in."
    )
    return [{"url": url, "words": "Run again", "note": note}]


def run(request: HttpRequest, pk: int) -> int:
    """Run a job again; return the job to show next."""
    old = get_object_or_404(ScrapeJob.objects.only("uuid", "replaced_by"), pk=pk)
    if old.replaced_by_id is not None:
        messages.info(request, "It was run again before: this is the job that took its place.")
        return old.replaced_by_id
    try:
        new = jobs.run_again(old.uuid, by=staff_name(request))
    except jobs.NotOver as error:
        messages.error(request, f"Nothing was started. {error}")
        return pk
    messages.success(request, "The new job is written down. ScraperV2 is called next.")
    return new.pk
