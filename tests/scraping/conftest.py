"""What the tests of scrapes share: the simulated ScraperV2 over HTTP, and what staff are told."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integrations.models import OutboxMessage
from integrations.simulators import Simulators
from integrations.simulators.faults import Fault
from tests.races import until
from tests.simulators.recorder import Recorder


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Keep what ScraperV2 sends, so that a test delivers it when it likes."""
    recorder = Recorder()
    yield recorder
    recorder.close()


@pytest.fixture
def sims(recorder: Recorder, settings: Any) -> Iterator[Simulators]:
    """Run the partners, a thousand times faster than they do in the demo."""
    with Simulators(recorder.url, time_scale=60_000) as running:
        settings.SCRAPER_API_URL = running.url("scraperv2")
        settings.SCRAPER_API_KEY = running.keys.scraper_api_key
        yield running


@pytest.fixture
def told(settings: Any) -> Callable[[], list[str]]:
    """Switch Telegram on; return a function that lists what staff are told of jobs, but not what these found."""
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "123:token", "42"

    def texts() -> list[str]:
        rows = OutboxMessage.objects.filter(channel="telegram").order_by("id")
        return [row.body["text"] for row in rows if row.body["text"].endswith("/staff/scraping/scrapejob/")]

    return texts


def switch(sims: Simulators, **fault: Any) -> None:
    """Switch a fault of ScraperV2 on, in place of the one before."""
    sims.scraperv2.faults.switch(Fault(**fault))


def over(sims: Simulators, job_id: str) -> None:
    """Wait until a job of the simulated ScraperV2 is over."""

    def is_over() -> bool:
        job = sims.scraperv2.jobs.get(job_id)
        return job is None or job.status not in ("pending", "running")

    until(is_over, "the simulated job's end")
