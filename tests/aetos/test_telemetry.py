"""One trace from a posted job to its last event; an error is reported without anybody's data; off by default."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aetos.collector import Collector, attributes
from tests.aetos.processes import KEYS, PATIENCE, Process, Web, environment, wait_for
from tests.aetos.processes import ROOT as CODE
from tests.factories import a_job, a_match
from tests.integrations.broker import Consumer

CANARY = "canary-9b1f"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as listening:
        yield listening


@pytest.mark.rabbitmq
@pytest.mark.django_db(transaction=True)
def test_one_trace_leads_from_a_job_to_its_events(
    collector: Collector, rabbitmq_url: str, tmp_path: Path
) -> None:
    traced = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "RABBITMQ_URL": rabbitmq_url,
    }
    with (
        Consumer(rabbitmq_url, "listing.created") as consumer,
        Process("worker", tmp_path, **traced) as worker,
        Web(tmp_path, **traced) as web,
    ):
        answer = web.post_job(a_job(a_match(title=CANARY), a_match(title=CANARY)))
        assert answer.status_code == 202
        events = consumer.take(2)
        names = {"POST /webhooks/scraper/job-complete", "publish listing.created"}
        wait_for(lambda: names <= {span.name for span in collector.spans()}, "the spans' arrival")
        said = web.output
    del worker
    spans = collector.spans()
    traces = {event.properties.headers["traceparent"].split("-")[1] for event in events}
    assert traces == {span.trace_id.hex() for span in spans if span.name in names}
    assert len(traces) == 1
    (request,) = [span for span in spans if span.name.startswith("POST")]
    told = attributes(request)
    assert told["http.response.status_code"] == "202"
    lines = [json.loads(line) for line in said.splitlines() if '"request_finished"' in line]
    assert told["aetos.request_id"] in {line["request_id"] for line in lines}
    finished = [json.loads(line) for line in said.splitlines() if '"delivered"' in line or "trace_id" in line]
    assert {line["trace_id"] for line in finished if "trace_id" in line} <= traces
    everything = b"".join(collector.bodies)
    assert not any(secret.encode() in everything for secret in (CANARY, KEYS["SCRAPER_WEBHOOK_KEY"]))


FAILING = f"""
import logging, django, structlog
django.setup()
from aetos import telemetry
telemetry.start("web")
import sentry_sdk
def fail():
    secret_of_the_caller = "{CANARY}"
    raise ValueError(secret_of_the_caller)
try:
    fail()
except ValueError:
    structlog.get_logger("aetos").exception("a thing went wrong", seller="{CANARY}")
sentry_sdk.flush(60)
"""


def test_an_error_is_reported_by_its_kind_and_place_alone(collector: Collector, tmp_path: Path) -> None:
    known = environment(tmp_path, SENTRY_DSN=f"http://key@127.0.0.1:{collector.port}/1")
    known |= {"DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite3", "PYTHONPATH": str(CODE)}
    done = subprocess.run(
        [sys.executable, "-c", FAILING], cwd=CODE, env=known, capture_output=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    report = b"".join(collector.bodies)
    assert b"ValueError" in report and b"a thing went wrong" in report and b'"fail"' in report
    assert CANARY.encode() not in report


def test_without_a_place_named_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    known = environment(tmp_path) | {"DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite3"}
    asks = "import django, sys; django.setup(); from aetos import telemetry; telemetry.start('web');"
    asks += "print([name for name in sys.modules if name.startswith(('opentelemetry', 'sentry_sdk'))])"
    done = subprocess.run(
        [sys.executable, "-c", asks], cwd=CODE, env=known, capture_output=True, timeout=PATIENCE
    )
    assert done.stdout.strip() == b"[]", done.stderr
