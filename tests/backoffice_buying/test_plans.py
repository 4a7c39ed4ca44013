"""Search plans and their runs, jobs that are run again, and the alarm when nothing comes in."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from scraping import jobs
from scraping.models import ScrapeJob, SearchPlan, SearchRun
from tests.backoffice.pages import said
from tests.backoffice_buying.conftest import JOBS, PLANS, RUNS, nothing_written

pytestmark = pytest.mark.django_db

GOOD = {
    "name": "Evenings",
    "brands": "Sony, Canon ,Sony,",
    "search": "mirrorless",
    "times": "21:00, 18:30",
    "time_zone": "Europe/London",
    "active": "on",
}


def test_a_plan_is_written_as_people_write(operator: Client) -> None:
    assert operator.post(f"{PLANS}add/", GOOD)["Location"] == PLANS
    plan = SearchPlan.objects.get()
    assert (plan.brands, plan.times, plan.created_by) == (["Sony", "Canon"], ["18:30", "21:00"], "user:ann")
    html = operator.get(f"{PLANS}{plan.pk}/change/").content.decode()
    assert 'value="Sony, Canon"' in html
    assert 'value="18:30, 21:00"' in html
    operator.post(f"{PLANS}{plan.pk}/change/", {**GOOD, "times": "09:00", "active": ""})
    plan.refresh_from_db()
    assert (plan.times, plan.active, plan.created_by) == (["09:00"], False, "user:ann")


def test_a_new_plan_proposes_the_usual_times(operator: Client) -> None:
    assert 'value="09:00, 14:00, 21:00"' in operator.get(f"{PLANS}add/").content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("brands", ""),
        ("brands", " , "),
        ("brands", "x" * 101),
        ("brands", ",".join(f"b{number}" for number in range(51))),
        ("brands", "a\0b"),
        ("search", ""),
        ("search", "x" * 201),
        ("times", ""),
        ("times", "9:00"),
        ("times", "24:00"),
        ("times", "morning"),
        ("time_zone", "London"),
        ("time_zone", "../etc/passwd"),
    ],
)
def test_a_plan_that_cannot_be(operator: Client, field: str, value: str) -> None:
    with nothing_written():
        response = operator.post(f"{PLANS}add/", {**GOOD, field: value})
    assert list(response.context["adminform"].form.errors) == [field]


def test_a_plan_goes_with_its_runs(operator: Client, plan: SearchPlan) -> None:
    SearchRun.objects.create(plan=plan, slot_at=timezone.now())
    response = operator.post(f"{PLANS}{plan.pk}/delete/", {"post": "yes"})
    assert response.status_code == 302
    assert not SearchPlan.objects.exists()
    assert not SearchRun.objects.exists()


def test_lists_show_what_became_of_the_runs(viewer: Client, plan: SearchPlan) -> None:
    job = jobs.trigger(brands=["Sony"], search="x", by="rule:Daily")
    now = timezone.now()
    SearchRun.objects.create(plan=plan, slot_at=now, status="started", settled_at=now, job=job)
    SearchRun.objects.create(plan=plan, slot_at=now - timedelta(hours=5), status="missed", detail="<b>late")
    SearchPlan.objects.update(last_run_at=now, last_result="Started: Job 1.")
    html = viewer.get(PLANS).content.decode()
    for part in ("Daily", "09:00, 14:00, 21:00 Europe/London", "Started: Job 1."):
        assert part in html
    for url in (RUNS, f"{PLANS}{plan.pk}/change/"):
        html = viewer.get(url).content.decode()
        assert "&lt;b&gt;late" in html
        assert f"{JOBS}{job.pk}/change/" in html
    assert len(viewer.get(RUNS, {"status": "missed"}).context["cl"].result_list) == 1


def test_an_empty_list_says_what_to_do(viewer: Client) -> None:
    assert "No search plan yet. Make one to find cameras." in viewer.get(PLANS).content.decode()
    assert "No run yet." in viewer.get(RUNS).content.decode()


# ---- run now ------------------------------------------------------------------------------------


def test_a_plan_is_run_now_once(operator: Client, plan: SearchPlan) -> None:
    response = operator.post(f"{PLANS}{plan.pk}/run/")
    job = ScrapeJob.objects.get()
    assert (job.brands, job.search, job.triggered_by) == (["Sony", "Canon"], "mirrorless", "user:ann")
    assert f"Job {job.pk}" in said(response)[-1]
    with nothing_written():
        words = said(operator.post(f"{PLANS}{plan.pk}/run/"))[-1]
    assert words == f"Nothing was started: job {job.pk} looks for the same and is still under way."
    ScrapeJob.objects.update(status="completed", completed_at=timezone.now(), deadline_at=None)
    operator.post(f"{PLANS}{plan.pk}/run/")
    assert ScrapeJob.objects.count() == 2


def test_a_plan_that_is_gone_is_not_run(operator: Client) -> None:
    with nothing_written():
        assert said(operator.post(f"{PLANS}12345/run/")) == ["Nothing was started: this plan is gone."]


# ---- run again ----------------------------------------------------------------------------------


@pytest.fixture
def lost(db: None) -> ScrapeJob:
    """A job that nobody knows anything of."""
    job = jobs.trigger(brands=["Sony"], search="x", by="user:ben")
    jobs.lost(job.uuid, "ScraperV2 does not know it.")
    return ScrapeJob.objects.get(pk=job.pk)


def test_a_lost_job_is_run_again_once(operator: Client, lost: ScrapeJob) -> None:
    assert "Run again" in operator.get(f"{JOBS}{lost.pk}/change/").content.decode()
    response = operator.post(f"{JOBS}{lost.pk}/again/")
    new = ScrapeJob.objects.latest("pk")
    assert (new.search, new.triggered_by) == ("x", "user:ann")
    assert response["Location"] == f"{JOBS}{new.pk}/change/"
    with nothing_written():
        assert operator.post(f"{JOBS}{lost.pk}/again/")["Location"] == f"{JOBS}{new.pk}/change/"
    html = operator.get(f"{JOBS}{lost.pk}/change/").content.decode()
    assert "was started in its place" in html
    assert "Run again" not in html
    assert "in the place of" in operator.get(f"{JOBS}{new.pk}/change/").content.decode()


def test_a_job_that_was_run_again_needs_nobody(operator: Client, lost: ScrapeJob) -> None:
    def needs() -> list[int]:
        groups = operator.get("/staff/").context["groups"]
        return [group.count for group in groups if group.words == "Jobs failed or lost"]

    def listed() -> int:
        return len(operator.get(JOBS, {"status": "trouble"}).context["cl"].result_list)

    assert (needs(), listed()) == ([1], 1)
    operator.post(f"{JOBS}{lost.pk}/again/")
    assert (needs(), listed()) == ([], 0)


def test_a_job_that_is_under_way_is_not_run_again(operator: Client) -> None:
    job = jobs.trigger(brands=["Sony"], search="x", by="user:ben")
    assert "Run again" not in operator.get(f"{JOBS}{job.pk}/change/").content.decode()
    with nothing_written():
        assert said(operator.post(f"{JOBS}{job.pk}/again/"))[-1].startswith("Nothing was started.")
    assert operator.post(f"{JOBS}12345/again/").status_code == 404


# ---- the alarm ----------------------------------------------------------------------------------


def test_silence_is_told_at_home_even_where_no_beat_runs(viewer: Client, plan: SearchPlan) -> None:
    assert "Nothing comes in." not in viewer.get("/staff/").content.decode()
    SearchPlan.objects.update(considered_until=timezone.now() - timedelta(days=2))
    html = viewer.get("/staff/").content.decode()
    assert "Nothing comes in." in html
    assert "No scrape has come in yet, although one was due to start at" in html
    SearchPlan.objects.update(active=False)
    assert "Nothing comes in." not in viewer.get("/staff/").content.decode()


def test_whoever_may_only_look_sees_a_plan_in_words(viewer: Client, plan: SearchPlan) -> None:
    html = viewer.get(f"{PLANS}{plan.pk}/change/").content.decode()
    assert "Sony, Canon" in html
    assert "09:00, 14:00, 21:00" in html
    assert " style=" not in html
