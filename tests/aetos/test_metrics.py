"""`/metrics`: the product's numbers, for staff and for whoever holds the key."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from integrations.channels import CHANNELS
from integrations.models import Channel, InboxMessage, OutboxMessage
from listings.states import State
from scraping.models import ScrapeJob
from tests.conftest import SCRAPER_KEY
from tests.factories import make_listing, signed_in, staff, token

pytestmark = pytest.mark.django_db
KEY = "metrics-key-of-the-tests"


@pytest.fixture(autouse=True)
def _key(settings: Any) -> None:
    settings.METRICS_KEYS = [KEY]


def numbers(client: Client) -> dict[tuple[str, str], float]:
    answer = client.get("/metrics", headers={"authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("", 401),
        ("Bearer ", 401),
        ("Bearer wrong", 401),
        (f"Bearer {KEY}x", 401),
        (f"Bearer {KEY.upper()}", 401),
        ("Bearer clé", 401),
        (f"Bearer {SCRAPER_KEY}", 401),
        (f"Token {KEY}", 401),
        (f"Bearer {KEY}", 200),
    ],
)
def test_the_key(client: Client, header: str, status: int, slash: str) -> None:
    headers = {"authorization": header} if header else {}
    assert client.get(f"/metrics{slash}", headers=headers).status_code == status


def test_staff_need_no_key_and_others_are_403(client: Client) -> None:
    assert signed_in("vera").get("/metrics").status_code == 200
    assert client.get("/metrics", headers=token(staff("ann"))).status_code == 200
    customer = User.objects.create_user("customer")
    assert client.get("/metrics", headers=token(customer)).status_code == 403


def test_without_a_key_only_staff_may(settings: Any, client: Client) -> None:
    settings.METRICS_KEYS = []
    for header in ("Bearer ", "Bearer", "Bearer x"):
        assert client.get("/metrics", headers={"authorization": header}).status_code == 401
    assert signed_in("vera").get("/metrics").status_code == 200


def test_the_numbers(client: Client) -> None:
    for state in (State.FOUND, State.FOUND, State.CANCELLED):
        make_listing(state)
    for age, given_up in ((100, False), (10, False), (5, True)):
        OutboxMessage.objects.create(
            channel="telegram",
            topic="x",
            key="x",
            body={},
            created_at=Now() - timedelta(seconds=age),
            given_up_at=Now() if given_up else None,
        )
    Channel.objects.create(name="telegram", failures=5, closed_until=Now() + timedelta(minutes=1))
    InboxMessage.objects.create(partner="scraper", kind="job-complete", body=b"", status="refused")
    told = numbers(client)
    assert told["aetos_listings", "FOUND"] == 2
    assert told["aetos_listings", "CANCELLED"] == 1
    assert told["aetos_scrape_jobs", "completed"] == 3
    assert told["aetos_outbox_pending", "telegram"] == 2
    assert told["aetos_outbox_given_up", "telegram"] == 1
    assert 100 <= told["aetos_outbox_oldest_seconds", "telegram"] < 160
    assert told["aetos_channel_closed", "telegram"] == 1
    assert told["aetos_inbox_open", "refused"] == 1


def test_what_there_is_none_of_is_zero_and_not_absent(client: Client) -> None:
    told = numbers(client)
    assert not InboxMessage.objects.exists() and not Channel.objects.exists()
    for name, label in (
        *(("aetos_listings", state) for state in State),
        *(("aetos_scrape_jobs", status) for status in ScrapeJob.Status),
        *(("aetos_inbox_open", status) for status in ("received", "parked", "conflict")),
        *(("aetos_outbox_pending", channel) for channel in CHANNELS),
        *(("aetos_outbox_oldest_seconds", channel) for channel in CHANNELS),
        *(("aetos_channel_closed", channel) for channel in CHANNELS),
        *(("aetos_deliveries_total", f"{channel},given_up") for channel in CHANNELS),
    ):
        assert told[name, label] == 0, (name, label)
    assert ("aetos_inbox_open", "processed") not in told


def test_an_answer_of_5xx_is_counted_and_others_are_not(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = numbers(client)["aetos_http_errors_total", ""]
    assert client.get("/no/such/page").status_code == 404
    assert numbers(client)["aetos_http_errors_total", ""] == before

    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("aetos.metrics.tally.numbers", broken)
    careless = Client(raise_request_exception=False)
    assert careless.get("/metrics", headers={"authorization": f"Bearer {KEY}"}).status_code == 500
    monkeypatch.undo()
    assert numbers(client)["aetos_http_errors_total", ""] == before + 1
