"""Search plans: each run once, one at a time, late or missed after a downtime."""

import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import models

from integrations import clock, relay
from integrations.simulators import Simulators
from scraping import jobs, plans, reconcile, tasks
from scraping.models import ScrapeJob, SearchPlan, SearchRun
from tests.races import PATIENCE, at_once, failures
from tests.scraping.conftest import over, switch
from tests.scraping.planning import NOON, a_plan, at, complete, runs

pytestmark = pytest.mark.django_db

Status = SearchRun.Status


# ---- which runs are started ---------------------------------------------------------------------


def test_a_due_run_triggers_one_job_by_its_rule() -> None:
    plan = a_plan(name="mirrorless", since=at("2026-06-10 07:59"))
    assert [plans.run_due(now=at(f"2026-06-10 08:0{minute}")) for minute in (0, 0, 1, 2)] == [1, 0, 0, 0]
    job, run = ScrapeJob.objects.get(), SearchRun.objects.get()
    assert (job.triggered_by, job.brands, job.search) == ("rule:mirrorless", ["Sony"], "Sony")
    assert (run.job, run.slot_at, run.status) == (job, at("2026-06-10 08:00"), Status.STARTED)
    plan = SearchPlan.objects.get()
    assert (plan.last_run_at, plan.last_result) == (run.slot_at, f"Started: Job {job.pk}.")


def test_a_new_plan_and_a_new_time_do_not_run_for_times_that_are_past() -> None:
    plan = a_plan()
    now = clock.now()
    assert plans.run_due(now=now) == 0
    plan = SearchPlan.objects.get()
    plan.times = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 30)]
    plan.save()
    assert plans.run_due(now=now) == 0
    assert not SearchRun.objects.exists()
    assert plans.run_due(now=now + timedelta(minutes=31)) == 1


def test_a_plan_that_is_switched_off_does_not_run_nor_later_for_what_it_slept_through() -> None:
    plan = a_plan(since=at("2026-06-10 07:00"), active=False)
    assert plans.run_due(now=at("2026-06-10 08:20")) == 0
    plan = SearchPlan.objects.get()
    plan.active = True
    plan.save()
    assert plans.run_due(now=at("2026-06-10 08:21")) == 0
    assert runs(plan) == []


def test_after_a_downtime_a_run_is_late_or_missed() -> None:
    plan = a_plan(since=at("2026-06-09 12:30"))
    assert plans.run_due(now=at("2026-06-10 08:59")) == 1
    assert runs(plan) == [
        ("06-09 13:00", Status.MISSED),
        ("06-09 20:00", Status.MISSED),
        ("06-10 08:00", Status.STARTED),
    ]
    assert "an hour late" in plan.runs.get(slot_at=at("2026-06-09 20:00")).detail


def test_an_hour_late_is_too_late_and_a_month_is_not_written_down() -> None:
    plan = a_plan(since=at("2026-05-01 00:00"))
    assert plans.run_due(now=at("2026-06-10 09:00")) == 0
    assert {status for _, status in runs(plan)} == {Status.MISSED}
    assert len(runs(plan)) == 7 * 3


def test_a_plan_does_not_overlap_itself() -> None:
    plan = a_plan("09:00", "09:20", "09:40", since=at("2026-06-10 07:00"))
    assert plans.run_due(now=at("2026-06-10 08:00")) == 1
    assert plans.run_due(now=at("2026-06-10 08:20")) == 0
    first = ScrapeJob.objects.get()
    assert (
        SearchPlan.objects.get().last_result == f"Skipped: Job {first.pk} of this plan was still under way."
    )
    complete(first)
    assert plans.run_due(now=at("2026-06-10 08:40")) == 1
    assert [status for _, status in runs(plan)] == [Status.STARTED, Status.SKIPPED, Status.STARTED]


def test_runs_of_other_plans_wait_for_their_turn() -> None:
    first = a_plan("09:00", name="a", since=at("2026-06-10 07:00"))
    second = a_plan("09:00", name="b", brands=["Canon"], since=at("2026-06-10 07:00"))
    assert plans.run_due(now=at("2026-06-10 08:00")) == 1
    job = first.runs.get().job
    assert plans.run_due(now=at("2026-06-10 08:30")) == 0
    assert job is not None
    assert (second.runs.get().status, second.runs.get().detail) == (
        Status.WAITING,
        f"ScraperV2 was busy with job {job.pk}.",
    )
    complete(job)
    assert plans.run_due(now=at("2026-06-10 08:31")) == 1
    assert second.runs.get().status == Status.STARTED


def test_a_job_started_by_hand_is_waited_for_but_not_for_ever() -> None:
    by_hand = jobs.trigger(brands=["Nikon"], search="x", by="user:ann")
    plan = a_plan("09:00", since=at("2026-06-10 07:00"))
    assert plans.run_due(now=at("2026-06-10 08:59")) == 0
    assert plans.run_due(now=at("2026-06-10 09:00")) == 0
    run = plan.runs.get()
    assert (run.status, run.job) == (Status.MISSED, None)
    assert f"busy with job {by_hand.pk}" in run.detail


@pytest.mark.parametrize("columns", [{"deadline_at": NOON - timedelta(days=999)}, {"unanswered": 1}])
def test_a_job_of_which_nobody_knows_holds_up_nobody(columns: dict[str, Any]) -> None:
    job = jobs.trigger(brands=["Nikon"], search="x", by="user:ann")
    jobs.started(str(job.uuid), uuid.uuid4())
    ScrapeJob.objects.filter(pk=job.pk).update(**columns)
    a_plan("09:00", since=at("2026-06-10 07:00"))
    assert plans.run_due(now=at("2026-06-10 08:00")) == 1


def test_a_waiting_run_of_a_plan_that_is_switched_off_is_skipped() -> None:
    job = jobs.trigger(brands=["Nikon"], search="x", by="user:ann")
    plan = a_plan("09:00", since=at("2026-06-10 07:00"))
    plans.run_due(now=at("2026-06-10 08:00"))
    SearchPlan.objects.update(active=False)
    complete(job)
    assert plans.run_due(now=at("2026-06-10 08:01")) == 0
    assert runs(plan) == [("06-10 08:00", Status.SKIPPED)]


def test_a_plan_that_was_broken_behind_our_back_does_not_stop_the_others() -> None:
    broken = a_plan("09:00", since=at("2026-06-10 07:00"))
    SearchPlan.objects.filter(pk=broken.pk).update(time_zone="Mars/Olympus_Mons")
    a_plan("09:00", since=at("2026-06-10 07:00"))
    assert plans.run_due(now=at("2026-06-10 08:00")) == 1


# ---- two beats ----------------------------------------------------------------------------------


def _two_beats(monkeypatch: pytest.MonkeyPatch, *, patience: float = 0.5) -> None:
    """Run two at once, each held where it has read the plans until the other is there too, or does not come."""
    barrier, real, here = threading.Barrier(2), plans._under_way, threading.local()

    def together(now: datetime) -> list[ScrapeJob]:
        found = real(now)
        if not getattr(here, "met", False):
            here.met = True
            with suppress(threading.BrokenBarrierError):
                barrier.wait(patience)
        return found

    monkeypatch.setattr(plans, "_under_way", together)
    assert not failures(at_once(2, lambda number: plans.run_due()))


def _due_now() -> None:
    soon = clock.now() - timedelta(minutes=1)
    a_plan(f"{soon:%H:%M}", time_zone="UTC", since=soon - timedelta(minutes=2))


def _waiting_now() -> None:
    """Leave a run waiting that was claimed before, so that the claim's own row lock decides nothing."""
    now = clock.now()
    plan = a_plan(time_zone="UTC", since=now + timedelta(minutes=30))
    SearchRun.objects.create(plan=plan, slot_at=now - timedelta(minutes=3))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("prepare", [_due_now, _waiting_now])
def test_two_beats_at_once_start_one_job(
    monkeypatch: pytest.MonkeyPatch, prepare: Callable[[], None]
) -> None:
    prepare()
    _two_beats(monkeypatch)
    assert (ScrapeJob.objects.count(), SearchRun.objects.count()) == (1, 1)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_beats_start_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.QuerySet, "select_for_update", lambda self, **options: self)
    _waiting_now()
    _two_beats(monkeypatch, patience=PATIENCE)
    assert (ScrapeJob.objects.count(), SearchRun.objects.count()) == (2, 1)


# ---- the whole way ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_due_plan_is_scraped_and_taken_in_though_its_call_never_comes(sims: Simulators) -> None:
    _due_now()
    switch(sims, outcome="unheard", on="POST")
    assert tasks.run_due_plans() == 1
    assert relay.serve("scraperv2") == 1
    job = ScrapeJob.objects.get()
    over(sims, str(job.scraper_job_id))
    ScrapeJob.objects.update(deadline_at=clock.now())
    assert reconcile.reconcile() == {"completed": 1}
    assert ScrapeJob.objects.get().created_listings > 0
    assert tasks.watch_pipeline() is None
