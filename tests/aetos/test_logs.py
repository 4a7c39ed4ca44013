"""What is logged: JSON lines that follow a request, and nothing of anybody's keys, bodies or person."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from integrations.models import InboxMessage
from tests.aetos.processes import KEYS, PATIENCE, Web, wait_for
from tests.factories import a_job, a_match, make_listing, staff, token

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "canary-7b1f"
IP = "203.0.113.77"


def lines(web: Web, begin: int = 0) -> list[dict[str, Any]]:
    """Return the JSON lines that the server has written."""
    return [json.loads(line) for line in web.output[begin:].splitlines() if line.startswith("{")]


def test_every_line_is_json(web: Web) -> None:
    begin = len(web.output)
    web.post_job(a_job(a_match()))
    web.post_job({"matches": None})
    requests.get(f"{web.url}/nowhere", timeout=PATIENCE)
    said = web.output[begin:].splitlines()
    assert len(said) >= 3
    for line in said:
        entry = json.loads(line)
        assert {"event", "level", "timestamp", "logger"} <= set(entry)


def test_a_request_is_followed_by_its_id(web: Web) -> None:
    begin = len(web.output)
    web.post_job(a_job(a_match()), **{"X-Request-ID": CANARY})
    kept = InboxMessage.objects.get()
    entries = [entry for entry in lines(web, begin) if entry.get("request_id") == kept.request_id]
    assert [entry["event"] for entry in entries][-1:] == ["request_finished"]
    assert entries[-1]["request"] == "POST /webhooks/scraper/job-complete"
    assert entries[-1]["code"] == 202
    assert len(kept.request_id) >= 32
    assert CANARY not in web.output[begin:]  # the sender's own id is anybody's text


def everything_with_canaries(web: Web) -> list[int]:
    """Use every door with a canary in all that must not be written down; return the statuses."""
    url, admin = web.url, token(staff(f"ann-{CANARY}", group="Operators"))
    listing = make_listing()
    key = KEYS["SCRAPER_WEBHOOK_KEY"]
    person = {
        "X-Forwarded-For": IP,
        "User-Agent": CANARY,
        "Referer": f"http://x/?{CANARY}",
        "Cookie": f"a={CANARY}",
    }
    hook = f"{url}/webhooks/scraper/job-complete"
    good = a_job(a_match(title=CANARY, location=CANARY, seller=CANARY))
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", hook, {"json": good, "headers": {"X-API-Key": key}}),
        ("POST", f"{hook}?secret={CANARY}", {"json": good, "headers": {"X-API-Key": f"{CANARY}"}}),
        ("POST", hook, {"data": CANARY, "headers": {"X-API-Key": key, "Content-Type": "application/json"}}),
        ("POST", hook, {"json": {"job_id": CANARY, "matches": CANARY}, "headers": {"X-API-Key": key}}),
        ("POST", hook, {"json": a_job({"x": CANARY}), "headers": {"X-API-Key": key}}),
        ("GET", f"{url}/admin/listings?q={CANARY}", {"headers": admin}),
        ("GET", f"{url}/admin/listings?{CANARY}={CANARY}", {"headers": admin}),
        ("GET", f"{url}/admin/listings?token={CANARY}", {"headers": {"Authorization": f"Token {CANARY}"}}),
        ("POST", f"{url}/admin/listings/{listing.pk}/transition",
         {"json": {"to_state": "MESSAGING", "reason": CANARY}, "headers": admin}),
        ("POST", f"{url}/admin/listings/{listing.pk}/transition",
         {"json": {"to_state": CANARY, "reason": CANARY}, "headers": admin}),
        ("POST", f"{url}/staff/login/", {"data": {"username": CANARY, "password": CANARY}}),
        ("GET", f"{url}/metrics", {"headers": {"Authorization": f"Bearer {CANARY}"}}),
        ("GET", f"{url}/health?{CANARY}", {}),
    ]  # fmt: skip
    statuses = []
    for method, address, options in calls:
        options["headers"] = {**person, **options.get("headers", {})}
        statuses.append(requests.request(method, address, timeout=PATIENCE, **options).status_code)
    return statuses


def test_no_key_no_body_no_query_and_no_person_is_in_any_line(web: Web) -> None:
    begin = len(web.output)
    statuses = everything_with_canaries(web)
    assert max(statuses) < 500
    assert statuses[:5] == [202, 401, 400, 422, 202]
    said = web.output[begin:]
    finished = [entry for entry in lines(web, begin) if entry["event"] == "request_finished"]
    assert len(finished) == len(statuses)
    for secret in (CANARY, IP, "127.0.0.1", *filter(None, KEYS.values())):
        assert secret not in said.replace("http://127.0.0.1:", ""), secret


@pytest.mark.parametrize(("level", "heard"), [("WARNING", False), ("INFO", True)])
def test_the_level_is_obeyed(tmp_path: Path, level: str, heard: bool) -> None:
    with Web(tmp_path, LOG_LEVEL=level) as web:
        web.post_job(a_job())
        assert any(entry["event"] == "request_finished" for entry in lines(web)) == heard


def test_a_fault_of_ours_is_logged_with_its_trace_and_without_the_body(
    tmp_path: Path, break_the_ingest: Callable[[], None]
) -> None:
    with Web(tmp_path) as web:
        break_the_ingest()
        answer = web.post_job(a_job(a_match(title=CANARY)))
        assert (answer.status_code, answer.json()["accepted"]) == (202, True)
        (entry,) = wait_for(lambda: [e for e in lines(web) if e["level"] == "error"], "an error line")
        assert "Traceback" in entry["exception"]
        assert entry["request_id"]
        assert CANARY not in web.output
