"""Bodies that cannot be used: a 4xx in under two seconds, kept where the sender was authentic, nothing else written."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from integrations.models import InboxMessage
from tests.conftest import SCRAPER_KEY
from tests.factories import a_job, a_match, dumps, rows

pytestmark = pytest.mark.django_db

PATH = "/webhooks/scraper/job-complete"
JOB_ID = "0b0c5e0e-2f3e-4c53-9a53-1f2f3f4f5f6f"
DEEP = 100_000


def with_matches(matches: bytes) -> bytes:
    return b'{"job_id": "' + JOB_ID.encode() + b'", "matches": ' + matches + b"}"


UNREADABLE = {
    "not JSON": b"job_id=1&matches=2",
    "cut off": dumps(a_job(a_match()))[:-5],
    "two documents": b"{}{}",
    "a list nested 100,000 deep": b"[" * DEEP + b"]" * DEEP,
    "an object nested 100,000 deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "matches nested 100,000 deep": with_matches(b"[" * DEEP + b"]" * DEEP),
    "100,000 brackets that never close": b"[" * DEEP,
    "invalid UTF-8": with_matches(b'[{"listing": {"title": "\xff\xfe"}}]'),
    "Latin-1": with_matches('[{"listing": {"title": "é"}}]'.encode("latin-1")),
    "a number of 5,000 digits": with_matches(b'[{"confidence": ' + b"9" * 5000 + b"}]"),
}

WRONG_SHAPE = {
    "a list": b"[]",
    "a text": b'"matches"',
    "null": b"null",
    "a number": b"1e400",
    "no job_id": dumps({"matches": []}),
    "no matches": dumps({"job_id": JOB_ID}),
    "an empty object": b"{}",
    **{
        f"job_id {value!r}": dumps({"job_id": value, "matches": [a_match()]})
        for value in (None, "", "17", 17, True, [], {}, JOB_ID + "0", "\0", "\ud800", "é" * 36, "x" * 9000)
    },
    **{
        f"matches {value!r}": dumps({"job_id": JOB_ID, "matches": value})
        for value in (None, {}, "[]", 1, True)
    },
    **{
        f"brands {value!r}": dumps({"job_id": JOB_ID, "brands": value, "matches": [a_match()]})
        for value in ("Sony", {}, 1, [1], [None], [""], ["x" * 101], ["\0"], ["\ud800"], [["Sony"]])
    },
    **{
        f"brand {value!r}": dumps({"job_id": JOB_ID, "brand": value, "matches": [a_match()]})
        for value in (1, {}, "", "x" * 101, "\0")
    },
}


def refused(post_job: Callable[..., Any], body: bytes, status: int, **headers: str) -> Any:
    """Post it, twice: refused in time, and each time one inbox row and nothing else."""
    before = rows()
    for _ in range(2):
        began = time.thread_time()
        answer = post_job(body, **headers)
        assert time.thread_time() - began < 2
        assert (answer.status_code, set(answer.json())) == (status, {"detail"})
    assert rows() == before | {"InboxMessage": before["InboxMessage"] + 2}
    kept = InboxMessage.objects.first()
    assert kept is not None
    assert (kept.status, kept.raw) == (InboxMessage.Status.REFUSED, body)
    assert kept.detail
    return answer


@pytest.mark.each_database
@pytest.mark.parametrize("name", list(UNREADABLE))
def test_an_unreadable_body_is_400(post_job: Callable[..., Any], name: str) -> None:
    refused(post_job, UNREADABLE[name], 400)


@pytest.mark.each_database
@pytest.mark.parametrize("name", list(WRONG_SHAPE))
def test_a_wrong_shape_is_422(post_job: Callable[..., Any], name: str) -> None:
    refused(post_job, WRONG_SHAPE[name], 422)


def test_a_422_names_every_field_that_is_wrong(post_job: Callable[..., Any]) -> None:
    answer = refused(post_job, dumps({"brands": "Sony", "matches": 1}), 422)
    assert set(answer.json()["detail"]) == {"job_id", "matches", "brands"}


@pytest.mark.parametrize(
    "name", [*UNREADABLE, "a list", "no job_id", "over 16 MiB", "10,001 matches", "a good job"]
)
def test_a_stranger_leaves_nothing_whatever_the_body(post_job: Callable[..., Any], name: str) -> None:
    bodies = {
        **UNREADABLE,
        **WRONG_SHAPE,
        "over 16 MiB": b" " * (17 * 2**20),
        "10,001 matches": with_matches(b"[" + b"1," * 10_000 + b"1]"),
        "a good job": dumps(a_job(a_match())),
    }
    before = rows()
    assert post_job(bodies[name], key="unknown").status_code == 401
    assert rows() == before


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/json", "application/x-www-form-urlencoded", "application/xml", "json", "", "é/ü"],
)
def test_another_content_type_is_415_and_kept(client: Client, content_type: str) -> None:
    body, before = dumps(a_job(a_match())), rows()
    answer = client.generic("POST", PATH, body, content_type=content_type, headers={"x-api-key": SCRAPER_KEY})
    assert answer.status_code == 415
    assert rows() == before | {"InboxMessage": before["InboxMessage"] + 1}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/cloudevents+json",
        "application/json;",
    ],
)
def test_every_spelling_of_json_is_taken(client: Client, content_type: str) -> None:
    body = dumps(a_job(a_match()))
    answer = client.generic("POST", PATH, body, content_type=content_type, headers={"x-api-key": SCRAPER_KEY})
    assert answer.status_code == 202


def test_a_body_over_16_mib_is_413_and_not_kept(post_job: Callable[..., Any]) -> None:
    before = rows()
    answer = post_job(b" " * (16 * 2**20 + 1))
    assert (answer.status_code, set(answer.json())) == (413, {"detail"})
    assert rows() == before


def test_a_body_of_exactly_16_mib_is_read(post_job: Callable[..., Any]) -> None:
    body = dumps(a_job(a_match()))
    assert post_job(body + b" " * (16 * 2**20 - len(body))).status_code == 202


@pytest.mark.parametrize("length", ["-1", "many", "1e3", "²"])
def test_a_content_length_that_is_no_length_is_no_500(client: Client, length: str) -> None:
    before = rows()
    answer = client.post(
        PATH,
        dumps(a_job(a_match())),
        content_type="application/json",
        headers={"x-api-key": SCRAPER_KEY},
        CONTENT_LENGTH=length,
    )
    assert 400 <= answer.status_code < 500
    assert rows()["ProductListing"] == before["ProductListing"]


def test_too_many_matches_are_413(post_job: Callable[..., Any]) -> None:
    refused(post_job, with_matches(b"[" + b"{}," * 10_000 + b"{}]"), 413)


def test_how_many_matches_are_too_many_can_be_set(settings: Any, post_job: Callable[..., Any]) -> None:
    settings.WEBHOOK_MAX_MATCHES = 2
    refused(post_job, dumps(a_job(a_match(), a_match(), a_match())), 413)
    assert post_job(a_job(a_match(), a_match())).json()["created_listings"] == 2


def test_the_bytes_are_kept_as_they_came(post_job: Callable[..., Any]) -> None:
    body = b'\r\n {"matches": [],\t"job_id" : "%s", "matches": [] , "x": "\\ud800\\u0000"}\n' % (
        str(uuid.uuid4()).encode()
    )
    assert post_job(body).status_code == 202
    kept = InboxMessage.objects.get()
    assert (kept.raw, kept.partner, kept.kind) == (body, "scraper", "job-complete")
    assert (kept.status, kept.attempts) == (InboxMessage.Status.PROCESSED, 1)
