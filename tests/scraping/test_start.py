"""One scrape job is one job at ScraperV2, also when the answer to the call that started it was lost."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from integrations import clock, relay, scraperv2
from integrations.models import Channel, OutboxMessage
from integrations.simulators import Simulators
from integrations.simulators.scraperv2 import Job
from listings.models import ProductListing
from scraping import jobs, reconcile
from scraping.models import ScrapeJob
from tests.factories import a_job, a_match
from tests.scraping.asking import again
from tests.scraping.conftest import over, switch
from tests.simulators.recorder import Recorder

pytestmark = pytest.mark.django_db(transaction=True)

Status = ScrapeJob.Status


def trigger(brands: tuple[str, ...] = ("Sony",)) -> ScrapeJob:
    return jobs.trigger(brands=list(brands), search="cameras", by="user:ann")


def deliver() -> int:
    """Let the relay try everything that waits, as if its pause were over."""
    OutboxMessage.objects.filter(channel="scraperv2").update(
        next_attempt_at=clock.now() - timedelta(seconds=1)
    )
    return relay.serve("scraperv2")


def elsewhere(sims: Simulators, brands: list[str], status: str = "running") -> str:
    """Put a job into ScraperV2 that we did not start."""
    theirs = Job(str(uuid.uuid4()), brands, "by hand", status=status)
    sims.scraperv2.jobs[theirs.job_id] = theirs
    return theirs.job_id


def remote_id(job: ScrapeJob) -> str:
    return str(again(job).scraper_job_id)


@pytest.mark.parametrize("lost", ["drop_answer", "garbage", "empty"])
def test_a_job_whose_answer_was_lost_is_adopted(sims: Simulators, lost: str) -> None:
    switch(sims, **{lost: True}, outcome="unheard", on="POST", times=1)
    job = trigger()
    assert deliver() == 0
    assert again(job).status == Status.PENDING
    (theirs,) = sims.scraperv2.jobs
    over(sims, theirs)
    assert deliver() == 1
    assert list(sims.scraperv2.jobs) == [theirs]
    assert (remote_id(job), again(job).status) == (theirs, Status.RUNNING)
    # It is over there already, so nobody waits half an hour for a call that may have been lost.
    assert reconcile.reconcile() == {"completed": 1}


def test_a_delivery_before_the_retry_becomes_ours(
    sims: Simulators, recorder: Recorder, post_job: Callable[..., Any]
) -> None:
    switch(sims, drop_answer=True, on="POST", times=1)
    job = trigger()
    assert deliver() == 0
    body = recorder.wait(1)[0].body
    assert post_job(body).status_code == 202
    assert ScrapeJob.objects.count() == 2  # at first it is one that came unasked
    assert deliver() == 1
    (ours,) = ScrapeJob.objects.all()
    assert (ours.uuid, ours.status, ours.triggered_by) == (job.uuid, Status.COMPLETED, "user:ann")
    assert ours.matches == len(json.loads(body)["matches"]) > 0
    assert len(sims.scraperv2.jobs) == 1
    assert set(ProductListing.objects.values_list("session_id", flat=True)) == {ours.pk}
    assert post_job(body).json()["created_listings"] == 0


def test_a_delivery_in_the_middle_of_the_retry_becomes_ours(
    sims: Simulators, recorder: Recorder, post_job: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    switch(sims, drop_answer=True, on="POST", times=1)
    job, listed = trigger(), scraperv2.jobs
    assert deliver() == 0
    body = recorder.wait(1)[0].body

    def delivered_meanwhile() -> list[scraperv2.RemoteJob]:
        remotes = listed()
        assert post_job(body).status_code == 202
        return remotes

    monkeypatch.setattr(scraperv2, "jobs", delivered_meanwhile)
    assert deliver() == 1
    (ours,) = ScrapeJob.objects.all()
    assert (ours.uuid, ours.status, len(sims.scraperv2.jobs)) == (job.uuid, Status.COMPLETED, 1)


def test_a_delivery_before_the_retry_is_enough_when_scraperv2_was_restarted(
    sims: Simulators, recorder: Recorder, post_job: Callable[..., Any]
) -> None:
    switch(sims, drop_answer=True, on="POST", times=1)
    job = trigger()
    deliver()
    post_job(recorder.wait(1)[0].body)
    sims.scraperv2.jobs.clear()
    assert deliver() == 1
    assert (again(job).status, len(sims.scraperv2.jobs)) == (Status.COMPLETED, 0)


def test_without_a_retry_a_late_delivery_stays_a_job_of_its_own(
    sims: Simulators, recorder: Recorder, post_job: Callable[..., Any]
) -> None:
    switch(sims, drop_answer=True, on="POST", times=1)
    job = trigger()
    deliver()
    OutboxMessage.objects.filter(topic=jobs.START).update(given_up_at=clock.now())
    jobs.failed(job.uuid, "given up")
    assert post_job(recorder.wait(1)[0].body).json()["created_listings"] > 0
    assert sorted(ScrapeJob.objects.values_list("status", flat=True)) == [Status.COMPLETED, Status.FAILED]


def test_a_scraper_that_is_only_just_starting_is_waited_for(sims: Simulators, settings: Any) -> None:
    there, settings.SCRAPER_API_URL = settings.SCRAPER_API_URL, "http://127.0.0.1:9"
    job = trigger()
    assert deliver() == 0  # refused: nothing is listening yet
    assert again(job).start_called_at is None
    settings.SCRAPER_API_URL = there
    switch(sims, status=503, times=2)
    assert [deliver(), deliver(), deliver()] == [0, 0, 1]
    assert again(job).status in (Status.RUNNING, Status.COMPLETED)
    assert len(sims.scraperv2.jobs) == 1


def test_a_refused_connection_can_have_started_nothing(sims: Simulators, settings: Any) -> None:
    there, settings.SCRAPER_API_URL = settings.SCRAPER_API_URL, "http://127.0.0.1:9"
    job = trigger()
    deliver()
    settings.SCRAPER_API_URL = there
    theirs = elsewhere(sims, ["Sony"])
    assert deliver() == 1
    assert remote_id(job) != theirs
    assert sims.scraperv2.counts["GET /jobs"] == 0


def test_what_staff_put_back_after_it_was_given_up_is_looked_for_too(sims: Simulators) -> None:
    switch(sims, drop_answer=True, outcome="unheard", on="POST", times=1)
    job = trigger()
    deliver()
    row = OutboxMessage.objects.get(topic=jobs.START)
    OutboxMessage.objects.filter(pk=row.pk).update(given_up_at=clock.now())
    jobs.failed(job.uuid, "given up")
    relay.deliver_again([row.pk])  # its attempts start at nought again
    assert deliver() == 1
    assert again(job).status == Status.RUNNING
    assert len(sims.scraperv2.jobs) == 1


def test_a_job_that_was_run_again_is_not_started_by_its_old_call_as_well(sims: Simulators) -> None:
    switch(sims, status=401, times=1)
    old = trigger()
    deliver()
    new = jobs.run_again(old.uuid, by="user:ann")
    relay.deliver_again(OutboxMessage.objects.values_list("pk", flat=True))
    assert deliver() == 2
    assert [remote_id(new)] == list(sims.scraperv2.jobs)
    assert again(old).status == Status.FAILED


def test_a_crash_after_the_call_starts_no_second_job(sims: Simulators) -> None:
    switch(sims, outcome="unheard", on="POST", times=1)
    job = trigger()
    assert deliver() == 1
    # As after a kill between the answer and its commit: the call's time stands, the attempt was never counted.
    ScrapeJob.objects.filter(pk=job.pk).update(scraper_job_id=None, status=Status.PENDING)
    OutboxMessage.objects.filter(topic=jobs.START).update(delivered_at=None, attempts=0)
    assert deliver() == 1
    assert [remote_id(job)] == list(sims.scraperv2.jobs)


def in_doubt(sims: Simulators) -> ScrapeJob:
    """Trigger a job whose first call was answered 500, and started nothing."""
    switch(sims, status=500, on="POST", times=1)
    job = trigger()
    assert deliver() == 0
    assert again(job).start_called_at is not None
    return job


def test_a_job_for_other_brands_is_not_ours(sims: Simulators) -> None:
    job = in_doubt(sims)
    theirs = {elsewhere(sims, ["Canon"]), elsewhere(sims, ["Sony", "Canon"]), elsewhere(sims, ["sony"])}
    assert deliver() == 1
    assert remote_id(job) not in theirs
    assert len(sims.scraperv2.jobs) == 4


def test_a_job_that_another_of_ours_started_is_not_taken(sims: Simulators) -> None:
    sims.world.time_scale = 0.001
    other = trigger()
    assert deliver() == 1
    job = in_doubt(sims)
    assert deliver() == 1
    assert remote_id(job) != remote_id(other)
    assert len(sims.scraperv2.jobs) == 2


def test_a_job_from_before_our_call_is_not_taken(sims: Simulators, post_job: Callable[..., Any]) -> None:
    theirs, known = elsewhere(sims, ["Sony"]), elsewhere(sims, ["Sony"], "completed")
    assert post_job(a_job(a_match(), job_id=known)).status_code == 202
    job = in_doubt(sims)
    assert deliver() == 1
    # The first one calls nobody, so we never heard of it; but it is listed before one that we know to be older.
    assert remote_id(job) not in (theirs, known)
    assert ScrapeJob.objects.count() == 2


def test_of_several_the_most_recent_is_taken(sims: Simulators) -> None:
    job = in_doubt(sims)
    _, latest = elsewhere(sims, ["Sony"]), elsewhere(sims, ["Sony"])
    assert deliver() == 1
    assert remote_id(job) == latest


def test_two_jobs_with_lost_answers_do_not_share_one(sims: Simulators) -> None:
    switch(sims, drop_answer=True, outcome="unheard", on="POST", times=2)
    first, second = trigger(), trigger()
    assert deliver() == 0
    assert deliver() == 2
    assert sorted([remote_id(first), remote_id(second)]) == sorted(sims.scraperv2.jobs)


def test_jobs_with_lost_answers_that_were_delivered_at_once_find_each_its_own(
    sims: Simulators, recorder: Recorder, post_job: Callable[..., Any]
) -> None:
    switch(sims, drop_answer=True, on="POST", times=2)
    first = trigger()
    relay.serve("scraperv2")
    post_job(recorder.wait(1)[0].body)
    second = trigger()
    relay.serve("scraperv2")
    post_job(recorder.wait(2)[1].body)
    assert deliver() == 2
    assert [remote_id(first), remote_id(second)] == list(sims.scraperv2.jobs)
    assert ScrapeJob.objects.count() == 2


def test_an_unreachable_list_of_jobs_starts_nothing(sims: Simulators) -> None:
    job = in_doubt(sims)
    switch(sims, status=500, on="GET", times=1)
    assert deliver() == 0
    assert (again(job).status, len(sims.scraperv2.jobs)) == (Status.PENDING, 0)
    assert deliver() == 1


def test_a_start_that_was_given_up_is_told_once(sims: Simulators, told: Callable[[], list[str]]) -> None:
    switch(sims, status=503)
    job = trigger()
    for _ in range(20):
        # The breaker is not what is looked at here.
        Channel.objects.update(closed_until=None)
        deliver()
    assert again(job).status == Status.FAILED
    assert OutboxMessage.objects.get(topic=jobs.START).attempts == relay.CALLS_POLICY.attempts
    assert len(told()) == 1
    assert "503" in told()[0]


def test_the_calls_outlast_a_scraper_that_takes_its_time() -> None:
    policy = relay.CALLS_POLICY
    most = sum(min(policy.cap, policy.base * 2**n) for n in range(policy.attempts - 1))
    assert timedelta(seconds=most) / 2 > timedelta(
        minutes=20
    )  # half of it is what full jitter gives on average
