"""The alarm when nothing comes in although the plans promise it: once, until the next delivery."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from scraping import jobs, plans
from scraping.models import Pipeline, ScrapeJob, SearchPlan
from tests.factories import a_job, a_match
from tests.scraping.planning import NOON, a_plan, at, complete, live, runs

pytestmark = pytest.mark.django_db


def test_without_an_active_plan_there_is_no_alarm() -> None:
    a_plan(since=at("2026-06-01 00:00"), active=False)
    assert plans.silence(NOON) is None


def test_switching_the_plans_off_ends_the_alarm() -> None:
    a_plan(since=at("2026-06-10 07:00"))
    plans.run_due(now=at("2026-06-10 08:00"))
    assert plans.watch(now=at("2026-06-10 09:00")) is not None
    SearchPlan.objects.update(active=False)
    assert plans.watch(now=at("2026-06-10 09:01")) is None
    assert Pipeline.objects.get().silent_since is None


def test_the_alarm_is_raised_once_and_taken_back_by_the_next_delivery(
    post_job: Callable[..., Any], told: Callable[[], list[str]]
) -> None:
    a_plan(since=at("2026-06-10 07:00"))
    plans.run_due(now=at("2026-06-10 08:00"))
    # 08:00, a deadline of 30 minutes, a grace of 15.
    assert plans.watch(now=at("2026-06-10 08:44")) is None
    text = plans.watch(now=at("2026-06-10 08:45"))
    assert text == "No scrape has come in yet, although one was due to start at 10 Jun 08:00 UTC."
    for minute in range(46, 59):
        assert plans.watch(now=at(f"2026-06-10 08:{minute}")) == text
    assert len(told()) == 1
    assert text in told()[0]
    assert Pipeline.objects.get().silent_since == at("2026-06-10 08:45")

    post_job(a_job(a_match()))
    ScrapeJob.objects.filter(status="completed").update(completed_at=at("2026-06-10 09:00"))
    assert plans.watch(now=at("2026-06-10 09:01")) is None
    assert (Pipeline.objects.get().silent_since, Pipeline.objects.get().detail) == (None, "")

    # The next silence is told again: nothing at 14:00 in London.
    jobs.failed(ScrapeJob.objects.get(status="pending").uuid, "no")
    plans.run_due(now=at("2026-06-10 13:00"))
    assert plans.watch(now=at("2026-06-10 13:44")) is None
    assert "since 10 Jun 09:00 UTC" in (plans.watch(now=at("2026-06-10 13:45")) or "")
    assert len([text for text in told() if "come in" in text]) == 2


def test_a_day_on_which_all_goes_well_is_silent_about_it(told: Callable[[], list[str]]) -> None:
    a_plan(since=at("2026-10-24 12:00"))
    now = at("2026-10-24 12:00")
    while now < at("2026-10-26 12:00"):
        live(f"{now:%Y-%m-%d %H:%M}", f"{now:%Y-%m-%d %H:%M}")
        assert plans.watch(now=now) is None
        now += timedelta(minutes=15)
    assert told() == []
    assert ScrapeJob.objects.count() == 6


def test_a_beat_that_stands_still_is_seen_by_the_back_office() -> None:
    a_plan(since=at("2026-06-10 07:00"))
    assert plans.silence(at("2026-06-10 08:44")) is None
    assert "10 Jun 08:00" in (plans.silence(at("2026-06-10 08:45")) or "")


def test_a_plan_that_is_switched_on_again_is_not_blamed_for_its_sleep() -> None:
    plan = a_plan(since=at("2026-06-01 07:00"))
    plans.run_due(now=at("2026-06-01 08:00"))
    SearchPlan.objects.update(active=False)
    plans.run_due(now=at("2026-06-10 12:00"))
    SearchPlan.objects.update(active=True)
    assert plans.silence(at("2026-06-10 12:01")) is None
    assert len(runs(plan)) == 1


def test_a_run_that_waits_or_starts_late_is_given_its_time() -> None:
    busy = jobs.trigger(brands=["Nikon"], search="x", by="user:ann")
    a_plan("09:00", since=at("2026-06-10 07:00"))
    plans.run_due(now=at("2026-06-10 08:00"))
    assert plans.silence(at("2026-06-10 08:50")) is None
    complete(busy, at("2026-06-10 07:59"))
    plans.run_due(now=at("2026-06-10 08:50"))
    assert plans.silence(at("2026-06-10 09:34")) is None
    assert plans.silence(at("2026-06-10 09:35")) is not None
