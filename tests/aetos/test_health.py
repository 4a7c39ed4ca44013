"""`/health`: the truth in under three seconds, whatever is down or hangs."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import Client

from integrations.models import Pulse
from integrations.tasks import process_inbox
from listings.models import ProductListing
from tests.aetos.processes import KEYS, PATIENCE, Web, database_url, quick, wait_for
from tests.factories import a_job, a_match
from tests.integrations.broker import Line
from tests.throwaway import free_port

HEALTHY = {"status": "healthy", "database": "connected", "rabbitmq": "connected"}


def ask(web: Web) -> tuple[int, dict[str, Any]]:
    """Ask for its health, and check that it is told in time."""
    answer = quick(lambda: requests.get(f"{web.url}/health", timeout=PATIENCE), seconds=3)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()


@pytest.mark.django_db
@pytest.mark.parametrize("slash", ["", "/"])
def test_without_a_broker_it_is_healthy(client: Client, slash: str) -> None:
    answer = client.get(f"/health{slash}")
    body = {"status": "healthy", "database": "connected", "rabbitmq": "disabled"}
    assert (answer.status_code, answer.json()) == (200, body)
    assert client.get(f"/health/live{slash}").json() == {"status": "alive"}


def test_without_a_database_it_serves_and_says_so(tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path}/no/such/folder/db.sqlite3"
    with Web(tmp_path / "web", DATABASE_URL=nowhere) as web:
        body = {"status": "degraded", "database": "disconnected", "rabbitmq": "disabled"}
        assert ask(web) == (503, body)
        for path in ("/admin/listings", "/webhooks/scraper/job-complete"):
            headers = {"X-API-Key": KEYS["SCRAPER_WEBHOOK_KEY"], "Authorization": "Token x"}
            method = "GET" if "admin" in path else "POST"
            answer = requests.request(method, web.url + path, json=a_job(), headers=headers, timeout=PATIENCE)
            assert (answer.status_code, list(answer.json())) == (503, ["detail"])
            assert "no/such" not in answer.text


@pytest.fixture(scope="module")
def lines(django_db_setup: None) -> Iterator[dict[str, Line]]:
    """Our lines to the broker and to PostgreSQL."""
    with Line(os.environ["RABBITMQ_URL"]) as broker, Line(database_url()) as database:
        yield {"rabbitmq": broker, "database": database}


@pytest.fixture(scope="module")
def far_web(
    lines: dict[str, Line], django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Web]:
    """A web server that reaches its broker and its database by lines that can fail."""
    with Web(
        tmp_path_factory.mktemp("far"),
        RABBITMQ_URL=lines["rabbitmq"].url,
        DATABASE_URL=database_url(lines["database"].port),
    ) as web:
        yield web


@pytest.mark.postgres
@pytest.mark.rabbitmq
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["refuses", "hangs"])
@pytest.mark.parametrize("which", ["rabbitmq", "database"])
def test_what_is_down_or_hangs_is_told_and_told_again_when_it_is_back(
    far_web: Web, lines: dict[str, Line], which: str, how: str
) -> None:
    line = lines[which]
    wait_for(lambda: ask(far_web) == (200, HEALTHY), "health")
    line.refuse() if how == "refuses" else line.hang()
    try:
        expected = (503, {**HEALTHY, "status": "degraded", which: "disconnected"})
        for _ in range(2):  # on a busy machine the other one, too, may be late with its answer
            wait_for(lambda: ask(far_web) == expected, "the truth")
        assert requests.get(f"{far_web.url}/health/live", timeout=PATIENCE).status_code == 200
        if which == "rabbitmq":
            took = []
            for _ in range(5):
                began = time.monotonic()
                assert far_web.post_job(a_job(a_match())).status_code == 202
                took.append(time.monotonic() - began)
            assert min(took) < 1
            assert ProductListing.objects.count() == 5
    finally:
        if how == "refuses":
            line.accept()
        else:
            line.flow()
    wait_for(lambda: ask(far_web) == (200, HEALTHY), "recovery")
    assert "Traceback" not in far_web.output


@pytest.mark.django_db
def test_a_broker_that_was_never_there(settings: Any, client: Client) -> None:
    settings.RABBITMQ_URL = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "degraded", "database": "connected", "rabbitmq": "disconnected"}
    assert b"guest" not in answer.content


@pytest.mark.django_db
def test_a_wrong_password_is_a_broker_that_is_not_there(settings: Any, client: Client) -> None:
    settings.RABBITMQ_URL = "amqp://canary-user:canary-password@127.0.0.1:5672/"
    answer = client.get("/health")
    assert (answer.status_code, b"canary" in answer.content) == (503, False)


@pytest.mark.django_db
def test_the_pulse_tells_whether_tasks_are_run() -> None:
    with pytest.raises(CommandError):
        call_command("pulse", stdout=StringIO())
    process_inbox()
    call_command("pulse", stdout=(told := StringIO()))
    assert told.getvalue().startswith("alive")
    Pulse.objects.update(beaten_at=Now() - timedelta(minutes=4))
    with pytest.raises(CommandError):
        call_command("pulse", stdout=StringIO())
