"""What every test may use: clients, keys, listings, and tables that can be emptied."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management.commands import flush
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from integrations import events
from integrations.patience import Policy
from tests import emptying, factories

# How long an example takes says more of the machine, and of who else is busy on it, than of what is tried.
hypothesis_settings.register_profile(
    "timeless", hypothesis_settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("timeless")

SAMPLE = Path(__file__).resolve().parents[2] / "shared" / "data" / "sample"
SCRAPER_KEY = "scraper-key-of-the-tests"


def not_run(reason: str) -> None:
    """Leave a test out, visibly; in CI, where nothing may be left out, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def sample() -> Path:
    """The recorded jobs. They belong to others and stay where they are: beside the repository."""
    if not (SAMPLE / "MANIFEST.json").exists():
        not_run("the recorded jobs are not beside the repository")
    return SAMPLE


@pytest.fixture
def rabbitmq_url(settings: Any) -> str:
    """The real broker, switched on, with no exchange of ours and so without anybody's bindings."""
    settings.RABBITMQ_URL = os.environ["RABBITMQ_URL"]
    with events.broker() as connection:
        channel: Any = connection.default_channel
        channel.exchange_delete(settings.EVENTS_EXCHANGE)
    return os.environ["RABBITMQ_URL"]


@pytest.fixture(scope="session", autouse=True)
def _tables_can_be_emptied() -> Iterator[None]:
    """Empty the tables between tests as `tests.emptying` does."""
    original = flush.Command.handle
    flush.Command.handle = emptying.handle  # type: ignore[method-assign, assignment]
    yield
    flush.Command.handle = original  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _environment(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its keys, no broker unless it asks for one, and no worker to wake."""
    settings.WEBHOOK_KEYS = {**{name: [] for name in django_settings.WEBHOOK_KEYS}, "scraper": [SCRAPER_KEY]}
    settings.WEBHOOK_SECRETS = {name: [] for name in django_settings.WEBHOOK_KEYS}
    settings.SCRAPER_API_KEY = "what-we-send-to-scraperv2"
    settings.RABBITMQ_URL = ""
    monkeypatch.setattr("integrations.nudges.wake", lambda channels: None)


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what failed wait, and an open breaker stay open, until the test lets the time pass, however long it takes."""
    monkeypatch.setattr(Policy, "delay", lambda *given, **named: timedelta(hours=1))


@pytest.fixture
def post_job(client: Client) -> Callable[..., Any]:
    """Post a body (bytes or JSON) to the job-complete webhook, as ScraperV2 does."""

    def post(
        body: Any, *, key: str = SCRAPER_KEY, path: str = "/webhooks/scraper/job-complete", **headers: str
    ) -> Any:
        data = body if isinstance(body, bytes) else factories.dumps(body)
        return client.post(path, data, content_type="application/json", headers={"x-api-key": key, **headers})

    return post


@pytest.fixture
def viewer(db: None) -> Client:
    """A signed-in member of Viewers."""
    return factories.signed_in("vera", group="Viewers")


@pytest.fixture
def operator(db: None) -> Client:
    """A signed-in member of Operators, named ann."""
    return factories.signed_in("ann", group="Operators")
