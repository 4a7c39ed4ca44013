"""Every fault that can be switched on, and the controls that all partners share."""

import threading
import time
from typing import Any

import pytest
import requests

from integrations.simulators import Simulators
from tests.races import PATIENCE, until

from .conftest import Ask
from .recorder import Recorder
from .test_chatterbot import lead

PARTNERS = ["scraperv2", "chatterbot", "ebaylister", "telegram"]
# A call of each partner that does nothing.
HARMLESS = {
    "scraperv2": "/jobs",
    "chatterbot": "/health",
    "ebaylister": "/health",
    "telegram": "/getMe",
}


@pytest.fixture
def time_scale() -> float:
    """So slow that nothing happens by itself."""
    return 1.0


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_status_as_often_as_wanted(ask: Ask, switch: Any, partner: str) -> None:
    switch(partner, status=503, times=2)
    answers = [ask(partner, "GET", HARMLESS[partner]).status_code for _ in range(3)]
    assert answers == [503, 503, 200]


@pytest.mark.parametrize("partner", PARTNERS)
def test_too_many_requests(ask: Ask, switch: Any, partner: str) -> None:
    switch(partner, retry_after=7, times=1)
    answer = ask(partner, "GET", HARMLESS[partner])
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_redirect_and_a_slow_answer(ask: Ask, switch: Any, partner: str) -> None:
    switch(partner, redirect=True, times=1)
    answer = ask(partner, "GET", HARMLESS[partner])
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/{partner}/_moved")
    switch(partner, slow=0.3, times=1)
    began = time.monotonic()
    assert ask(partner, "GET", HARMLESS[partner]).status_code == 200
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("partner", PARTNERS)
def test_an_answer_that_never_comes(sims: Simulators, ask: Ask, switch: Any, partner: str) -> None:
    switch(partner, hang=True, times=1)
    with pytest.raises(requests.ReadTimeout):
        ask(partner, "GET", HARMLESS[partner], timeout=(PATIENCE, 0.3))
    until(lambda: not sims.partners[partner].faults.shown())  # it met that call, and not the next one
    assert ask(partner, "GET", HARMLESS[partner]).status_code == 200


def test_a_lost_answer_has_done_its_work(sims: Simulators, ask: Ask, switch: Any) -> None:
    switch("chatterbot", drop_answer=True, on="POST /leads", times=1)
    sent = lead()
    with pytest.raises(requests.ConnectionError):
        ask("chatterbot", "POST", "/leads", json=sent)
    assert [row.url for row in sims.chatterbot.leads.rows.values()] == [sent["url"]]
    assert ask("chatterbot", "POST", "/leads", json=sent).json() == {"status": "duplicate"}
    assert [row["url"] for row in ask("chatterbot", "GET", "/leads").json()["leads"]] == [sent["url"]]


def test_an_unreadable_answer_and_an_empty_one(sims: Simulators, ask: Ask, switch: Any) -> None:
    switch("chatterbot", garbage=True, times=1)
    answer = ask("chatterbot", "POST", "/leads", json=lead())
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    switch("chatterbot", empty=True, times=1)
    answer = ask("chatterbot", "POST", "/leads", json=lead())
    assert (answer.status_code, answer.content) == (201, b"")
    assert len(sims.chatterbot.leads.rows) == 2


def test_a_refusal_does_nothing(sims: Simulators, ask: Ask, switch: Any) -> None:
    for fault in ({"status": 500}, {"redirect": True}, {"retry_after": 1}):
        switch("chatterbot", **fault)
        ask("chatterbot", "POST", "/leads", json=lead())
    assert not sims.chatterbot.leads.rows


def test_a_fault_meets_only_what_it_is_on(ask: Ask, switch: Any) -> None:
    switch("chatterbot", status=500, on="PUT /leads")
    assert ask("chatterbot", "GET", "/leads").status_code == 200
    assert ask("chatterbot", "PUT", "/leads/1/status", json={"status": "x"}).status_code == 500


def test_a_job_can_call_before_its_answer_and_twice(ask: Ask, orchestrator: Recorder, switch: Any) -> None:
    switch("scraperv2", callback_before_answer=True, callback_twice=True, times=1)
    job = ask("scraperv2", "POST", "/scrape", json={"brands": ["Sony"], "search": "x"}).json()
    assert [call.json["job_id"] for call in orchestrator.calls] == [job["job_id"]] * 2
    assert orchestrator.calls[0].body == orchestrator.calls[1].body


@pytest.mark.parametrize(
    "wrong",
    [
        {"stauts": 500},
        {"status": "500"},
        {"status": True},
        {"slow": -1},
        {"hang": 1},
        {"outcome": "eaten"},
        {"times": 1.5},
        [],
    ],
)
def test_a_fault_that_does_not_exist_is_refused(ask: Ask, wrong: Any) -> None:
    answer = ask("chatterbot", "POST", "/_faults", json=wrong)
    assert answer.status_code == 400
    assert ask("chatterbot", "GET", "/_state").json()["faults"] == {}


@pytest.mark.parametrize("partner", PARTNERS)
def test_state_tells_all_but_the_keys(sims: Simulators, ask: Ask, switch: Any, partner: str) -> None:
    ask(partner, "GET", HARMLESS[partner])
    ask(partner, "GET", HARMLESS[partner])
    switch(partner, status=500, times=3)
    state = ask(partner, "GET", "/_state")
    assert state.json()["counts"] == {f"GET {HARMLESS[partner]}": 2, "requests": 2, "status 200": 2}
    assert state.json()["faults"] == {"status": 500, "times": 3}
    assert [request["status"] for request in state.json()["requests"]] == [200, 200]
    assert not any(key in state.text for key in vars(sims.keys).values())
    assert ask(partner, "POST", "/_reset").json() == {"reset": True}
    emptied = ask(partner, "GET", "/_state").json()
    assert (emptied["counts"], emptied["faults"], emptied["requests"]) == ({}, {}, [])


def test_no_key_is_logged(sims: Simulators, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0):
        for partner in PARTNERS:
            ask(partner, "GET", HARMLESS[partner])
        ask("chatterbot", "POST", "/leads", json=lead())
        ask("telegram", "POST", "/sendMessage", data={"chat_id": 5, "text": "x"})
        ask("scraperv2", "POST", "/scrape", json={"brands": ["Sony"], "search": "x"})
    # The client's own lines, of urllib3, are not ours.
    ours = " ".join(record.getMessage() for record in caplog.records if record.name == "simulators")
    assert "lead" in ours
    assert not any(key in ours for key in vars(sims.keys).values())


def test_unknown_partners_controls_and_bodies(sims: Simulators, ask: Ask) -> None:
    assert requests.get(sims.url("nobody"), timeout=PATIENCE).status_code == 404
    assert ask("telegram", "GET", "/_else").status_code == 404
    assert ask("telegram", "POST", "/_faults", data="{").status_code == 400
    chunks = iter([b"{}"])
    assert ask("chatterbot", "POST", "/leads", data=chunks).status_code == 413


def test_it_ends_though_clients_hold_on(orchestrator: Recorder) -> None:
    sims = Simulators(orchestrator.url)
    before = threading.active_count()
    with requests.Session() as session:
        session.get(sims.url("chatterbot") + "/health", timeout=PATIENCE)
        session.post(sims.url("chatterbot") + "/_faults", json={"hang": True, "times": 1}, timeout=PATIENCE)
        hanging = threading.Thread(target=_swallow, args=(sims.url("chatterbot") + "/health",))
        hanging.start()
        until(lambda: not sims.chatterbot.faults.shown())
        sims.close()
        hanging.join(PATIENCE)
        assert not hanging.is_alive()
    assert threading.active_count() <= before - 2


def _swallow(url: str) -> None:
    with pytest.raises(requests.ConnectionError):  # not a time-out: it did not wait for its client to give up
        requests.get(url, timeout=2 * PATIENCE)


def test_a_connection_is_kept(sims: Simulators) -> None:
    with requests.Session() as session:
        for _ in range(3):
            answer = session.get(sims.url("scraperv2"), timeout=PATIENCE)
            assert answer.headers.get("Connection") != "close"
        assert answer.raw.version == 11


def test_a_port_in_use_leaves_nothing_behind(sims: Simulators) -> None:
    before = threading.active_count()
    with pytest.raises(OSError, match="in use"):
        Simulators(port=sims.port)
    assert threading.active_count() == before


def test_an_answer_of_fifty_megabytes(ask: Ask, switch: Any) -> None:
    switch("chatterbot", huge=50_000_000, times=1)
    assert len(ask("chatterbot", "GET", "/health").content) == 50_000_000


def test_an_answer_byte_by_byte(ask: Ask, switch: Any) -> None:
    switch("ebaylister", drip=0.002, times=1)
    began = time.monotonic()
    answer = ask("ebaylister", "GET", "/health")
    assert answer.json() == {"status": "ok"}
    assert time.monotonic() - began >= 0.002 * len(answer.content)
    assert ask("ebaylister", "GET", "/health").status_code == 200


def test_an_answer_that_belongs_to_another_call(sims: Simulators, ask: Ask, switch: Any) -> None:
    first = ask("chatterbot", "POST", "/leads", json=lead()).json()
    switch("chatterbot", mixed_up=True, times=1)
    assert ask("chatterbot", "POST", "/leads", json=lead()).json() == first
    assert len(sims.chatterbot.leads.rows) == 2
    assert ask("chatterbot", "POST", "/leads", json=lead()).json() != first
