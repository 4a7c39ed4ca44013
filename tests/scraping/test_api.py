"""`/admin/scrape`: a job is written down and announced, handed over by a task, and shown to its end."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from integrations import http, relay
from integrations.models import Channel, OutboxMessage
from scraping.models import ScrapeJob
from tests.factories import a_job, a_match, rows
from tests.integrations.partner import Partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def scraper(settings: Any) -> Iterator[Partner]:
    """ScraperV2, which answers as it is told to."""
    with Partner() as running:
        settings.SCRAPER_API_URL = running.url
        yield running
        http._session().close()


def trigger(client: Client, **body: Any) -> Any:
    return client.post("/admin/scrape/trigger", body, content_type="application/json")


@pytest.mark.parametrize(
    ("body", "brands"),
    [
        ({"brand": "Sony"}, ["Sony"]),
        ({"brands": ["Sony", "Canon"]}, ["Sony", "Canon"]),
        ({"brand": None, "brands": ["Sony"]}, ["Sony"]),
        ({"brand": "Leica", "brands": None}, ["Leica"]),
        ({"brands": ["Sony", "Sony"]}, ["Sony"]),
    ],
)
def test_a_trigger_is_written_down_and_announced(operator: Client, body: Any, brands: list[str]) -> None:
    answer = trigger(operator, search="Sony mirrorless cameras", **body)
    job = ScrapeJob.objects.get()
    assert (answer.status_code, answer.json()) == (202, {"job_id": str(job.uuid), "status": "pending"})
    assert (job.brands, job.search, job.triggered_by) == (brands, "Sony mirrorless cameras", "user:ann")
    assert job.deadline_at is not None
    event = OutboxMessage.objects.get(topic="scraper.job.created")
    assert event.body == {
        "job_id": str(job.uuid),
        "brand": brands[0],
        "brands": brands,
        "search": "Sony mirrorless cameras",
    }
    assert OutboxMessage.objects.filter(channel="scraperv2", key=str(job.uuid)).count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"brand": "Sony"},
        {"search": "x"},
        {"brand": "", "search": "x"},
        {"brand": "  ", "search": "x"},
        {"brands": [], "search": "x"},
        {"brands": "Sony", "search": "x"},
        {"brands": [""], "search": "x"},
        {"brands": [1.5, {}], "search": "x"},
        {"brands": ["x"] * 51, "search": "x"},
        {"brand": "x" * 101, "search": "x"},
        {"brand": "a\0", "search": "x"},
        {"brand": "Sony", "search": ""},
        {"brand": "Sony", "search": "a\0"},
        {"brand": "Sony", "search": "x" * 201},
        {"brand": ["Sony"], "search": "x"},
        {"brand": True, "search": "x"},
    ],
)
def test_a_wrong_trigger_is_422_and_nothing_happens(operator: Client, body: dict[str, Any]) -> None:
    before = rows()
    answer = trigger(operator, **body)
    assert (answer.status_code, list(answer.json())) == (422, ["detail"])
    assert isinstance(answer.json()["detail"], dict)
    assert rows() == before


UNREADABLE = [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 50_000, b'{"brand": NaN}', b'{"brand": 1e400}',
              b'{"brand": "\\ud800"}', b'{"brand": ' + b"9" * 5000 + b"}"]  # fmt: skip


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: str(body[:20]))
@pytest.mark.parametrize("path", ["/admin/scrape/trigger", "/admin/listings/{id}/transition"])
def test_an_unreadable_body_is_a_4xx(operator: Client, path: str, body: bytes) -> None:
    before = rows()
    answer = operator.generic("POST", path.format(id=uuid.uuid4()), body, content_type="application/json")
    assert 400 <= answer.status_code < 500
    assert list(answer.json()) == ["detail"]
    assert rows() == before


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true"])
def test_a_body_that_is_no_object_is_a_4xx(operator: Client, body: bytes) -> None:
    before = rows()
    answer = operator.generic("POST", "/admin/scrape/trigger", body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert rows() == before


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"]
)
def test_another_content_type_is_415(operator: Client, content_type: str) -> None:
    answer = operator.generic("POST", "/admin/scrape/trigger", b"brand=Sony", content_type=content_type)
    assert (answer.status_code, list(answer.json())) == (415, ["detail"])


def test_a_body_over_a_mebibyte_is_413(operator: Client) -> None:
    body = b'{"brand": "Sony", "search": "x"}' + b" " * 2**20
    answer = operator.generic("POST", "/admin/scrape/trigger", body, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (413, ["detail"])


# ---- handed over by the relay -------------------------------------------------------------------


def show(client: Client, job: ScrapeJob) -> dict[str, Any]:
    answer = client.get(f"/admin/scrape/jobs/{job.uuid}")
    assert answer.status_code == 200
    return dict(answer.json())


def relay_all() -> None:
    OutboxMessage.objects.filter(delivered_at=None).update(next_attempt_at=Now() - timedelta(seconds=1))
    Channel.objects.update(closed_until=None)
    relay.serve("scraperv2")


def test_the_task_hands_it_to_scraperv2_and_the_webhook_completes_it(
    operator: Client, scraper: Partner, post_job: Callable[..., Any]
) -> None:
    job_id = str(uuid.uuid4())
    scraper.answers.append((200, {}, {"job_id": job_id, "status": "pending"}))
    trigger(operator, brand="Sony", search="cameras")
    job = ScrapeJob.objects.get()
    assert show(operator, job)["status"] == "pending"
    relay_all()

    (call,) = scraper.calls
    assert (call.method, call.path) == ("POST", "/scrape")
    assert call.headers["x-api-key"] == "what-we-send-to-scraperv2"
    assert b'"brands": ["Sony"]' in call.body
    shown = show(operator, job)
    assert (shown["status"], shown["scraper_job_id"], shown["brands"]) == ("running", job_id, ["Sony"])

    post_job(a_job(a_match(), a_match(price=-1), job_id=job_id))
    shown = show(operator, job)
    assert (shown["status"], shown["error"], shown["search"]) == ("completed", "", "cameras")
    counts = {name: shown[name] for name in ("matches", "created_listings", "resighted", "invalid")}
    assert counts == {"matches": 2, "created_listings": 1, "resighted": 0, "invalid": 1}


def test_a_scraperv2_that_stays_down_is_retried_and_shown_as_failed(
    operator: Client, scraper: Partner
) -> None:
    scraper.answers += [(503, {}, b"")] * 60
    assert trigger(operator, brand="Sony", search="cameras").status_code == 202
    job = ScrapeJob.objects.get()
    relay_all()
    assert show(operator, job)["status"] == "pending"
    for _ in range(relay.CALLS_POLICY.attempts + 2):
        relay_all()
    shown = show(operator, job)
    assert (shown["status"], "503" in shown["error"]) == ("failed", True)
    assert OutboxMessage.objects.get(channel="scraperv2").state == "given up"


# ---- the list -----------------------------------------------------------------------------------


def test_jobs_are_listed_newest_first_and_by_status(operator: Client, post_job: Callable[..., Any]) -> None:
    post_job(a_job())
    for number in range(3):
        trigger(operator, brand="Sony", search=f"search {number}")
    page = operator.get("/admin/scrape/jobs").json()
    assert [job["search"] for job in page["jobs"]] == ["search 2", "search 1", "search 0", ""]
    assert (page["total"], page["limit"], page["offset"]) == (4, 50, 0)
    page = operator.get("/admin/scrape/jobs?status=pending&limit=1&offset=1").json()
    assert ([job["search"] for job in page["jobs"]], page["total"]) == (["search 1"], 3)
    assert {"id", "scraper_job_id", "brands", "search", "status", "error"} <= set(page["jobs"][0])


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=" + "9" * 25, "offset=-1", "status=done", "x=1", "limit=1&limit=2"],
)
def test_a_wrong_question_is_422(viewer: Client, query: str) -> None:
    answer = viewer.get(f"/admin/scrape/jobs?{query}")
    assert (answer.status_code, list(answer.json()["detail"])) == (422, [query.partition("=")[0]])


def test_an_unknown_job_is_404(viewer: Client) -> None:
    assert viewer.get(f"/admin/scrape/jobs/{uuid.uuid4()}").status_code == 404
