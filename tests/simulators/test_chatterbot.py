"""The simulated Chatterbot against the recorded one, and the messages that follow from a lead."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from integrations.simulators import Simulators
from integrations.simulators.conversation import foreseen
from integrations.simulators.leads import Leads
from integrations.simulators.memory import recall, save

from .conftest import Ask
from .recorder import Call, Recorder

LISTING = "6b0c6d7e-3f55-4a4c-8a5e-2f3a4b5c6d7e"


def lead(**changes: Any) -> dict[str, Any]:
    """Return a lead as we send it."""
    return {
        "session_id": 17,
        "camera_id": 230,
        "camera_name": "Sony a6400",
        "url": f"https://www.facebook.com/marketplace/item/{uuid4().int % 10**15}/",
        "title": "Sony a6400 body only",
        "price": 400.0,
        "confidence": 0.95,
        "savings": 100.0,
        "listing_id": LISTING,
    } | changes


@pytest.mark.parametrize("time_scale", [1.0])
def test_every_recorded_answer_is_given_again(sims: Simulators, recorded: Callable[[str], Any]) -> None:
    # At this pace no message is sent while the recording is replayed, so every lead stays pending.
    sims.chatterbot.leads = Leads(first=1)
    differences: list[str] = []
    for entry in recorded("recordings/chatterbot_api.json"):
        if "response" not in entry:
            continue
        answer = replay(sims, entry["request"])
        found = compared(entry["response"], answer)
        if len(sims.chatterbot.leads.rows) != int(entry["rows_in_leads_after"]):
            found.append(f"{len(sims.chatterbot.leads.rows)} rows")
        differences += [f"{entry['label']}: {text}" for text in found]
    assert differences == []


def replay(sims: Simulators, request: dict[str, Any]) -> requests.Response:
    """Send a recorded request, with our key in place of the one that was taken out."""
    headers = {
        name: value.replace("<lead token>", sims.keys.chatterbot_api_key)
        for name, value in request["headers"].items()
        if name.lower() != "content-length"
    }
    body = None if request["body"] is None else request["body"].encode()
    url = sims.url("chatterbot") + request["path"]
    return requests.request(request["method"], url, data=body, headers=headers, timeout=60)


def compared(response: dict[str, Any], answer: requests.Response) -> list[str]:
    """Return how an answer differs from the recorded one, times aside."""
    found = [] if answer.status_code == response["status"] else [f"status {answer.status_code}"]
    found += [
        f"{name} {answer.headers[name]}"
        for name in ("Content-Type", "Content-Length")
        if answer.headers[name] != response["headers"][name]
    ]
    expected: Any = response["body"]
    body: Any = answer.text if isinstance(expected, str) else answer.json()
    if isinstance(expected, dict) and "leads" in expected:
        expected, body = expected["leads"], body["leads"]
        for row in (*expected, *body):
            time.strptime(row.pop("created_at"), "%a, %d %b %Y %H:%M:%S GMT")
    return found if body == expected else [*found, f"body {body}"]


def test_a_lead_runs_to_a_deal(sims: Simulators, ask: Ask, orchestrator: Recorder, switch: Any) -> None:
    switch("chatterbot", outcome="confirmed", times=1)
    sent = lead()
    order_id = ask("chatterbot", "POST", "/leads", json=sent).json()["order_id"]
    calls = orchestrator.wait(3)
    acts = ["message-sent", "seller-replied", "deal-confirmed"]
    assert [call.path for call in calls] == [f"/webhooks/chatterbot/{act}" for act in acts]
    for call in calls:
        assert call.header("Authorization") == f"Bearer {sims.keys.chatterbot_webhook_key}"
        named = {"listing_id", "order_id"} & set(call.json)
        assert len(named) == 1
        assert call.json[named.pop()] in (LISTING, order_id)
        assert {"occurred_at", "conversation_thread_id", "seller_messenger_id", "message"} <= set(call.json)
    assert 0 < float(calls[2].json["agreed_price"]) < sent["price"]
    assert ask("chatterbot", "GET", "/leads").json() == {"leads": []}
    assert len(orchestrator.quiet()) == 3


@pytest.mark.parametrize(
    ("outcome", "last", "count"),
    [("silent", "message-sent", 1), ("replied", "seller-replied", 2), ("failed", "deal-failed", 3)],
)
def test_a_lead_can_end_otherwise(
    ask: Ask, orchestrator: Recorder, switch: Any, outcome: str, last: str, count: int
) -> None:
    switch("chatterbot", outcome=outcome)
    ask("chatterbot", "POST", "/leads", json=lead())
    calls = orchestrator.wait(count)
    assert calls[-1].path.endswith(last)
    assert len(orchestrator.quiet()) == count
    if outcome == "failed":
        assert calls[-1].json["reason"]


def test_how_it_goes_follows_from_the_link_and_the_title() -> None:
    links = [f"https://www.facebook.com/marketplace/item/{number}/" for number in range(400)]
    fates = [foreseen(link, "Sony a6400", "Sony a6400", 400.0) for link in links]
    assert fates == [foreseen(link, "Sony a6400", "Sony a6400", 400.0) for link in links]
    counts = {outcome: [fate.outcome for fate in fates].count(outcome) for outcome in ("confirmed", "failed")}
    assert counts["confirmed"] > 180
    assert counts["failed"] > 40
    assert {"silent", "replied"} < {fate.outcome for fate in fates}
    for fate in fates:
        assert 340 <= float(fate.agreed_price or 0) < 400
    assert len({fate.thread_id for fate in fates}) == 400
    nameless = [foreseen(link, "Sony a6400", "Sony a6400", None) for link in links]
    assert "confirmed" not in {fate.outcome for fate in nameless}


def test_a_stopped_lead_hears_no_more(
    sims: Simulators, ask: Ask, orchestrator: Recorder, switch: Any
) -> None:
    switch("chatterbot", outcome="confirmed")

    def stop(call: Call) -> None:
        found = sims.chatterbot.lead(call.json.get("order_id"), call.json.get("listing_id"))
        path = f"/leads/{found.order_id}/status"
        assert ask("chatterbot", "PUT", path, json={"status": "cancelled"}).json() == {"updated": True}

    orchestrator.meanwhile = stop
    ask("chatterbot", "POST", "/leads", json=lead())
    orchestrator.wait(1)
    assert [call.path for call in orchestrator.quiet()] == ["/webhooks/chatterbot/message-sent"]


@pytest.mark.parametrize("time_scale", [3600.0])
def test_five_messages_an_hour_at_most(
    sims: Simulators, ask: Ask, orchestrator: Recorder, switch: Any
) -> None:
    switch("chatterbot", outcome="silent")
    for _ in range(12):
        assert ask("chatterbot", "POST", "/leads", json=lead()).status_code == 201
    orchestrator.wait(12)
    times = [row.messaged_at.timestamp() for row in sims.chatterbot.leads.rows.values() if row.messaged_at]
    # An hour is a second here.
    assert min(sixth - first for first, sixth in zip(times, times[5:], strict=False)) > 0.98
    assert times[-1] - times[0] < 60


@pytest.mark.parametrize("time_scale", [60.0])
def test_talks_go_on_after_a_restart(
    sims: Simulators, ask: Ask, orchestrator: Recorder, switch: Any, tmp_path: Path
) -> None:
    switch("chatterbot", outcome="confirmed")
    ids = [ask("chatterbot", "POST", "/leads", json=lead()).json()["order_id"] for _ in range(7)]
    for told in (1, 2):
        orchestrator.wait(told)
    sims.close()
    save(tmp_path / "kept.json", sims.partners)
    before = len(orchestrator.calls)
    with Simulators(orchestrator.url, sims.keys, time_scale=60_000.0) as restarted:
        recall(tmp_path / "kept.json", restarted.partners)
        orchestrator.wait(7 * 3)
        assert list(restarted.chatterbot.leads.rows) == ids
        assert len(restarted.chatterbot.leads.pending(10)) == 0
    paths = [call.path for call in orchestrator.calls]
    assert paths[:before].count("/webhooks/chatterbot/message-sent") < 7
    for act in ("message-sent", "seller-replied", "deal-confirmed"):
        assert paths.count(f"/webhooks/chatterbot/{act}") == 7


def test_a_full_disk_leaves_the_memory_as_it_was(sims: Simulators, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    file.write_text("{}")
    file.with_suffix(".new").symlink_to("/dev/full")

    save(file, sims.partners)

    assert file.read_text() == "{}"


def test_a_spoilt_memory_is_passed_over(sims: Simulators, tmp_path: Path) -> None:
    for text in ("{", "[]", '{"chatterbot": [{"lead": {}}]}'):
        (tmp_path / "kept.json").write_text(text)
        recall(tmp_path / "kept.json", sims.partners)
    assert not sims.chatterbot.leads.rows


def test_a_callback_is_sent_again_where_it_could_not_be_taken(
    ask: Ask, orchestrator: Recorder, switch: Any
) -> None:
    switch("chatterbot", outcome="silent")
    orchestrator.statuses = [503, 429, 200]
    ask("chatterbot", "POST", "/leads", json=lead())
    calls = orchestrator.wait(3)
    assert calls[0].json == calls[1].json == calls[2].json
    orchestrator.statuses = [409]
    ask("chatterbot", "POST", "/leads", json=lead())
    assert len(orchestrator.quiet()) == 4


def test_the_callback_can_come_before_the_answer(
    sims: Simulators, ask: Ask, orchestrator: Recorder, switch: Any
) -> None:
    switch("chatterbot", outcome="silent", callback_before_answer=True)
    answered: list[float] = []
    orchestrator.meanwhile = lambda call: time.sleep(0.2)
    order_id = ask("chatterbot", "POST", "/leads", json=lead()).json()["order_id"]
    answered.append(time.monotonic())
    assert orchestrator.calls[0].at < answered[0]
    assert sims.chatterbot.lead(order_id).status == "messaged"
    assert len(orchestrator.quiet()) == 1


def test_every_callback_can_come_twice(ask: Ask, orchestrator: Recorder, switch: Any) -> None:
    switch("chatterbot", outcome="confirmed", callback_twice=True, times=1)
    ask("chatterbot", "POST", "/leads", json=lead())
    orchestrator.wait(6)
    calls = orchestrator.quiet()
    assert len(calls) == 6
    assert [call.json for call in calls[::2]] == [call.json for call in calls[1::2]]


@pytest.mark.parametrize("time_scale", [1.0])
def test_a_callback_can_be_ordered(ask: Ask, orchestrator: Recorder) -> None:
    ask("chatterbot", "POST", "/leads", json=lead())
    order = {"act": "deal-confirmed", "listing_id": LISTING, "agreed_price": "1.00"}
    done = ask("chatterbot", "POST", "/_act", json=order).json()
    assert (done["status"], done["answer"]) == (200, {"state": "FOUND"})
    assert orchestrator.calls[0].json == done["sent"]
    assert done["sent"]["agreed_price"] == "1.00"
    raw = ask("chatterbot", "POST", "/_act", json={"act": "deal-failed", "body": {"a": 1}}).json()
    assert raw["sent"] == {"a": 1}
    wrongs: list[Any] = [{"act": "deal-confirmed", "order_id": 3}, {"act": "x"}, []]
    for wrong in wrongs:
        assert ask("chatterbot", "POST", "/_act", json=wrong).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/leads", [], 500),
        ("/leads", lead(url="a\0b"), 500),
        ("/leads", lead(confidence=float(10)), 500),
        ("/leads", lead(price="dear"), 500),
        ("/leads/batch", {"leads": [1]}, 500),
        ("/leads/batch", {"leads": {}}, 400),
    ],
)
def test_what_else_it_does_not_take(ask: Ask, path: str, body: Any, status: int) -> None:
    assert ask("chatterbot", "POST", path, json=body).status_code == status


def test_two_runs_share_no_order_id(ask: Ask, sims: Simulators) -> None:
    first = ask("chatterbot", "POST", "/leads", json=lead()).json()["order_id"]
    assert sims.chatterbot.first_order_id <= first < 2**31
    assert first > 50_000_000
