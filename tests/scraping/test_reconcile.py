"""Scrapes never get lost: jobs past their deadline are asked for, at the simulated ScraperV2 over HTTP."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from integrations import clock, relay, webhooks
from integrations.models import InboxMessage, OutboxMessage
from integrations.simulators import Simulators
from integrations.simulators.scraperv2 import SESSION_LOST, Job
from listings import ingest
from scraping import jobs, reconcile, tasks
from scraping.models import ScrapeJob
from tests.conftest import SAMPLE, not_run
from tests.scraping.asking import again, begin, counts, overdue, posted
from tests.scraping.conftest import switch
from tests.simulators.recorder import Recorder

pytestmark = pytest.mark.django_db(transaction=True)

Status = ScrapeJob.Status
RECORDINGS = SAMPLE.parent / "recordings"


# ---- what ScraperV2 may say ---------------------------------------------------------------------


def test_a_result_whose_call_never_came_is_taken_in_and_a_late_call_adds_nothing(
    sims: Simulators, recorder: Recorder, post_job: Callable[..., Any], told: Callable[[], list[str]]
) -> None:
    job = begin(sims, "unheard")
    assert reconcile.reconcile() == {"completed": 1}
    job, before = again(job), counts()
    assert (job.status, job.warning, job.deadline_at) == (Status.COMPLETED, reconcile.NOT_CALLED, None)
    assert job.created_listings == job.matches == before[0] > 0
    assert told() == []

    late = post_job(posted(sims, recorder, job))
    assert (late.status_code, late.json()["created_listings"]) == (202, 0)
    assert late.json()["skipped"] == job.matches
    assert counts() == before
    assert again(job).warning == reconcile.NOT_CALLED
    assert reconcile.reconcile() == {}


def test_where_another_was_quicker_a_result_is_taken_in_anew_and_whole(
    sims: Simulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, drawn = ingest.new_short_code, iter(["AAAAAA", "AAAAAA"])
    monkeypatch.setattr(ingest, "MANY", 1)
    monkeypatch.setattr(ingest, "new_short_code", lambda: next(drawn, "") or draw())
    job = begin(sims, "unheard")
    assert reconcile.reconcile() == {"completed": 1}
    assert next(drawn, None) is None
    job = again(job)
    assert (job.status, job.unanswered) == (Status.COMPLETED, 0)
    assert job.created_listings == job.matches == counts()[0] > 1
    assert InboxMessage.objects.count() == 1


def test_what_was_asked_for_is_kept_and_can_be_replayed(sims: Simulators) -> None:
    job = begin(sims, "unheard")
    reconcile.reconcile()
    kept, before = InboxMessage.objects.get(), counts()
    assert (kept.status, kept.subject) == (InboxMessage.Status.PROCESSED, job.uuid)
    assert json.loads(kept.raw)["job_id"] == str(job.scraper_job_id)
    answer = webhooks.reprocess(kept.pk)
    assert (answer.status, answer.body["created_listings"]) == (202, 0)
    assert counts() == before


def test_the_recorded_document_and_the_recorded_call_are_one_delivery(
    sims: Simulators, post_job: Callable[..., Any]
) -> None:
    if not RECORDINGS.exists():
        not_run("the recordings are not beside the repository")
    sent = json.loads((RECORDINGS / "webhook_first.json").read_text())["body_exact"]
    entries = json.loads((RECORDINGS / "scraper_api.json").read_text())
    document = next(e for e in entries if e["label"] == "status completed")["response"]["body"]
    theirs = Job(document["job_id"], document["brands"], "", status="completed", result=document["result"])
    sims.scraperv2.jobs[theirs.job_id] = theirs
    job = jobs.trigger(brands=["Sony"], search="Sony", by="user:ann")
    jobs.started(str(job.uuid), uuid.UUID(theirs.job_id), ended=True)

    assert reconcile.reconcile() == {"completed": 1}
    before = counts()
    assert before[0] == len(document["result"]["matches"])
    assert post_job(sent.encode()).json()["created_listings"] == 0
    assert counts() == before
    assert len(again(job).deliveries) == 1


@pytest.mark.parametrize(
    ("outcome", "status", "says"),
    [("failed", Status.FAILED, SESSION_LOST), ("lost", Status.LOST, "does not know")],
)
def test_a_job_that_failed_or_is_lost_is_told_once(
    sims: Simulators, told: Callable[[], list[str]], outcome: str, status: str, says: str
) -> None:
    job = begin(sims, outcome)
    assert reconcile.reconcile() == {outcome: 1}
    assert reconcile.reconcile() == {}
    job = again(job)
    assert (job.status, job.deadline_at) == (status, None)
    assert says in job.error
    assert len(told()) == 1
    assert says in told()[0]


def test_a_call_that_comes_after_the_job_was_given_up_is_welcome(
    sims: Simulators, recorder: Recorder, post_job: Callable[..., Any]
) -> None:
    job = begin(sims, "unheard")
    body = posted(sims, recorder, job)
    sims.scraperv2.jobs.clear()
    assert reconcile.reconcile() == {"lost": 1}
    assert post_job(body).json()["created_listings"] > 0
    job = again(job)
    assert (job.status, job.error) == (Status.COMPLETED, "")


def test_a_job_that_still_runs_is_given_time_but_not_for_ever(
    sims: Simulators, told: Callable[[], list[str]]
) -> None:
    sims.world.time_scale = 0.001
    job = overdue(_started())
    assert reconcile.reconcile() == {"running": 1}
    ahead = again(job).deadline_at - clock.now()  # type: ignore[operator]
    assert timedelta(minutes=29) < ahead <= timedelta(minutes=30)
    overdue(job, started_at=clock.now() - timedelta(minutes=121))
    assert reconcile.reconcile() == {"lost": 1}
    assert again(job).status == Status.LOST
    assert "after 2 hours" in told()[0]


def _started() -> ScrapeJob:
    job = jobs.trigger(brands=["Sony"], search="Sony", by="user:ann")
    assert relay.serve("scraperv2") == 1
    return again(job)


# ---- jobs that were never started, and jobs that are run again ----------------------------------


def test_a_job_whose_start_still_waits_is_left_alone(told: Callable[[], list[str]]) -> None:
    job = overdue(jobs.trigger(brands=["Sony"], search="Sony", by="user:ann"))
    assert reconcile.reconcile() == {"starting": 1}
    assert again(job).status == Status.PENDING
    assert reconcile.reconcile() == {}


def test_a_job_that_nothing_will_start_is_failed(told: Callable[[], list[str]]) -> None:
    job = overdue(jobs.trigger(brands=["Sony"], search="Sony", by="user:ann"))
    OutboxMessage.objects.filter(topic=jobs.START).update(given_up_at=clock.now())
    assert reconcile.reconcile() == {"failed": 1}
    assert "never started" in again(job).error
    assert len(told()) == 1


def test_a_start_that_is_refused_fails_the_job_and_is_told(
    sims: Simulators, told: Callable[[], list[str]]
) -> None:
    switch(sims, status=401, on="POST")
    job = jobs.trigger(brands=["Sony"], search="Sony", by="user:ann")
    relay.serve("scraperv2")
    assert again(job).status == Status.FAILED
    assert "401" in again(job).error
    assert len(told()) == 1
    assert again(job).start_called_at is None


def test_staff_run_a_failed_job_again_once(sims: Simulators) -> None:
    job = begin(sims, "failed")
    with pytest.raises(jobs.NotOver):
        jobs.run_again(job.uuid, by="user:ann")
    reconcile.reconcile()
    new = jobs.run_again(job.uuid, by="user:ann")
    assert (new.brands, new.search, new.triggered_by) == (["Sony"], "Sony", "user:ann")
    assert jobs.run_again(job.uuid, by="user:bob") == new
    assert relay.serve("scraperv2") == 1
    assert again(new).status == Status.RUNNING
    assert (again(job).status, again(job).replaced_by) == (Status.FAILED, new)


def test_the_command_and_the_task_do_the_same(sims: Simulators, capsys: pytest.CaptureFixture[str]) -> None:
    begin(sims, "unheard")
    call_command("reconcile_scrapes")
    call_command("reconcile_scrapes")
    assert capsys.readouterr().out == "1 completed\nnone overdue\n"
    begin(sims, "unheard")
    assert tasks.reconcile_scrapes() == 1
