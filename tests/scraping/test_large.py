"""Large jobs: read match by match, written at once, and begun anew where another was quicker."""

from collections.abc import Callable
from typing import Any

import pytest

from integrations import webhooks
from integrations.models import InboxMessage, OutboxMessage
from listings import ingest
from listings.models import ProductListing, Sighting, TransitionLog
from scraping.models import InvalidMatch, ScrapeJob
from tests.factories import a_job, a_match, dumps

pytestmark = pytest.mark.django_db
Post = Callable[..., Any]


@pytest.fixture
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "LARGE_BYTES", 0)


def written() -> tuple[int, ...]:
    models: list[Any] = [ProductListing, TransitionLog, Sighting, OutboxMessage, ScrapeJob, InvalidMatch]
    return tuple(model.objects.count() for model in models)


def test_read_match_by_match_a_job_gives_the_same(post_job: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    body = a_job(a_match(1), a_match(2, title="Łódź \ud83d\udcf7"), {"listing": None}, a_match(1, price=5))
    first = post_job(body)
    rows, job = written(), ScrapeJob.objects.get()
    monkeypatch.setattr(webhooks, "LARGE_BYTES", 0)
    assert post_job(body).json()["created_listings"] == 0
    assert written() == rows  # the same digest: it is a repeat
    other = post_job(
        {
            **body,
            "job_id": a_job()["job_id"],
            "matches": [a_match(3), a_match(4), {"listing": None}, a_match(3)],
        }
    )
    assert other.status_code == first.status_code == 202
    assert {**other.json(), "errors": []} == {**first.json(), "errors": []}
    assert other.json()["errors"] == first.json()["errors"]
    assert ScrapeJob.objects.exclude(pk=job.pk).get().matches == job.matches == 4


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda text: text[:-1], 400),
        (lambda text: text + b" 1", 400),
        (lambda text: text.replace(b'"matches":', b'"matches"', 1), 400),
        (lambda text: text.replace(b"}]", b"},]"), 400),
        (lambda text: text.replace(b"}]", b"} {}]"), 400),
        (lambda text: text.replace(b'"job_id"', b'"job"'), 422),
        (lambda text: b"[" + text + b"]", 422),
        (lambda text: b'{"matches": ' + b"[" * 100_000, 400),
    ],
    ids=[
        "cut off",
        "more behind",
        "no colon",
        "a comma too many",
        "a comma too few",
        "no id",
        "in a list",
        "too deep",
    ],
)
def test_what_is_wrong_anywhere_refuses_all(
    post_job: Post, change: Callable[[bytes], bytes], status: int
) -> None:
    body = dumps(a_job(a_match(1), a_match(2)))
    assert change(body) != body
    assert post_job(change(body)).status_code == status
    assert written() == (0, 0, 0, 0, 0, 0)
    assert InboxMessage.objects.get().status == InboxMessage.Status.REFUSED


def test_where_another_was_quicker_it_is_begun_anew(
    post_job: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ingest, "MANY", 1)
    codes = iter(["AAAAAA", "AAAAAA", "CCCCCC", "AAAAAA", "BBBBBB", "CCCCCC"])
    monkeypatch.setattr(ingest, "new_short_code", lambda: next(codes))
    answer = post_job(a_job(a_match(1), a_match(2), a_match(3)))
    assert (answer.status_code, answer.json()["created_listings"]) == (202, 3)
    assert set(ProductListing.objects.values_list("short_code", flat=True)) == {"AAAAAA", "BBBBBB", "CCCCCC"}
    assert written() == (3, 3, 3, 3, 1, 0)
    assert "tried again" in caplog.text
    assert InboxMessage.objects.get().status == InboxMessage.Status.PROCESSED


def test_not_begun_anew_it_is_kept_for_the_sweep(post_job: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "MANY", 1)
    monkeypatch.setattr(webhooks, "DEADLOCK_TRIES", 1)
    monkeypatch.setattr(ingest, "new_short_code", lambda: "AAAAAA")
    answer = post_job(a_job(a_match(1), a_match(2)))
    assert (answer.status_code, answer.json()["status"]) == (202, "received")
    assert written() == (0, 0, 0, 0, 0, 0)
    assert InboxMessage.objects.get().status == InboxMessage.Status.RECEIVED
