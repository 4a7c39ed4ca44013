"""Keys that must stand nowhere: not in a log line, a row, an event, an answer or a page, whatever goes wrong.

Processes are looked at too: each that a test starts ends with a look for the keys that it was given.
"""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse

from aetos.logs import json_formatter
from integrations import outbox, relay, telegram_chat
from integrations.models import Channel, DeliveryAttempt, InboxMessage, OutboxMessage
from listings.models import ProductListing
from listings.states import State
from scraping import jobs
from tests.aetos.processes import Process, leaked
from tests.factories import a_job, dumps, make_listing, staff, token
from tests.integrations.partner import Partner
from tests.people.conftest import places

pytestmark = pytest.mark.django_db

CANARY = "canary-9d2e-"
SENT = {"SCRAPER_API_KEY": "scraper", "CHATTERBOT_API_KEY": "chatterbot", "EBAY_API_KEY": "ebay"}
PARTNERS = ("scraper", "chatterbot", "ebay")
SHOWN = ("x-api-key", "authorization")


def quoting(handler: Any) -> bytes:
    """Answer as a careless partner does, whose errors repeat what they were sent."""
    return json.dumps({"detail": f"Bad key in {handler.path} {dict(handler.headers)}", "ok": False}).encode()


def answering(status: int, **headers: str) -> Callable[[Any], None]:
    """Return an answer of that status that quotes the request."""

    def write(handler: Any) -> None:
        body = quoting(handler)
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return write


def hanging_up(handler: Any) -> None:
    """Close without an answer."""
    handler.connection.close()


WAYS: dict[str, Callable[[Any], None]] = {
    "200 that is no answer": answering(200),
    "a redirect": answering(302, Location="http://127.0.0.1/?key=x"),
    "400": answering(400),
    "401": answering(401),
    "404": answering(404),
    "422": answering(422),
    "429": answering(429),
    "500": answering(500),
    "broken off": hanging_up,
}


@pytest.fixture
def said() -> Iterator[StringIO]:
    """All that is logged, at every level, as the product writes it."""
    stream, root = StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(json_formatter())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def partner(settings: Any) -> Iterator[Partner]:
    """One server for all partners; every key is a canary."""
    with Partner() as running:
        for name, short in SENT.items():
            setattr(settings, name, f"{CANARY}sent-{short}")
            setattr(settings, name.replace("_KEY", "_URL"), running.url)
        settings.TELEGRAM_API_URL, settings.TELEGRAM_CHAT_ID = running.url, "42"
        settings.TELEGRAM_BOT_TOKEN = f"1:{CANARY}token"
        settings.TELEGRAM_WEBHOOK_SECRETS = [f"{CANARY}telegram"]
        settings.WEBHOOK_KEYS = {name: [f"{CANARY}{name}"] for name in PARTNERS}
        settings.METRICS_KEYS = [f"{CANARY}metrics"]
        yield running


def calls(listing: ProductListing) -> list[OutboxMessage]:
    """Return a call to each partner."""
    asked = {"requested_by": "user:ann", "requested_at": "2026-01-01T00:00:00Z", "reason": ""}
    offer = {"sku": str(listing.pk), "title": "A", "price": {"value": "5.00", "currency": "GBP"}}
    job = jobs.trigger(brands=["Sony"], search="Sony", by="user:ann")
    return [
        outbox.call("chatterbot.send_lead", key=str(listing.pk), body={"listing_id": str(listing.pk)}),
        outbox.call("ebay.create_listing", key=str(listing.pk), body={"offer": offer, **asked}),
        outbox.call(jobs.START, key=str(job.uuid), body={"brands": ["Sony"], "search": "Sony"}),
        *telegram_chat.say("Hello"),
    ]


def fail_in_every_way(partner: Partner, listing: ProductListing) -> None:
    """Make each call to each partner, and have it fail in each way."""
    for way in WAYS.values():
        OutboxMessage.objects.all().delete()
        Channel.objects.all().delete()
        outbox.put(calls(listing))
        for channel in ("chatterbot", "ebaylister", "scraperv2", "telegram"):
            partner.answers[:] = [way] * 8
            relay.serve(channel)
        assert DeliveryAttempt.objects.exclude(detail="").exists()
        assert places(CANARY) == set()


def knock(client: Client) -> list[Any]:
    """Come with wrong keys, other partners' keys and bodies that quote them, to each door; return the answers."""
    answers = []
    for path, owner in (
        ("/webhooks/scraper/job-complete", "scraper"),
        ("/webhooks/chatterbot/message-sent", "chatterbot"),
        ("/webhooks/ebay/item-sold", "ebay"),
    ):
        for key in (
            f"{CANARY}{owner}",
            f"{CANARY}wrong",
            *(f"{CANARY}{name}" for name in PARTNERS if name != owner),
        ):
            for body in (dumps(a_job()), b"no JSON", dumps({"job_id": 5})):
                for header in SHOWN:
                    value = key if header == "x-api-key" else f"Bearer {key}"
                    answers.append(
                        client.post(path, body, content_type="application/json", headers={header: value})
                    )
    for key in ("telegram", "wrong"):
        headers = {"x-telegram-bot-api-secret-token": f"{CANARY}{key}"}
        answers.append(
            client.post("/webhooks/telegram", b"{}", content_type="application/json", headers=headers)
        )
    bearers = [{"authorization": f"Bearer {CANARY}{key}"} for key in ("metrics", "wrong")]
    answers += [client.get("/metrics", headers=headers) for headers in bearers]
    wrong = {"authorization": f"Token {CANARY}wrong"}
    paths = ("/health", "/nowhere", "/admin/listings", "/openapi.json", "/docs", "/staff/login/")
    return answers + [client.get(path, headers=wrong) for path in paths]


def look(client: Client) -> list[Any]:
    """Open each page on which errors, bodies and settings could be seen."""
    pages = [reverse(f"admin:{name}_changelist") for name in (
        "integrations_outboxmessage", "integrations_inboxmessage", "integrations_channel", "scraping_scrapejob",
        "listings_productlisting", "integrations_telegramsettings")]  # fmt: skip
    for name, rows in (
        ("integrations_outboxmessage", OutboxMessage.objects.all()),
        ("integrations_inboxmessage", InboxMessage.objects.all()[:5]),
        ("listings_productlisting", ProductListing.objects.all()),
    ):
        pages += [reverse(f"admin:{name}_change", args=[row.pk]) for row in rows]
    return [client.get(page, follow=True) for page in ("/staff/", *pages)]


def test_a_key_stands_nowhere_whatever_goes_wrong(partner: Partner, said: StringIO, client: Client) -> None:
    listing = make_listing(State.MESSAGING)
    fail_in_every_way(partner, listing)
    answers = knock(client)
    assert {answer.status_code for answer in answers} >= {200, 202, 400, 401, 403, 404, 422}
    assert max(answer.status_code for answer in answers) < 500
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    answers += look(boss)
    for answer in answers:
        shown = answer.getvalue().decode() + str(answer.headers)
        assert CANARY not in shown, answer.request["PATH_INFO"]
    assert places(CANARY) == set()
    assert said.getvalue().count("\n") > 100
    assert CANARY not in said.getvalue()


def test_a_fault_of_ours_shows_no_key(
    partner: Partner, said: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that quotes a key, in a view and in a delivery: the page and the line tell where, and no words."""

    def fail(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError(f"{CANARY}sent-scraper")

    monkeypatch.setattr("integrations.rest.StaffWithPermission.has_permission", fail)
    monkeypatch.setattr("integrations.chatterbot.send_lead", fail)
    make_listing(State.MESSAGING)
    relay.serve("chatterbot")
    answer = Client(raise_request_exception=False).get(
        "/admin/listings", headers=token(staff("ann", group="Viewers"))
    )
    assert CANARY not in answer.content.decode()
    assert "RuntimeError" in said.getvalue()
    assert CANARY not in said.getvalue()
    assert places(CANARY) == set()


def test_without_the_mask_a_careless_partner_would_bring_our_key_into_a_row(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.http._without_keys", lambda headers, body: body)
    listing = make_listing(State.MESSAGING)
    partner.answers[:] = [WAYS["401"]] * 8
    relay.serve("chatterbot")
    assert f"{CANARY}sent-chatterbot" in (ProductListing.objects.get(pk=listing.pk).error_message or "")


def test_a_process_that_says_a_key_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert leaked("all is well", {"METRICS_KEY": f"{CANARY}metrics"}) == []
    assert leaked(f"key {CANARY}b is wrong", {"METRICS_KEY": f"{CANARY}a,{CANARY}b"}) == ["METRICS_KEY"]
    monkeypatch.setattr("tests.aetos.processes.line_of", lambda name: "echo $METRICS_KEY")
    with pytest.raises(AssertionError), Process("web", tmp_path, METRICS_KEY=f"{CANARY}metrics") as process:
        process.status()


def test_the_settings_of_debug_pages_hide_what_is_a_key(rf: Any) -> None:
    """With DEBUG on, Django's own page cleanses the settings whose names say what they are."""
    from django.views.debug import SafeExceptionReporterFilter

    with override_settings(METRICS_KEYS=[f"{CANARY}metrics"], TELEGRAM_BOT_TOKEN=f"{CANARY}token"):
        shown = SafeExceptionReporterFilter().get_safe_settings()
    assert CANARY not in str(shown)
