"""The simulated ScraperV2 against the recorded one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from integrations.simulators import Simulators
from integrations.simulators.catalogue import Product
from integrations.simulators.market import Item, match
from tests.races import until

from .conftest import Ask, time_passes
from .recorder import Recorder
from .shapes import same_form

# What has to be switched on for a recorded job to go as it went.
OUTCOMES = {
    "accepted (2nd run, same URLs)": "same_hrefs",
    "accepted (no listings)": "no_listings",
    "accepted (session lost)": "failed",
}


@pytest.fixture
def time_scale() -> float:
    """Slow enough to see a job run."""
    return 300.0


def finished(ask: Ask, job_id: str) -> dict[str, Any]:
    """Return the job's document once it is completed or failed."""
    until(lambda: status(ask, job_id) in ("completed", "failed"), "the job's end")
    document: dict[str, Any] = ask("scraperv2", "GET", f"/scrape/{job_id}").json()
    return document


def status(ask: Ask, job_id: str) -> str:
    """Return the job's status, or nothing where it is not known."""
    return str(ask("scraperv2", "GET", f"/scrape/{job_id}").json().get("status", ""))


def replay(sims: Simulators, entry: dict[str, Any], path: str) -> requests.Response:
    """Send a recorded request, with our key in place of the one that was taken out."""
    request = entry["request"]
    headers = {
        name: sims.keys.scraper_api_key if value == "<scraper api key>" else value
        for name, value in request["headers"].items()
        if name.lower() != "content-length"
    }
    body = None if request["body"] is None else request["body"].encode()
    url = sims.url("scraperv2") + path
    return requests.request(request["method"], url, data=body, headers=headers, timeout=60)


def test_every_recorded_answer_is_given_again(
    sims: Simulators, ask: Ask, recorded: Callable[[str], Any], switch: Callable[..., None]
) -> None:
    ours: dict[str, str] = {}
    differences: list[str] = []
    latest = ""
    for entry in recorded("recordings/scraper_api.json"):
        if "response" not in entry:
            continue
        label, response = entry["label"], entry["response"]
        path = entry["request"]["path"]
        for theirs, mine in ours.items():
            path = path.replace(theirs, mine)
        if label in OUTCOMES:
            switch("scraperv2", outcome=OUTCOMES[label])
        # Only the first job is looked at while it runs: it does so until its time passes.
        sims.world.time_scale = 1.0 if label in ("accepted", "status running") else 300.0
        if label.startswith("status "):
            time_passes(sims.world)
        if label == "status running":
            until(lambda: status(ask, latest) == "running", "the job's start")  # noqa: B023  asked here and now
        elif label.startswith("status "):
            finished(ask, latest)
        answer = replay(sims, entry, path)
        if (
            "job_id" in response["body"]
            and response["status"] == 200
            and entry["request"]["method"] == "POST"
        ):
            latest = answer.json()["job_id"]
            ours[response["body"]["job_id"]] = latest
            switch("scraperv2")
        differences += [f"{label}: {text}" for text in compared(response, answer, ours)]
    assert differences == []


def compared(response: dict[str, Any], answer: requests.Response, ours: dict[str, str]) -> list[str]:
    """Return how an answer differs from the recorded one; jobs with matches are held against its form."""
    expected = json.dumps(response["body"])
    for theirs, mine in ours.items():
        expected = expected.replace(theirs, mine)
    body = json.loads(expected)
    found = []
    if answer.status_code != response["status"]:
        found.append(f"status {answer.status_code}")
    if answer.headers["Content-Type"] != response["headers"]["content-type"]:
        found.append(f"type {answer.headers['Content-Type']}")
    if isinstance(body, dict) and (body.get("result") or {}).get("products_count"):
        return found + form_of_result(body, answer.json())
    if answer.json() != body:
        found.append(f"body {answer.text}")
    if answer.headers["Content-Length"] != response["headers"]["content-length"]:
        found.append(f"length {answer.headers['Content-Length']}")
    return found


def form_of_result(recorded: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """Return how a completed job's form differs: our catalogue and finds are our own."""
    theirs, mine = recorded["result"], given["result"]
    found = same_form({**recorded, "result": None}, {**given, "result": None})
    if theirs["stats"].get("error") is not None:
        return found + ([] if theirs["stats"] == mine["stats"] else ["stats"])
    for stats in (theirs["stats"], mine["stats"]):
        stats["matches_per_product"] = sorted({type(key).__name__ for key in stats["matches_per_product"]})
    if not theirs["matches"]:
        found += (
            [] if mine["matches"] == [] and mine["stats"]["listings_skipped"] else ["nothing was skipped"]
        )
    return found + same_form(theirs, mine)


def test_the_webhook_is_the_recorded_one(
    sims: Simulators, ask: Ask, orchestrator: Recorder, recorded: Callable[[str], Any]
) -> None:
    sent = recorded("recordings/webhook_first.json")
    ask("scraperv2", "POST", "/scrape", json={"brands": ["Sony"], "search": "Sony"})
    call = orchestrator.wait(1)[0]
    assert f"{call.method} {call.path} HTTP/1.1" == sent["head"]["request_line"]
    assert [name for name, _ in call.headers] == [name for name, _ in sent["head"]["headers"]]
    for name, value in sent["head"]["headers"]:
        if name in ("Accept-Encoding", "Accept", "Connection", "Content-Type"):
            assert call.header(name) == value
    assert call.header("User-Agent").startswith("python-requests/")
    assert call.header("x-api-key") == sims.keys.scraper_webhook_key
    assert same_form(json.loads(sent["body_exact"]), call.json) == []
    # The same spacing and the same escapes, to the byte.
    assert call.body == json.dumps(call.json).encode()
    assert list(call.json) == list(json.loads(sent["body_exact"]))


def test_a_match_is_scored_as_the_real_engine_does(recorded: Callable[[str], Any]) -> None:
    theirs = json.loads(recorded("recordings/webhook_first.json")["body_exact"])["matches"]
    for found, high, sells_for in ((theirs[0], 400, 500), (theirs[2], 270, 360)):
        seen, product = found["listing"], found["product"]
        camera = Product(
            product["id"],
            product["brand"],
            product["model"],
            product["full_name"],
            80,
            high,
            sells_for,
            (),
        )
        item = Item(1, camera, seen["title"], int(seen["price"]), seen["location"])
        assert match(item, seen["url"]) == found


def test_a_job_is_completed_before_the_call_and_the_call_comes_once(
    sims: Simulators, ask: Ask, orchestrator: Recorder
) -> None:
    seen: list[str] = []
    orchestrator.status = 500
    orchestrator.meanwhile = lambda call: seen.append(
        ask("scraperv2", "GET", f"/scrape/{call.json['job_id']}").json()["status"]
    )
    job_id = ask("scraperv2", "POST", "/scrape", json={"brands": ["Canon"], "search": "x"}).json()["job_id"]
    orchestrator.wait(1)
    assert len(orchestrator.quiet()) == 1
    assert seen == ["completed"]
    document = ask("scraperv2", "GET", f"/scrape/{job_id}").json()
    assert (document["status"], document["error"]) == ("completed", None)
    assert document["result"]["matches"] == orchestrator.calls[0].json["matches"]
    assert {found["product"]["brand"] for found in document["result"]["matches"]} == {"Canon"}
    assert ask("scraperv2", "GET", "/jobs").json() == {job_id: document}


@pytest.mark.parametrize("outcome", ["failed", "lost", "unheard"])
def test_some_jobs_call_nobody(
    sims: Simulators, ask: Ask, orchestrator: Recorder, switch: Callable[..., None], outcome: str
) -> None:
    switch("scraperv2", outcome=outcome, times=1)
    job_id = ask("scraperv2", "POST", "/scrape", json={"brands": ["Sony"], "search": "x"}).json()["job_id"]
    until(lambda: status(ask, job_id) in ("", "completed", "failed"), "the job's end")
    assert orchestrator.quiet() == []
    answer = ask("scraperv2", "GET", f"/scrape/{job_id}")
    if outcome == "lost":
        assert (answer.status_code, answer.json()) == (404, {"detail": "Job not found"})
    elif outcome == "failed":
        assert (answer.json()["status"], answer.json()["result"]) == ("failed", None)
    else:
        assert answer.json()["status"] == "completed"
        assert answer.json()["result"]["matches"]


def test_a_lost_call_is_not_had_again_by_the_same_links(
    sims: Simulators, ask: Ask, switch: Callable[..., None], recorded: Callable[[str], Any]
) -> None:
    behaviour = {entry[0]: entry[1:] for entry in recorded("recordings/scraper_behaviour.json")}
    assert behaviour["run again after the lost webhook: matches"] == [0]
    switch("scraperv2", outcome="unheard", times=1)
    body = {"brands": ["Sony"], "search": "x"}
    first = finished(ask, ask("scraperv2", "POST", "/scrape", json=body).json()["job_id"])
    assert first["result"]["matches"]
    switch("scraperv2", outcome="same_hrefs", times=1)
    second = finished(ask, ask("scraperv2", "POST", "/scrape", json=body).json()["job_id"])
    assert second["result"]["matches"] == []
    assert second["result"]["stats"]["listings_skipped"] == len(first["result"]["matches"])


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ([], ["model_attributes_type"]),
        ({}, ["missing", "missing"]),
        ({"brands": ["Sony", 1], "search": "x"}, ["string_type"]),
        ({"brands": {}, "search": 3}, ["list_type", "string_type"]),
    ],
)
def test_a_wrong_body_is_told_in_fastapis_form(ask: Ask, body: Any, kinds: list[str]) -> None:
    answer = ask("scraperv2", "POST", "/scrape", json=body)
    assert answer.status_code == 422
    assert [complaint["type"] for complaint in answer.json()["detail"]] == kinds


def test_what_is_not_there_and_what_is_not_allowed(ask: Ask) -> None:
    assert ask("scraperv2", "GET", "/").json()["status"] == "running"
    assert ask("scraperv2", "GET", "/else").status_code == 404
    assert ask("scraperv2", "DELETE", "/scrape").status_code == 405
    assert ask("scraperv2", "GET", "/jobs", headers={"x-api-key": "ké".encode()}).status_code == 401


@pytest.mark.parametrize("status", [500, 401, 422, 409, 302, 307])
def test_whatever_the_orchestrator_answers(
    ask: Ask, orchestrator: Recorder, recorded: Callable[[str], Any], switch: Callable[..., None], status: int
) -> None:
    entries = recorded("recordings/scraper_api.json")
    seen = next(entry for entry in entries if entry["label"] == f"orchestrator answers {status}")
    switch("scraperv2", outcome="no_listings")
    orchestrator.statuses = [status]
    job_id = ask("scraperv2", "POST", "/scrape", json={"brands": ["Sony"], "search": "x"}).json()["job_id"]
    orchestrator.wait(len(seen["webhook_requests_seen"]))
    calls = orchestrator.quiet(0.2)
    assert [call.method for call in calls] == [line.split()[0] for line in seen["webhook_requests_seen"]]
    assert [[name for name, _ in call.headers] for call in calls] == seen["header_names"]
    assert f"({len(calls[0].body)} bytes)" in seen["webhook_requests_seen"][0]
    document = finished(ask, job_id)
    expected = seen["status_after"] | {"job_id": job_id}
    expected["result"]["products_count"] = document["result"]["products_count"]
    assert document == expected


def test_a_job_is_pending_at_first(ask: Ask, sims: Simulators, recorded: Callable[[str], Any]) -> None:
    pending = next(entry for entry in recorded("recordings/scraper_api.json") if "body" in entry)["body"]
    sims.world.time_scale = 1.0
    job_id = ask("scraperv2", "POST", "/scrape", json={"brands": ["Sony"], "search": "x"}).json()["job_id"]
    assert ask("scraperv2", "GET", "/jobs").json()[job_id] == pending | {"job_id": job_id}
