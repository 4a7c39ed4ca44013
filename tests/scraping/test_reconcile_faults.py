"""ScraperV2 does not say, or says it while its call comes in, or is asked twice at once."""

import json
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from integrations import clock, scraperv2
from integrations.models import InboxMessage
from integrations.simulators import Simulators
from integrations.simulators.scraperv2 import SESSION_LOST
from listings.models import Sighting
from scraping import jobs, reconcile
from scraping.models import ScrapeJob
from tests.races import PATIENCE, at_once, failures
from tests.scraping.asking import again, begin, overdue, posted
from tests.scraping.conftest import switch
from tests.simulators.recorder import Recorder

pytestmark = pytest.mark.django_db(transaction=True)

Status = ScrapeJob.Status
NOWHERE = "http://127.0.0.1:9"


# ---- ScraperV2 does not say ---------------------------------------------------------------------


def test_a_scraper_that_cannot_be_reached_is_asked_again_and_staff_are_told_once(
    sims: Simulators, settings: Any, told: Callable[[], list[str]]
) -> None:
    job, there = begin(sims, "unheard"), settings.SCRAPER_API_URL
    settings.SCRAPER_API_URL = NOWHERE
    for asked in range(1, 9):
        assert reconcile.reconcile() == {"unanswered": 1}
        assert reconcile.reconcile() == {}  # not before two minutes have passed
        job = again(job)
        assert (job.status, job.unanswered, len(told())) == (Status.RUNNING, asked, int(asked >= 5))
        assert "refused" in job.error
        overdue(job)
    settings.SCRAPER_API_URL = there
    assert reconcile.reconcile() == {"completed": 1}
    job = again(job)
    assert (job.status, job.unanswered, job.error) == (Status.COMPLETED, 0, "")


def test_after_a_day_without_an_answer_the_job_is_lost(
    sims: Simulators, settings: Any, told: Callable[[], list[str]]
) -> None:
    job = begin(sims, "unheard", started_at=clock.now() - timedelta(hours=25))
    settings.SCRAPER_API_URL = NOWHERE
    assert reconcile.reconcile() == {"lost": 1}
    assert (again(job).status, len(told())) == (Status.LOST, 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503},
        {"retry_after": 30},
        {"status": 401},
        {"garbage": True},
        {"drop_answer": True},
        {"redirect": True},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_an_answer_that_says_nothing_ends_no_job(sims: Simulators, fault: dict[str, Any]) -> None:
    job = begin(sims, "unheard")
    switch(sims, on="GET", times=1, **fault)
    assert reconcile.reconcile() == {"unanswered": 1}
    assert again(overdue(job)).status == Status.RUNNING
    assert reconcile.reconcile() == {"completed": 1}


def test_a_silent_scraper_costs_one_call_a_minute_and_not_one_for_each_job(sims: Simulators) -> None:
    for _ in range(3):
        begin(sims, "unheard")
    switch(sims, status=503, on="GET")
    assert reconcile.reconcile() == {"unanswered": 1}
    assert sims.scraperv2.counts["GET /scrape/{id}"] == 1
    switch(sims)
    assert reconcile.reconcile() == {"completed": 2}


def test_a_job_that_cannot_be_taken_in_does_not_stop_the_others_for_long(
    sims: Simulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = begin(sims, "unheard"), begin(sims, "unheard")
    real = jobs.complete

    def complete(job_id: uuid.UUID, **rest: Any) -> Any:
        if job_id == bad.scraper_job_id:
            raise RuntimeError("out of luck")
        return real(job_id, **rest)

    monkeypatch.setattr(jobs, "complete", complete)
    assert reconcile.reconcile() == {"unanswered": 1}
    assert reconcile.reconcile() == {"completed": 1}
    assert (again(good).status, again(bad).status) == (Status.COMPLETED, Status.RUNNING)
    assert "RuntimeError" in again(bad).error
    assert InboxMessage.objects.count() == 1  # what failed left nothing behind


# ---- races --------------------------------------------------------------------------------------


@pytest.mark.parametrize("says", ["unheard", "failed", "lost"])
def test_a_call_that_comes_while_we_ask_wins(
    sims: Simulators,
    recorder: Recorder,
    post_job: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    told: Callable[[], list[str]],
    says: str,
) -> None:
    job = begin(sims, "unheard")
    body = posted(sims, recorder, job)
    remote = sims.scraperv2.jobs[str(job.scraper_job_id)]
    if says == "failed":
        remote.status, remote.error = "failed", SESSION_LOST
    if says == "lost":
        sims.scraperv2.jobs.clear()
    ask = scraperv2.job

    def ask_slowly(job_id: uuid.UUID) -> Any:
        try:
            return ask(job_id)
        finally:
            assert post_job(body).status_code == 202

    monkeypatch.setattr(scraperv2, "job", ask_slowly)
    assert reconcile.reconcile() == {"completed": 1}
    job = again(job)
    assert (job.status, job.error, job.warning, told()) == (Status.COMPLETED, "", "", [])
    assert Sighting.objects.count() == job.matches == len(json.loads(body)["matches"])


def _two_beats() -> list[Any]:
    results = at_once(2, lambda number: reconcile.reconcile())
    assert not failures(results)
    return results


def test_two_beats_at_once_ask_and_tell_once(sims: Simulators, told: Callable[[], list[str]]) -> None:
    job = begin(sims, "failed")
    switch(sims, slow=0.3, on="GET")
    results = _two_beats()
    assert sorted(result.total() for result in results) == [0, 1]
    assert sims.scraperv2.counts["GET /scrape/{id}"] == 1
    assert (again(job).status, len(told())) == (Status.FAILED, 1)


def test_without_the_claim_both_would_ask_and_still_one_tells(
    sims: Simulators, told: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(sims, "failed")
    together = threading.Barrier(2)

    def unclaimed(pk: int) -> ScrapeJob:
        together.wait(PATIENCE)  # both have found it due
        return ScrapeJob.objects.get(pk=pk)

    monkeypatch.setattr(reconcile, "_claim", unclaimed)
    _two_beats()
    assert sims.scraperv2.counts["GET /scrape/{id}"] == 2
    assert len(told()) == 1
