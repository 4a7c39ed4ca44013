"""Jobs whose deadline has passed: ScraperV2 is asked what became of them (contract, section 3).

It calls once, and for a failed job not at all, so silence says nothing. Each
overdue job is claimed by moving its deadline, asked for outside any
transaction, and settled by a statement that first looks whether its call has
come in meanwhile. A crash leaves a job that is due again two minutes later.
"""

import json
import uuid
from collections import Counter
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from integrations import clock, outbox, scraperv2
from integrations.http import NotFound, PartnerError
from integrations.models import InboxMessage, OutboxMessage
from integrations.scraperv2 import RemoteJob
from listings import telegram
from scraping import jobs
from scraping.models import ScrapeJob

log = structlog.get_logger(__name__)

BATCH = 50
ASK_AGAIN = timedelta(minutes=2)
TOLD_AFTER = 5  # unanswered in a row: ten minutes
PATIENCE_IN_DEADLINES = 4  # two hours for a job that says it is still running
PATIENCE_WITHOUT_ANSWER = timedelta(
    hours=24
)  # its matches are still there when ScraperV2 can be reached again
NOT_CALLED = "Its call never came: ScraperV2 was asked for the result."


def reconcile(*, limit: int = BATCH) -> Counter[str]:
    """Ask for every job that is past its deadline.

    Once ScraperV2 does not answer, the others wait for the next minute: a
    partner that hangs costs one time-out a minute and not one for each job.

    Returns:
        How many became what: completed, failed, lost, running, unanswered, starting.
    """
    outcomes: Counter[str] = Counter()
    overdue = ScrapeJob.objects.filter(status__in=jobs.OPEN, deadline_at__lte=clock.now())
    for pk in list(overdue.order_by("deadline_at").values_list("pk", flat=True)[:limit]):
        job = _claim(pk)
        if job is None:
            continue  # another sweep has it, or its call has come in
        outcome = _settle(job)
        outcomes[outcome] += 1
        if outcome == "unanswered":
            break
    if outcomes:
        log.info("overdue scrape jobs asked for", **outcomes)
    return outcomes


def _claim(pk: int) -> ScrapeJob | None:
    now = clock.now()
    due = ScrapeJob.objects.filter(pk=pk, status__in=jobs.OPEN, deadline_at__lte=now)
    return ScrapeJob.objects.get(pk=pk) if due.update(deadline_at=now + ASK_AGAIN) else None


def _settle(job: ScrapeJob) -> str:
    if job.scraper_job_id is None:
        return _look_after_start(job)
    try:
        remote = scraperv2.job(job.scraper_job_id)
        if remote.status == "completed":
            try:
                return _take_in(job, remote)
            except (
                IntegrityError
            ):  # another job has just created one of its items: now it is there to be seen
                return _take_in(job, remote)
    except NotFound:
        return _ended(
            jobs.lost(job.uuid, "ScraperV2 does not know the job (any more): it was restarted."), "lost"
        )
    except PartnerError as error:
        return _unanswered(job, str(error))
    except Exception as error:  # one job that cannot be taken in never stops the rest
        log.exception("a scrape job could not be taken in", job=job.pk)
        return _unanswered(job, f"Our own fault: {type(error).__name__}.")
    if remote.status == "failed":
        return _ended(jobs.failed(job.uuid, remote.error or "ScraperV2 gave no reason."), "failed")
    return _still_running(job)


def _ended(by_us: bool, outcome: str) -> str:
    return outcome if by_us else "completed"


@transaction.atomic
def _take_in(job: ScrapeJob, remote: RemoteJob) -> str:
    """Take the result in as if it had been posted: kept in the inbox, under the digest its call would have."""
    current = ScrapeJob.objects.select_for_update().get(pk=job.pk)
    if current.status not in jobs.OPEN:
        return "completed"
    _complete(remote, remote.brands or current.brands, subject=current.uuid)
    return "completed"


def _complete(remote: RemoteJob, brands: list[str], *, subject: uuid.UUID | None) -> None:
    body = {"job_id": str(remote.job_id), "brands": brands, "matches": remote.matches}
    kept = InboxMessage.objects.create(
        partner="scraper",
        kind="job-complete",
        body=json.dumps(body).encode(),
        content_type="application/json",
        status=InboxMessage.Status.PROCESSED,
        subject=subject,
        detail=NOT_CALLED,
        processed_at=Now(),
    )
    jobs.complete(remote.job_id, brands=brands, matches=list(remote.matches), inbox_id=kept.pk)
    ScrapeJob.objects.filter(scraper_job_id=remote.job_id).update(warning=NOT_CALLED)


def catch_up() -> Counter[str]:
    """Take in every job that ScraperV2 has completed and that is not complete here, whoever started it.

    For the time after a restore: what called between the backup and the loss calls no more.

    Returns:
        How many became what: completed, known, or ScraperV2's own word for what is not over.

    Raises:
        integrations.http.PartnerError: ScraperV2 did not say.
    """
    outcomes: Counter[str] = Counter()
    for remote in scraperv2.jobs():
        outcomes[remote.status if remote.status != "completed" else _catch_up_with(remote)] += 1
    return outcomes


@transaction.atomic
def _catch_up_with(remote: RemoteJob) -> str:
    known = ScrapeJob.objects.select_for_update().filter(scraper_job_id=remote.job_id).first()
    if known and known.status == ScrapeJob.Status.COMPLETED:
        return "known"
    _complete(remote, remote.brands or (known.brands if known else []), subject=known.uuid if known else None)
    return "completed"


def _still_running(job: ScrapeJob) -> str:
    deadline, now = timedelta(minutes=settings.SCRAPE_DEADLINE_MINUTES), clock.now()
    patience = deadline * PATIENCE_IN_DEADLINES
    if now - (job.started_at or job.created_at) > patience:
        error = f"ScraperV2 still says that it is running, after {_in_words(patience)}."
        return _ended(jobs.lost(job.uuid, error), "lost")
    _open(job).update(deadline_at=now + deadline, unanswered=0, error="")
    return "running"


def _unanswered(job: ScrapeJob, error: str) -> str:
    """Ask again soon, tell staff once when it lasts, and give up after a day."""
    if clock.now() - (job.started_at or job.created_at) > PATIENCE_WITHOUT_ANSWER:
        words = f"ScraperV2 could not be asked for {_in_words(PATIENCE_WITHOUT_ANSWER)}. {error}"
        return _ended(jobs.lost(job.uuid, words), "lost")
    with transaction.atomic():
        noted = _open(job).update(unanswered=F("unanswered") + 1, error=f"ScraperV2 cannot be asked: {error}")
        if noted and job.unanswered + 1 == TOLD_AFTER:
            text = (
                f"Scrape job {job.pk} ({job.brand_names}) is overdue and ScraperV2 cannot be asked: {error}"
            )
            outbox.put(telegram.job_rows(text))
    return "unanswered"


def _look_after_start(job: ScrapeJob) -> str:
    """Let the call that starts the job go on; a job without such a call would wait for ever."""
    calls = OutboxMessage.objects.filter(topic=jobs.START, key=str(job.uuid))
    if calls.filter(delivered_at__isnull=True, given_up_at__isnull=True).exists():
        _open(job).update(deadline_at=clock.now() + timedelta(minutes=settings.SCRAPE_DEADLINE_MINUTES))
        return "starting"
    if not _open(job).filter(scraper_job_id__isnull=True).exists():
        return "running"  # it was started while we looked
    return _ended(jobs.failed(job.uuid, "It was never started: no call to ScraperV2 is waiting."), "failed")


def _open(job: ScrapeJob) -> QuerySet[ScrapeJob]:
    return ScrapeJob.objects.filter(pk=job.pk, status__in=jobs.OPEN)


def _in_words(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return " ".join(
        f"{count} {unit}" + ("" if count == 1 else "s")
        for count, unit in ((hours, "hour"), (minutes, "minute"))
        if count
    )
