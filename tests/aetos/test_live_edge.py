"""The web server as the Procfile starts it, spoken to byte by byte: what no test client can send."""

import json
import time
from itertools import count

import pytest
import requests

from integrations.models import InboxMessage
from listings.models import ProductListing
from tests.aetos.processes import KEYS, PATIENCE, Web, quick
from tests.factories import a_job, a_match, dumps, rows

KEY = KEYS["SCRAPER_WEBHOOK_KEY"].encode()
MEBIBYTE = 2**20


def head(*lines: bytes, key: bytes = KEY) -> bytes:
    """Return a request's head."""
    fixed = (
        b"POST /webhooks/scraper/job-complete HTTP/1.1",
        b"Host: localhost",
        b"Content-Type: application/json",
        b"Connection: close",
        b"X-API-Key: " + key,
    )
    return b"\r\n".join((*fixed, *lines)) + b"\r\n\r\n"


def chunks(body: bytes, size: int) -> list[bytes]:
    """Return a body in chunks."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]


def status(answer: bytes) -> int:
    """Return the status of the last answer; the body must be JSON and complete."""
    last = answer[answer.rindex(b"HTTP/1.1 ") :]
    body = last.partition(b"\r\n\r\n")[2]
    assert isinstance(json.loads(body), dict)
    return int(last.split()[1])


def test_a_job_by_http(web: Web) -> None:
    answer = web.post_job(a_job(a_match(), a_match()))
    assert (answer.status_code, answer.json()["created_listings"]) == (202, 2)
    assert ProductListing.objects.count() == 2


def test_a_chunked_body_is_taken(web: Web) -> None:
    body = dumps(a_job(a_match()))
    assert status(web.raw(head(b"Transfer-Encoding: chunked"), *chunks(body, 100))) == 202
    assert InboxMessage.objects.get().raw == body


def test_a_body_that_comes_slowly_is_taken(web: Web) -> None:
    body = dumps(a_job(a_match()))
    pieces = [body[at : at + 100] for at in range(0, len(body), 100)]

    def slowly() -> list[bytes]:
        time.sleep(0.3)
        return pieces

    assert status(web.raw(head(b"Content-Length: %d" % len(body)), *slowly())) == 202


@pytest.mark.parametrize("size", [17 * MEBIBYTE, 40 * MEBIBYTE])
def test_the_answer_to_an_oversized_body_can_be_read(web: Web, size: int) -> None:
    before = rows()
    sent = head(b"Content-Length: %d" % size), b" " * size
    assert status(quick(lambda: web.raw(*sent), seconds=5)) == 413
    body = b" " * size
    assert status(web.raw(head(b"Transfer-Encoding: chunked"), *chunks(body, MEBIBYTE))) == 413
    answer = requests.post(
        f"{web.url}/webhooks/scraper/job-complete", data=body, headers={"X-API-Key": KEY}, timeout=PATIENCE
    )
    assert answer.status_code == 413
    assert rows() == before


def test_the_answer_to_a_strangers_large_body_can_be_read(web: Web) -> None:
    before = rows()
    answer = requests.post(
        f"{web.url}/webhooks/scraper/job-complete", data=b" " * 4 * MEBIBYTE, timeout=PATIENCE
    )
    assert answer.status_code == 401
    assert rows() == before


@pytest.mark.parametrize(("size", "expected"), [(0, 202), (17 * MEBIBYTE, 413)])
def test_a_sender_that_asks_first_gets_its_answer(web: Web, size: int, expected: int) -> None:
    body = dumps(a_job(a_match())) if not size else b" " * size
    answer = web.raw(head(b"Content-Length: %d" % len(body), b"Expect: 100-continue"), body)
    assert answer.startswith((b"HTTP/1.1 100 Continue", b"HTTP/1.1 413"))
    assert status(answer) == expected


BAD = {
    "an empty body": (b"", 400),
    "nested 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, 400),
    "objects nested 100,000 deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    "a number of a million digits": (b"9" * 1_000_000, 400),
    "ten megabytes of brackets": (b"[]," * 3_000_000, 400),
    "invalid UTF-8": (b'{"job_id": "\xff"}', 400),
    "no job": (b"{}", 422),
}


@pytest.mark.parametrize(("body", "expected"), BAD.values(), ids=BAD)
def test_a_bad_body_is_answered_within_two_seconds(web: Web, body: bytes, expected: int) -> None:
    before, tries = rows(), count(1)

    def send() -> int:
        next(tries)
        return status(web.raw(head(b"Content-Length: %d" % len(body)), body))

    assert quick(send, seconds=2) == expected
    assert rows() == before | {"InboxMessage": before["InboxMessage"] + next(tries) - 1}


@pytest.mark.parametrize("key", [b"\xff\xfe", "clé".encode(), b"", b"x" * 7000, KEY + b"\xe9"])
def test_a_key_of_any_bytes_is_401(web: Web, key: bytes) -> None:
    before = rows()
    assert status(web.raw(head(b"Content-Length: 2", key=key), b"{}")) == 401
    assert rows() == before


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: -1",
        b"Content-Length: many",
        b"Content-Length: 2\r\nContent-Length: 3",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked, x",
        b"X-API-Key: a\0b\r\nContent-Length: 2",
    ],
)
def test_a_head_that_two_servers_could_read_differently_is_refused(web: Web, line: bytes) -> None:
    before = rows()
    answer = web.raw(head(line), b"{}", end=True)
    assert not answer or 400 <= int(answer.split()[1]) <= 501
    assert rows() == before
    assert web.post_job(a_job()).status_code == 202


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 100000", b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked"],
)
def test_a_sender_that_breaks_off_creates_nothing_and_costs_no_worker(web: Web, framing: bytes) -> None:
    half = dumps(a_job(a_match()))[:-2]
    if b"chunked" in framing:
        half = b"%x\r\n%s" % (len(half) + 9, half)
    for _ in range(12):  # more often than there are threads
        web.raw(head(framing), half, end=True)
    assert ProductListing.objects.count() == 0
    assert web.post_job(a_job(a_match())).status_code == 202
    assert "Traceback" not in web.output


def test_both_spellings_answer_without_a_redirect(web: Web) -> None:
    for slash in ("", "/"):
        answer = requests.post(
            f"{web.url}/webhooks/scraper/job-complete{slash}",
            json=a_job(a_match()),
            headers={"Authorization": f"Bearer {KEY.decode()}"},
            allow_redirects=False,
            timeout=PATIENCE,
        )
        assert answer.status_code == 202


def test_an_unknown_host_is_400_in_json(web: Web) -> None:
    answer = requests.get(f"{web.url}/admin/listings", headers={"Host": "evil.example"}, timeout=PATIENCE)
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


def test_https_is_left_to_the_proxy(web: Web) -> None:
    answer = requests.get(
        f"{web.url}/health/live",
        headers={"X-Forwarded-Proto": "http"},
        allow_redirects=False,
        timeout=PATIENCE,
    )
    assert answer.status_code == 200
