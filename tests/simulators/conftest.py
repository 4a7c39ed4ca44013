"""What the tests of the simulated partners share."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from integrations.simulators import Simulators
from integrations.simulators.world import World
from tests.races import PATIENCE

from .recorder import Recorder

# The recordings belong to others and stay where they are: beside the repository.
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

Ask = Callable[..., requests.Response]


@pytest.fixture
def recorded() -> Callable[[str], Any]:
    """Return a reader of the recordings; without them the test is skipped, and in CI it fails."""

    def read(name: str) -> Any:
        path = DATA / name
        if path.exists():
            return json.loads(path.read_text())
        reason = f"{name} is not beside the repository: nothing was held against the recording"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)

    return read


@pytest.fixture
def orchestrator() -> Iterator[Recorder]:
    """Return a running recorder."""
    recorder = Recorder()
    yield recorder
    recorder.close()


@pytest.fixture
def time_scale() -> float:
    """Return how fast the partners live; a test module or a test can say otherwise."""
    return 60_000.0


@pytest.fixture
def sims(orchestrator: Recorder, time_scale: float) -> Iterator[Simulators]:
    """Return running simulators that call the recorder."""
    with Simulators(orchestrator.url, time_scale=time_scale) as running:
        yield running


def time_passes(world: World) -> None:
    """Let all that is due later happen now, in its order."""
    with world._changed:
        waiting = sorted(world._due)
        world._due[:] = [(float(place - len(waiting)), *each[1:]) for place, each in enumerate(waiting)]
        world._changed.notify()


@pytest.fixture
def ask(sims: Simulators) -> Iterator[Ask]:
    """Return a function that calls a partner with its right key: ask("chatterbot", "GET", "/leads")."""
    keys = {
        "scraperv2": {"x-api-key": sims.keys.scraper_api_key},
        "chatterbot": {"Authorization": f"Bearer {sims.keys.chatterbot_api_key}"},
        "ebaylister": {"Authorization": f"Bearer {sims.keys.ebay_api_key}"},
        "telegram": {},
    }
    with requests.Session() as session:

        def call(partner: str, method: str, path: str, **options: Any) -> requests.Response:
            headers = {**keys[partner], **options.pop("headers", {})}
            if partner == "telegram" and not path.startswith("/_"):
                path = f"/bot{sims.keys.telegram_bot_token}{path}"
            options = {"timeout": PATIENCE, "allow_redirects": False, **options}
            return session.request(method, sims.url(partner) + path, headers=headers, **options)

        yield call


@pytest.fixture
def switch(ask: Ask) -> Callable[..., None]:
    """Return a function that switches a partner's fault on over HTTP."""

    def on(partner: str, **fault: Any) -> None:
        answer = ask(partner, "POST", "/_faults", json=fault)
        assert answer.status_code == 200, answer.text

    return on
