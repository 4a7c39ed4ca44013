"""The life of a scrape job: triggered, started, completed by a delivery; or failed or lost, and run again."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from integrations import bulk, clock, outbox
from integrations.ids import uuid7
from integrations.lazyjson import LazyArray
from listings import telegram
from listings.ingest import Offer, ingest
from listings.models import ProductListing
from scraping.digests import Digest
from scraping.matches import Invalid, as_text, to_offer
from scraping.models import UNASKED, InvalidMatch, ScrapeJob

START = "scraper.start_job"
Status = ScrapeJob.Status
OPEN = (Status.PENDING, Status.RUNNING)
# What a delivery changes of its job.
_DELIVERED = (
    *("brands", "deliveries", "matches", "created_listings", "resighted", "invalid"),
    *("status", "error", "warning", "unanswered", "deadline_at"),
)


@dataclass(frozen=True)
class Outcome:
    """What one delivery of a job did: `created` + `resighted` + `invalid` = its matches."""

    created: int
    resighted: int
    errors: list[dict[str, Any]] = field(default_factory=list)
    invalid: int = 0


class NotOver(Exception):
    """Only a job that failed or was lost is run again."""


# ---- start --------------------------------------------------------------------------------------


@transaction.atomic
def trigger(*, brands: Sequence[str], search: str, by: str) -> ScrapeJob:
    """Write down a job, its event and the call that will start it.

    Args:
        brands: as ScraperV2's catalogue spells them; it compares by case.
        search: what to look for on the marketplace.
        by: `user:NAME` or what else asked for it.

    Returns:
        The job, `pending` until ScraperV2 has taken it.
    """
    job = ScrapeJob.objects.create(
        brands=list(brands),
        search=search,
        triggered_by=by,
        deadline_at=Now() + timedelta(minutes=settings.SCRAPE_DEADLINE_MINUTES),
    )
    key = str(job.uuid)
    body = {"job_id": key, "brand": brands[0] if brands else None, "brands": list(brands), "search": search}
    outbox.put(
        [outbox.event("scraper.job.created", key=key, body=body), outbox.call(START, key=key, body=body)]
    )
    return job


def run_again(job_uuid: uuid.UUID | str, *, by: str) -> ScrapeJob:
    """Start a new job in the place of one that failed or was lost.

    Asked twice, it returns the job of the first time: a second click starts nothing.

    Args:
        job_uuid: the job that ended badly.
        by: who asked for it.

    Raises:
        NotOver: the job is under way, or has completed.
        ScrapeJob.DoesNotExist.
    """
    with transaction.atomic():
        old = ScrapeJob.objects.select_for_update().get(uuid=job_uuid)
        if old.replaced_by:
            return old.replaced_by
        if old.status not in (Status.FAILED, Status.LOST):
            raise NotOver(f"The job is {old.status}: only one that failed or was lost is run again.")
        new = trigger(brands=old.brands, search=old.search, by=by)
        ScrapeJob.objects.filter(pk=old.pk).update(replaced_by=new)
    return new


def started(job_uuid: str, scraper_job_id: uuid.UUID, *, ended: bool = False) -> None:
    """Keep ScraperV2's id of our job.

    ScraperV2 may have delivered before its answer to our call was read: then
    the delivery made a row of its own, which is folded into ours.

    Args:
        job_uuid: our id.
        scraper_job_id: ScraperV2's.
        ended: it is over there already, so ask for its result soon rather than wait for a call.
    """
    try:
        _keep_id(job_uuid, scraper_job_id, ended=ended)
    except IntegrityError:  # it was delivered between our look for that and our write: now it is seen
        _keep_id(job_uuid, scraper_job_id, ended=ended)


@transaction.atomic
def _keep_id(job_uuid: str, scraper_job_id: uuid.UUID, *, ended: bool) -> None:
    job = ScrapeJob.objects.select_for_update().get(uuid=job_uuid)
    unasked = ScrapeJob.objects.select_for_update().filter(triggered_by=UNASKED)
    early = unasked.filter(scraper_job_id=scraper_job_id).first()
    if early:
        _fold(early, into=job)
    patience = timedelta(minutes=0 if ended else settings.SCRAPE_DEADLINE_MINUTES)
    job.scraper_job_id = scraper_job_id
    job.status = Status.COMPLETED if early else Status.RUNNING
    job.error = ""
    job.started_at = clock.now()
    job.deadline_at = None if early else job.started_at + patience
    job.save()


def _fold(early: ScrapeJob, *, into: ScrapeJob) -> None:
    ScrapeJob.objects.filter(pk=early.pk).update(scraper_job_id=None)
    InvalidMatch.objects.filter(job=early).update(job=into)
    ProductListing.objects.filter(session_id=early.pk).update(session_id=into.pk)
    for name in (
        "completed_at",
        "deliveries",
        "matches",
        "created_listings",
        "resighted",
        "invalid",
        "warning",
    ):
        setattr(into, name, getattr(early, name))
    early.delete()


# ---- end ----------------------------------------------------------------------------------------


def failed(job_uuid: uuid.UUID | str, error: str) -> bool:
    """Note that the job failed, and tell staff; return False where it was over already."""
    return _end(job_uuid, Status.FAILED, error)


def lost(job_uuid: uuid.UUID | str, error: str) -> bool:
    """Note that nobody knows what became of the job, and tell staff; return False where it was over already."""
    return _end(job_uuid, Status.LOST, error)


@transaction.atomic
def _end(job_uuid: uuid.UUID | str, status: str, error: str) -> bool:
    # One statement decides: a delivery that came first has completed the job, one that comes later completes it still.
    open_job = ScrapeJob.objects.filter(uuid=job_uuid, status__in=OPEN)
    if not open_job.update(status=status, error=error, deadline_at=None):
        return False
    job = ScrapeJob.objects.get(uuid=job_uuid)
    outbox.put(telegram.job_rows(f"Scrape job {job.pk} ({job.brand_names}) {status}: {error}"))
    return True


@transaction.atomic(savepoint=False)
def complete(
    scraper_job_id: uuid.UUID,
    *,
    brands: list[str],
    matches: list[Any] | LazyArray,
    inbox_id: int | None = None,
) -> Outcome:
    """Take in what a job found, once per job and body.

    The job's row is the lock: of twenty deliveries of one body at once, the
    first creates and the others find its digest.

    Args:
        scraper_job_id: ScraperV2's id.
        brands: what was searched for; empty where the delivery does not say.
        matches: as parsed from JSON, not yet checked. The list is emptied: five thousand of them would lie in
            memory twice.
        inbox_id: the inbox row that holds the body.

    Returns:
        What it did; for a repeat, nothing created.
    """
    job, at = _locked(scraper_job_id, brands)
    offers, unusable, digest = _sort(brands, matches)
    errors = [{"index": each["index"], "detail": each["detail"]} for each in unusable]
    if digest in job.deliveries:
        return Outcome(0, len(offers), errors, len(errors))
    if job.deliveries:
        job.warning = "Delivered again with another body: both were taken in."
    job.brands = job.brands or brands or sorted({offer.brand for offer in offers})
    job.matches += len(offers) + len(errors)
    result = ingest(_drained(offers), scraper_job_id=scraper_job_id, session_id=job.pk, at=at)
    # Kept for staff to mend.
    bulk.insert(InvalidMatch, [{"job_id": job.pk, "inbox_id": inbox_id, **row} for row in unusable])
    job.deliveries = [*job.deliveries, digest]
    job.created_listings += result.created
    job.resighted += result.resighted
    job.invalid += len(errors)
    job.status, job.error, job.unanswered = Status.COMPLETED.value, "", 0
    job.deadline_at = None
    became = {name: getattr(job, name) for name in _DELIVERED}
    bulk.change(ScrapeJob, {"id": job.pk}, became, now=("completed_at",))
    return Outcome(result.created, result.resighted, errors, len(errors))


def _drained(offers: list[Offer]) -> Iterator[Offer]:
    """Give the offers, and keep none."""
    offers.reverse()
    while offers:
        yield offers.pop()


def _locked(scraper_job_id: uuid.UUID, brands: list[str]) -> tuple[ScrapeJob, datetime]:
    """Return the job of that id, made if there is none, and nobody else's until the transaction ends; and the time."""
    new = {"scraper_job_id": scraper_job_id, "brands": brands, "status": Status.RUNNING.value}
    new |= {"uuid": uuid7(), "triggered_by": UNASKED}
    if made := bulk.insert_one_new(ScrapeJob, new):
        key, at = made
        job = ScrapeJob(pk=key, **new)
        job._state.adding = False
        return job, at
    return ScrapeJob.objects.select_for_update().get(scraper_job_id=scraper_job_id), clock.now()


def _sort(brands: list[str], matches: list[Any] | LazyArray) -> tuple[list[Offer], list[dict[str, Any]], str]:
    """Return the offers; of each match that is none its index, what is wrong, and what it was; the digest of all."""
    offers: list[Offer] = []
    unusable: list[dict[str, Any]] = []
    digest = Digest(brands)
    for index, match in enumerate(matches):
        try:
            offer = to_offer(match)
        except Invalid as error:
            unusable.append({"index": index, "detail": str(error), "raw": as_text(match)})
            digest.add(match)
        else:
            offers.append(offer)
            digest.add(match, offer.raw)
    # At once, in the end: one by one they would leave holes between the offers, which no memory is given back of.
    matches.clear()
    return offers, unusable, digest.hexdigest()
