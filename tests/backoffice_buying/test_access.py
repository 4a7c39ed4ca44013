"""Who may look and who may act: each page, and each button, against each kind of staff."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import InboxMessage, TelegramSettings
from listings import outreach
from listings.models import OutreachRule, OutreachSettings
from scraping import jobs
from scraping.models import ScrapeJob, SearchPlan, SearchRun
from tests.backoffice.pages import queries
from tests.backoffice_buying.conftest import (
    INBOX,
    JOBS,
    LIMITS,
    LISTINGS,
    PLANS,
    QUEUE,
    RULES,
    RUNS,
    TELEGRAM,
    nothing_written,
)
from tests.factories import make_listing

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(
    limits: OutreachSettings, rule: OutreachRule, plan: SearchPlan, conflict: InboxMessage
) -> dict[str, Any]:
    """One row for each page."""
    TelegramSettings.load()
    job = jobs.trigger(brands=["Sony"], search="x", by="user:ann")
    ScrapeJob.objects.filter(pk=job.pk).update(status="failed")
    waiting, found = make_listing(), make_listing()
    outreach.approve(waiting.pk, by="user:ann")
    run = SearchRun.objects.create(plan=plan, slot_at=job_time())
    return {
        "rule": rule.pk,
        "plan": plan.pk,
        "conflict": conflict.pk,
        "job": job.pk,
        "waiting": waiting.pk,
        "found": found.pk,
        "run": run.pk,
    }


def job_time() -> Any:
    """Return a moment."""
    from django.utils import timezone

    return timezone.now()


PAGES = (
    "/staff/",
    QUEUE,
    RULES,
    f"{RULES}{{rule}}/change/",
    f"{RULES}{{rule}}/try/",
    f"{LIMITS}1/change/",
    PLANS,
    f"{PLANS}{{plan}}/change/",
    RUNS,
    f"{RUNS}{{run}}/change/",
    f"{TELEGRAM}1/change/",
    f"{INBOX}{{conflict}}/change/",
    f"{INBOX}?status=stale",
    f"{JOBS}{{job}}/change/",
    f"{LISTINGS}{{waiting}}/change/",
    f"{LISTINGS}{{found}}/change/",
)
ACTS: tuple[tuple[str, dict[str, Any]], ...] = (
    (f"{QUEUE}stop/", {"reason": "x"}),
    (f"{QUEUE}resume/", {}),
    (f"{QUEUE}{{found}}/approve/", {}),
    (f"{QUEUE}{{waiting}}/withdraw/", {}),
    (f"{RULES}add/", {"name": "x", "min_confidence": "90", "min_net_estimate": "1", "active": "on"}),
    (f"{RULES}{{rule}}/change/", {"name": "x", "min_confidence": "1", "min_net_estimate": "1"}),
    (f"{RULES}{{rule}}/delete/", {"post": "yes"}),
    (f"{RULES}{{rule}}/switch/?to=on", {}),
    (f"{LIMITS}1/change/", {"hourly_rate": "99", "daily_cap": "99", "budget": "1"}),
    (f"{PLANS}add/", {"name": "x", "brands": "x", "search": "x", "times": "09:00", "time_zone": "UTC"}),
    (f"{PLANS}{{plan}}/change/", {"name": "x", "brands": "x", "search": "x", "times": "09:00"}),
    (f"{PLANS}{{plan}}/delete/", {"post": "yes"}),
    (f"{PLANS}{{plan}}/run/", {}),
    (f"{TELEGRAM}1/change/", {"time_zone": "UTC"}),
    (f"{TELEGRAM}test/", {}),
    (f"{INBOX}{{conflict}}/settle/", {"do": "apply"}),
    (f"{INBOX}{{conflict}}/settle/", {"do": "dismiss", "reason": "x"}),
    (f"{JOBS}{{job}}/again/", {}),
    (LISTINGS, {"action": "approve_listings", "index": "0"}),
)


@pytest.mark.parametrize("page", PAGES)
def test_viewers_see_every_page_and_no_button(viewer: Client, rows: dict[str, Any], page: str) -> None:
    response = viewer.get(page.format(**rows))
    assert response.status_code == 200
    html = response.content.decode().partition('id="content"')[2]
    assert 'method="post" action' not in html
    assert 'name="_save"' not in html


@pytest.mark.parametrize("page", PAGES)
def test_operators_see_every_page(operator: Client, rows: dict[str, Any], page: str) -> None:
    assert operator.get(page.format(**rows)).status_code == 200


@pytest.mark.parametrize("page", [page for page in PAGES if page != "/staff/"])
def test_staff_without_a_permission_see_nothing(client: Client, rows: dict[str, Any], page: str) -> None:
    client.force_login(User.objects.create_user("nobody", password="x", is_staff=True))
    assert client.get(page.format(**rows)).status_code == 403
    home = client.get("/staff/").content.decode()
    for url in (QUEUE, RULES, LIMITS, PLANS, RUNS, TELEGRAM):
        assert url not in home


@pytest.mark.parametrize(("url", "data"), ACTS)
def test_viewers_do_nothing(viewer: Client, rows: dict[str, Any], url: str, data: dict[str, Any]) -> None:
    with nothing_written():
        assert viewer.post(url.format(**rows), data).status_code == 403


@pytest.mark.parametrize(("url", "data"), ACTS)
def test_strangers_are_sent_away(
    client: Client, rows: dict[str, Any], url: str, data: dict[str, Any]
) -> None:
    with nothing_written():
        assert client.post(url.format(**rows), data).status_code == 302


@pytest.mark.parametrize(("url", "data"), ACTS)
def test_no_act_goes_without_its_token(rows: dict[str, Any], url: str, data: dict[str, Any]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("boss", password="x"))
    with nothing_written():
        assert client.post(url.format(**rows), data).status_code == 403


@pytest.mark.parametrize(("url", "data"), ACTS)
def test_no_act_is_done_by_looking(
    operator: Client, rows: dict[str, Any], url: str, data: dict[str, Any]
) -> None:
    with nothing_written():
        assert operator.get(url.format(**rows), data).status_code in (200, 302)


@pytest.mark.parametrize("url", [f"{LIMITS}add/", f"{LIMITS}1/delete/", f"{TELEGRAM}add/", f"{RUNS}add/"])
def test_not_even_the_superuser_adds_or_deletes_the_one_row(rows: dict[str, Any], url: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("boss", password="x"))
    with nothing_written():
        assert client.post(url, {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_a_page_costs_the_same_whatever_there_is(operator: Client, rows: dict[str, Any], page: str) -> None:
    few = queries(operator, page.format(**rows))
    for number in range(6):
        outreach.approve(make_listing().pk, by="rule:All Sonys")
        OutreachRule.objects.create(name=f"rule {number}")
        SearchRun.objects.create(plan_id=rows["plan"], slot_at=job_time())
        InboxMessage.objects.create(partner="chatterbot", kind="seller-replied", body=b"{}", status="parked")
    assert queries(operator, page.format(**rows)) == few
