"""The outbox's pages, and "deliver again" that tells the truth."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations import relay
from integrations.models import Channel, DeliveryAttempt, OutboxMessage
from tests.backoffice.pages import CHANNELS, OUTBOX, nothing_written, said
from tests.factories import make_listing

pytestmark = pytest.mark.django_db


@pytest.fixture
def given_up(db: None) -> OutboxMessage:
    """A call that was given up."""
    make_listing("MESSAGING")
    row = OutboxMessage.objects.get(channel="chatterbot")
    DeliveryAttempt.objects.create(
        message=row, finished_at=timezone.now(), outcome="failed", detail="503 <b>"
    )
    DeliveryAttempt.objects.create(message=row)
    OutboxMessage.objects.filter(pk=row.pk).update(attempts=10, given_up_at=timezone.now(), last_error="503")
    row.refresh_from_db()
    return row


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Stand in for the worker: do `act` to the rows when it is woken; return the channels that were woken."""

    def install(act: Callable[[Any], Any] = lambda rows: None) -> list[str]:
        woken: list[str] = []

        def wake(channels: Iterable[str]) -> None:
            woken.extend(channels)
            act(OutboxMessage.objects.filter(delivered_at__isnull=True, channel__in=channels))

        monkeypatch.setattr("integrations.nudges.wake", wake)
        monkeypatch.setattr("integrations.admin.redelivery.PATIENCE", 0.3)
        monkeypatch.setattr("integrations.admin.redelivery.LOOK_EVERY", 0.05)
        return woken

    return install


def again(client: Client, row: OutboxMessage) -> Any:
    """Press the button."""
    return client.post(f"{OUTBOX}{row.pk}/again/")


def test_delivered(operator: Client, given_up: OutboxMessage, worker: Any) -> None:
    woken = worker(lambda rows: rows.update(delivered_at=timezone.now(), attempts=1))
    assert said(again(operator, given_up)) == ["chatterbot.send_lead: delivered."]
    assert woken == ["chatterbot"]


def test_failed_again(operator: Client, given_up: OutboxMessage, worker: Any) -> None:
    worker(lambda rows: rows.update(attempts=1, last_error="Still 503."))
    assert said(again(operator, given_up)) == [
        "chatterbot.send_lead: failed again: Still 503. It will be tried further."
    ]


def test_given_up_again(operator: Client, given_up: OutboxMessage, worker: Any) -> None:
    worker(lambda rows: rows.update(attempts=1, given_up_at=timezone.now(), last_error="401."))
    assert said(again(operator, given_up)) == ["chatterbot.send_lead: failed again and was given up: 401."]


def test_still_waiting(operator: Client, given_up: OutboxMessage, worker: Any) -> None:
    worker()
    assert said(again(operator, given_up)) == ["chatterbot.send_lead: still waiting. The worker will try it."]
    row = OutboxMessage.objects.get(pk=given_up.pk)
    assert (row.given_up_at, row.attempts) == (None, 0)


def test_held_back_by_the_breaker(operator: Client, given_up: OutboxMessage, worker: Any) -> None:
    worker()
    Channel.objects.create(name="chatterbot", closed_until=timezone.now() + timedelta(minutes=5))
    line = said(again(operator, given_up))[0]
    assert "still waiting. chatterbot does not answer, so calls are held back until" in line
    assert "held back until" in operator.get(f"{OUTBOX}{given_up.pk}/change/").content.decode()


def test_events_stay_where_no_broker_is(operator: Client, worker: Any) -> None:
    make_listing()
    row = OutboxMessage.objects.get(topic="listing.created")
    woken = worker()
    with nothing_written():
        line = said(again(operator, row))[0]
    assert "RABBITMQ_URL" in line
    assert "by design. Nothing was sent." in line
    assert woken == []
    assert "stays here: no broker" in operator.get(OUTBOX).content.decode()
    assert "by design" in operator.get(f"{OUTBOX}{row.pk}/change/").content.decode()


def test_what_was_delivered_is_not_sent_twice(operator: Client, given_up: OutboxMessage, worker: Any) -> None:
    OutboxMessage.objects.filter(pk=given_up.pk).update(delivered_at=timezone.now(), given_up_at=None)
    woken = worker()
    with nothing_written():
        assert "was delivered before" in said(again(operator, given_up))[0]
    assert woken == []
    assert "again/" not in operator.get(f"{OUTBOX}{given_up.pk}/change/").content.decode()


def test_many_at_once_each_with_its_outcome(operator: Client, worker: Any) -> None:
    for _ in range(3):
        make_listing("MESSAGING")
    calls = OutboxMessage.objects.filter(channel="chatterbot").order_by("id")
    first = calls[0].pk
    worker(lambda rows: rows.filter(pk=first).update(delivered_at=timezone.now(), attempts=1))
    response = operator.post(
        OUTBOX, {"action": "deliver_again", "_selected_action": [row.pk for row in calls], "index": "0"}
    )
    waiting = "chatterbot.send_lead: still waiting. The worker will try it."
    assert said(response) == ["chatterbot.send_lead: delivered.", waiting, waiting]


def test_too_many_at_once(operator: Client, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.admin.outbox.MOST_AT_ONCE", 1)
    make_listing("MESSAGING")
    keys = list(OutboxMessage.objects.values_list("pk", flat=True))
    with nothing_written():
        data = {"action": "deliver_again", "_selected_action": keys, "index": "0"}
        assert said(operator.post(OUTBOX, data)) == ["Nothing was done: at most 1 messages at once."]


@pytest.mark.parametrize("key", ["x", "9" * 40])
def test_ids_that_are_none(operator: Client, key: str) -> None:
    with nothing_written():
        data = {"action": "deliver_again", "_selected_action": [key], "index": "0"}
        assert said(operator.post(OUTBOX, data)) == [
            "Nothing was done: what is selected is not on this list."
        ]


def test_viewers_deliver_nothing(viewer: Client, given_up: OutboxMessage, worker: Any) -> None:
    woken = worker()
    with nothing_written():
        assert again(viewer, given_up).status_code == 403
        data = {"action": "deliver_again", "_selected_action": [given_up.pk], "index": "0"}
        assert viewer.post(OUTBOX, data).status_code == 403
    assert woken == []


def test_a_get_delivers_nothing(operator: Client, given_up: OutboxMessage, worker: Any) -> None:
    with nothing_written():
        assert operator.get(f"{OUTBOX}{given_up.pk}/again/").status_code == 302


def test_a_message_that_is_not_there(operator: Client) -> None:
    assert operator.post(f"{OUTBOX}12345/again/").status_code == 404


def test_a_message_s_page(viewer: Client, given_up: OutboxMessage) -> None:
    html = viewer.get(f"{OUTBOX}{given_up.pk}/change/").content.decode()
    for part in (
        "given up",
        "503 &lt;b&gt;",
        "no answer known",
        str(given_up.event_id),
        given_up.key,
        "listing_id",
    ):
        assert part in html
    assert f'href="/staff/listings/productlisting/{given_up.key}/change/"' in html


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"state": "waiting"}, 1),
        ({"state": "failing"}, 1),
        ({"state": "pending"}, 2),
        ({"state": "given-up"}, 1),
        ({"state": "delivered"}, 0),
        ({"channel": "chatterbot"}, 1),
        ({"channel": "events", "state": "waiting"}, 1),
        ({"topic": "listing.created"}, 1),
        ({}, 3),
    ],
)
def test_the_questions_of_staff(
    viewer: Client, given_up: OutboxMessage, query: dict[str, str], count: int
) -> None:
    OutboxMessage.objects.filter(topic="listing.created").update(attempts=2)
    assert len(viewer.get(OUTBOX, query).context["cl"].result_list) == count


def test_messages_are_found_by_id(viewer: Client, given_up: OutboxMessage) -> None:
    for term, count in ((given_up.key, 3), (str(given_up.event_id), 1), ("x", 0), ("", 3)):
        assert len(viewer.get(OUTBOX, {"q": term}).context["cl"].result_list) == count


def test_a_job_s_messages_link_to_the_job(operator: Client) -> None:
    operator.post("/staff/scraping/scrapejob/run/", {"brands": "Sony", "search": "x"})
    row = OutboxMessage.objects.get(topic="scraper.start_job")
    assert f"/staff/scraping/scrapejob/{row.key}/change/" in operator.get(OUTBOX).content.decode()
    assert operator.get(f"/staff/scraping/scrapejob/{row.key}/change/").status_code == 200


def test_channels_show_their_breaker(viewer: Client, settings: Any) -> None:
    now = timezone.now()
    Channel.objects.create(
        name="chatterbot", failures=7, last_error="503", closed_until=now + timedelta(minutes=1)
    )
    Channel.objects.create(name="telegram", failures=2, last_error="timed out")
    Channel.objects.create(name="scraperv2", last_success_at=now)
    Channel.objects.create(name="events", last_success_at=now)
    html = viewer.get(CHANNELS).content.decode()
    for part in ("held back until", "failing, 2 in a row", "answers", "no broker: events stay here", "503"):
        assert part in html
    settings.RABBITMQ_URL = "amqp://localhost"
    assert "no broker" not in viewer.get(CHANNELS).content.decode()
    assert "Failures in a row" in viewer.get(f"{CHANNELS}chatterbot/change/").content.decode()


def test_the_relay_is_what_puts_it_back(given_up: OutboxMessage) -> None:
    """What the button relies on."""
    assert relay.deliver_again([given_up.pk]) == 1
