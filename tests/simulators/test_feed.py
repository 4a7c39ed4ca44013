"""The demo's jobs: the same at every start, believable, and with everything a buyer's screen must bear."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integrations.simulators import Keys, Simulators
from integrations.simulators.catalogue import CATALOGUE
from integrations.simulators.feed import Feed, demo_items, demo_jobs
from integrations.simulators.keys import MissingKey
from tests.races import PATIENCE

from .recorder import Recorder
from .shapes import same_form

ROOT = Path(__file__).resolve().parents[2]
ITEM = re.compile(r"/marketplace/item/(\d+)")


def item_of(found: dict[str, Any]) -> str:
    """Return which item a match is about."""
    named = ITEM.search(found["listing"]["url"])
    assert named
    return named[1]


@pytest.fixture(scope="module")
def sighted() -> dict[str, list[dict[str, Any]]]:
    """Return every item's matches, in the order in which they are delivered."""
    seen = defaultdict(list)
    for job in demo_jobs():
        for found in job["matches"]:
            seen[item_of(found)].append(found)
    return dict(seen)


def test_the_jobs_are_the_same_at_every_call() -> None:
    assert demo_jobs() == demo_jobs()
    assert len({job["job_id"] for job in demo_jobs()}) == len(demo_jobs()) == 9
    # The same in another process too, whatever its hash seed is.
    code = "from integrations.simulators.feed import demo_jobs; print([j['job_id'] for j in demo_jobs()])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([job["job_id"] for job in demo_jobs()])


def test_there_are_150_items_of_every_camera(sighted: dict[str, list[dict[str, Any]]]) -> None:
    valid = {item for item, found in sighted.items() if (found[0]["listing"]["price"] or 0) >= 0}
    assert len(valid) == len(demo_items()) == 150
    models = {found["product"]["model"] for matches in sighted.values() for found in matches}
    assert models == {product.model for product in CATALOGUE}


def test_items_are_seen_again_under_other_links_and_some_cheaper(
    sighted: dict[str, list[dict[str, Any]]],
) -> None:
    again = [matches for matches in sighted.values() if len(matches) > 1]
    assert len(again) > 20
    assert all(len({found["listing"]["url"] for found in matches}) > 1 for matches in again)
    drops = [m for m in again if (m[-1]["listing"]["price"] or 0) < (m[0]["listing"]["price"] or 0)]
    assert len(drops) >= 10
    hosts = {found["listing"]["url"].split("/")[2] for matches in sighted.values() for found in matches}
    assert hosts == {"www.facebook.com", "m.facebook.com", "web.facebook.com"}


def test_the_oddities_are_there_once(sighted: dict[str, list[dict[str, Any]]]) -> None:
    firsts = [matches[0] for matches in sighted.values()]
    unpriced = [found for found in firsts if found["listing"]["price"] is None]
    assert [(found["confidence"], found["potential_profit"]) for found in unpriced] == [(70.0, None)]
    assert len([found for found in firsts if (found["listing"]["price"] or 0) < 0]) == 1
    pairs = [m for m in sighted.values() if len({found["product"]["id"] for found in m}) > 1]
    assert len(pairs) == 1
    assert any(
        len({item_of(found) for found in job["matches"]}) < len(job["matches"]) for job in demo_jobs()[-1:]
    )


def test_every_match_adds_up(sighted: dict[str, list[dict[str, Any]]]) -> None:
    cameras = {product.id: product for product in CATALOGUE}
    for found in (found for matches in sighted.values() for found in matches):
        product, price = cameras[found["product"]["id"]], found["listing"]["price"]
        assert found["listing"]["title"]
        assert len(found["listing"]["title"]) <= 136
        assert 70 <= found["confidence"] <= 100
        if found["potential_profit"] is not None:
            assert product.low <= price <= product.high
            assert found["potential_profit"] == product.sells_for - price > 0
    confidences = [found["confidence"] for matches in sighted.values() for found in matches]
    assert any(type(confidence) is int for confidence in confidences)


def test_the_jobs_have_the_recorded_form(recorded: Callable[[str], Any]) -> None:
    sample = recorded("sample/001.json")
    for job in demo_jobs():
        priced = [found for found in job["matches"] if found["potential_profit"] is not None]
        assert same_form(sample, job | {"matches": priced}) == []
    theirs = {found["listing"]["url"] for found in sample["matches"]}
    ours = {found["listing"]["url"] for job in demo_jobs() for found in job["matches"]}
    assert not theirs & ours


def run(orchestrator: Recorder, every: float = 0.0) -> None:
    """Run a feed from its start until it ends by itself."""
    with Simulators(orchestrator.url, time_scale=60_000) as sims:
        Feed(sims.scraperv2, every).run()


def test_the_feed_posts_every_job_in_order_and_again_at_the_next_start(orchestrator: Recorder) -> None:
    run(orchestrator)
    assert [call.json for call in orchestrator.calls] == demo_jobs()
    assert {call.path for call in orchestrator.calls} == {"/webhooks/scraper/job-complete"}
    run(orchestrator)
    assert [call.body for call in orchestrator.calls[9:]] == [call.body for call in orchestrator.calls[:9]]


def test_a_fed_job_can_be_asked_for(orchestrator: Recorder) -> None:
    with Simulators(orchestrator.url) as sims:
        Feed(sims.scraperv2, 0).run()
        document = sims.scraperv2.jobs[demo_jobs()[0]["job_id"]].document()
    assert document["status"] == "completed"
    assert document["result"]["matches"] == demo_jobs()[0]["matches"]


def test_the_feed_waits_for_the_orchestrator_and_outlasts_a_fault(orchestrator: Recorder) -> None:
    orchestrator.alive = 503
    orchestrator.statuses = [202, 503, 202]
    threading.Timer(0.5, lambda: setattr(orchestrator, "alive", 200)).start()
    run(orchestrator)
    assert [call.json["job_id"] for call in orchestrator.calls[:3]] == [
        demo_jobs()[number]["job_id"] for number in (0, 1, 1)
    ]
    assert len(orchestrator.calls) == 10


def test_a_refused_feed_ends(orchestrator: Recorder) -> None:
    orchestrator.status = 401
    run(orchestrator)
    assert len(orchestrator.calls) == 1


def test_a_few_new_finds_follow(orchestrator: Recorder) -> None:
    with Simulators(orchestrator.url, time_scale=60_000) as sims:
        feed = threading.Thread(target=Feed(sims.scraperv2, 0.1).run)
        feed.start()
        calls = orchestrator.wait(12)
    feed.join(PATIENCE)
    assert not feed.is_alive()
    known = {item_of(found) for job in demo_jobs() for found in job["matches"]}
    later = [call.json for call in calls[9:]]
    assert not {job["job_id"] for job in later} & {job["job_id"] for job in demo_jobs()}
    for job in later:
        assert 1 <= len({item_of(found) for found in job["matches"]} - known) <= 7


def environment(url: str) -> dict[str, str]:
    """Return the environment that the command needs, each key named after its variable."""
    names = [name.upper() for name in vars(Keys.drawn())]
    return {name: f"secret-{name.lower()}" for name in names} | {
        "ORCHESTRATOR_URL": url,
        "PATH": os.environ["PATH"],
    }


def test_the_command_serves_feeds_and_ends(orchestrator: Recorder, tmp_path: Path) -> None:
    memory = tmp_path / "new" / "kept.json"
    command = [sys.executable, "-W", "error", "-u", "-m", "integrations.simulators", "--port", "0"]
    command += ["--feed", "--memory", str(memory)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(orchestrator.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        calls = orchestrator.wait(9)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert calls[0].header("x-api-key") == "secret-scraper_webhook_key"
    assert "secret-" not in output
    assert json.loads(memory.read_text())["chatterbot"] == []
    assert "Traceback" not in output
    assert output.startswith("simulators: scraperv2, chatterbot, ebaylister, telegram on port ")


def test_with_a_token_the_owner_comes_too(orchestrator: Recorder) -> None:
    orchestrator.alive = 403
    given = environment(orchestrator.url) | {"DEMO_OWNER_TOKEN": "secret-token"}
    command = [sys.executable, "-W", "error", "-u", "-m", "integrations.simulators", "--port", "0"]
    with subprocess.Popen(
        [*command, "--time-scale", "6000"],
        cwd=ROOT,
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        call = orchestrator.wait(1)[0]
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert (call.path.partition("?")[0], call.header("Authorization")) == (
        "/admin/listings",
        "Token secret-token",
    )
    assert "secret-" not in output


def test_the_command_names_the_key_it_lacks() -> None:
    given = environment("http://127.0.0.1:1") | {"EBAY_API_KEY": " "}
    command = [sys.executable, "-m", "integrations.simulators", "--port", "0"]
    done = subprocess.run(
        command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (2, "simulators: EBAY_API_KEY is not set\n")


def test_keys_come_from_the_environment() -> None:
    given = environment("") | {"SCRAPER_WEBHOOK_KEY": "new,old"}
    del given["TELEGRAM_BOT_TOKEN"]
    keys = Keys.from_environment(given)
    assert keys.scraper_webhook_key == "new"
    assert len(keys.telegram_bot_token) > 20
    assert "secret" not in repr(keys)
    with pytest.raises(MissingKey, match="CHATTERBOT_API_KEY"):
        Keys.from_environment(given | {"CHATTERBOT_API_KEY": ""})
