"""docs/asyncapi.yaml says what leaves, and the examples can read it."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.conf import settings
from django.db.models.functions import Now

from integrations import events, relay
from integrations.models import OutboxMessage
from listings import lifecycle
from listings.models import ProductListing
from listings.states import State
from scraping import jobs
from tests.factories import a_match, make_listing
from tests.integrations.broker import Consumer, Received

DOCS = Path(settings.BASE_DIR) / "docs"
README = (Path(settings.BASE_DIR) / "README.md").read_text(encoding="utf-8")
EXAMPLES = DOCS / "examples"
DOCUMENT = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))
CHANNELS = {channel["address"]: channel for channel in DOCUMENT["channels"].values()}
ENTERED = [f"listing.state.{state.lower()}" for state in State if state != State.FOUND]
PATIENCE_SECONDS = 180


def _schema_of(routing_key: str) -> dict[str, Any]:
    (message,) = CHANNELS[routing_key]["messages"].values()
    name = message["$ref"].rpartition("/")[2]
    payload: dict[str, Any] = DOCUMENT["components"]["messages"][name]["payload"]
    return payload


def _validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    closed = {**schema, "components": DOCUMENT["components"]}
    return jsonschema.Draft202012Validator(closed)


def _live_every_event() -> None:
    jobs.trigger(brands=["Sony"], search="Sony mirrorless", by="user:test")
    again = uuid.uuid4()
    jobs.complete(again, brands=[], matches=[a_match(7, price=None), a_match(7, price=300.0)])
    make_listing(State.SOLD)
    unpriced = make_listing(State.LISTED)
    lifecycle.sell(unpriced.pk, by="ebay", ebay_sold_price=Decimal(100))
    lifecycle.cancel(make_listing().pk, by="timeout", reason="No answer.")


def test_it_names_each_routing_key_as_the_readme_does_and_none_besides() -> None:
    table = re.findall(r"^\| `((?:listing|scraper)\.[a-z_.]+)` \|", README, re.MULTILINE)
    assert table
    assert sorted(CHANNELS) == sorted(
        [*table, *ENTERED]
    )  # whose row in the table names the first and the last
    sent = {operation["channel"]["$ref"].rpartition("/")[2] for operation in DOCUMENT["operations"].values()}
    assert sent == set(DOCUMENT["channels"])


def test_its_examples_fit_its_schemas() -> None:
    shown = 0
    for message in DOCUMENT["components"]["messages"].values():
        for example in message.get("examples", ()):
            _validator(message["payload"]).validate(example["payload"])
            shown += 1
    assert shown


def _unknown_fields(message: Received) -> set[str]:
    name = _schema_of(message.routing_key)["$ref"].rpartition("/")[2]
    return set(message.body) - set(DOCUMENT["components"]["schemas"][name]["properties"])


@pytest.mark.rabbitmq
@pytest.mark.django_db
def test_what_arrives_is_what_it_says(rabbitmq_url: str) -> None:
    with Consumer(rabbitmq_url) as stranger:
        _live_every_event()
        messages = stranger.take(relay.serve("events"))
    headers = _validator(DOCUMENT["components"]["schemas"]["headers"])
    for message in messages:
        _validator(_schema_of(message.routing_key)).validate(message.body)
        headers.validate(message.properties.headers)
        assert _unknown_fields(message) == set()
    assert {message.routing_key for message in messages} == set(CHANNELS)


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Node example with what it needs, in a folder of its own."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("consumer.mjs", "package.json"):
        shutil.copy(EXAMPLES / name, folder)
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(command, cwd=folder, check=True, timeout=400)
    return folder


@pytest.fixture(params=["python", pytest.param("node", marks=pytest.mark.node)])
def example(request: pytest.FixtureRequest, rabbitmq_url: str) -> Iterator["subprocess.Popen[str]"]:
    """One of the consumers, listening; it is ended where it does not speak in time."""
    command, folder = [sys.executable, "consumer.py"], EXAMPLES
    if request.param == "node":
        command, folder = ["node", "consumer.mjs"], request.getfixturevalue("node_modules")
    environment = {**os.environ, "RABBITMQ_URL": rabbitmq_url}
    _forget_queue()
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, text=True) as process:
        patience = threading.Timer(PATIENCE_SECONDS, process.kill)
        patience.start()
        yield process
        patience.cancel()
        process.kill()
    _forget_queue()


def _forget_queue() -> None:
    with events.broker() as connection:
        channel: Any = connection.default_channel
        channel.queue_delete("profits")


def _deliver(sale: OutboxMessage) -> None:
    """Serve events until this one is taken: it is not before the example's queue is there."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not OutboxMessage.objects.filter(pk=sale.pk, delivered_at__isnull=False).exists():
        assert time.monotonic() < end, "nobody listens"
        relay.pending("events").update(next_attempt_at=Now())
        relay.serve("events")
        time.sleep(0.1)


def _sale_of(listing: ProductListing) -> OutboxMessage:
    return OutboxMessage.objects.get(topic="listing.state.sold", key=str(listing.pk))


@pytest.mark.rabbitmq
@pytest.mark.django_db
def test_the_examples_read_each_sale_once(example: "subprocess.Popen[str]") -> None:
    first, second = make_listing(State.SOLD), make_listing(State.SOLD)
    _deliver(_sale_of(first))
    OutboxMessage.objects.filter(pk=_sale_of(first).pk).update(delivered_at=None)
    _deliver(_sale_of(first))  # as after a crash that came before it was marked
    _deliver(_sale_of(second))
    assert example.stdout
    lines = [example.stdout.readline().strip() for _ in range(2)]
    assert lines == [f"{sold.pk} sold, profit 80.00" for sold in (first, second)]
