"""A seller whose data lie in every place that there is, and ways to look whether they still do."""

import base64
import json
import re
import sqlite3
import subprocess
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test import Client

from integrations.models import Channel, DeliveryAttempt, OutboxMessage, TelegramMessage
from listings import lifecycle
from listings.models import EbayOffer, ProductListing
from tests.aetos.processes import database_url
from tests.conftest import SCRAPER_KEY
from tests.factories import a_job, a_match, dumps, staff

PLAIN = "Zebulon7f3a"
MARKER = f"{PLAIN} Ümläut"
LOGGED = "what stands in the log stays"
CHATTERBOT_KEY, SECRET = "chatterbot-key-of-the-tests", "telegram-secret-of-the-tests"
CHAT = 4711

FILLED = {
    "Channel.last_error",
    "DeliveryAttempt.detail",
    "EbayOffer.description",
    "EbayOffer.problems",
    "EbayOffer.title",
    "InboxMessage.body",
    "InboxMessage.detail",
    "InboxMessage.answer",
    "InvalidMatch.raw",
    "Lead.conversation_thread_id",
    "Lead.seller_messenger_id",
    "LogEntry.change_message",
    "LogEntry.object_repr",
    "Note.text",
    "OutboxMessage.body",
    "OutboxMessage.last_error",
    "ProductListing.error_message",
    "ProductListing.location",
    "ProductListing.raw_match",
    "ProductListing.raw_url",
    "ProductListing.title",
    "Session.session_data",
    "TelegramMessage.taps",
    "TelegramMessage.text",
}


class World:
    """Two listings of one seller, one of somebody else, and all that was said about them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.job = a_job(
            a_match(1, title=f"Sony A6400 {MARKER}", location=f"{MARKER} town", seller={"name": MARKER}),
            a_match(2, title=f"Nikon Z6 {MARKER}", reasons=[f"Title: {MARKER}"]),
            a_match(3, title="Canon R6 of somebody else", location="Edinburgh"),
            a_match(1, title=f"Sony A6400 {MARKER} again", price=-1),
        )
        self.job["matches"][0]["listing"]["url"] += f"&seller={PLAIN}"

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """Call a webhook."""
        data = body if isinstance(body, bytes) else dumps(body)
        return self.client.post(path, data, content_type="application/json", headers=headers)

    def tell(self, kind: str, **said: Any) -> Any:
        """Call as Chatterbot does."""
        return self.post(f"/webhooks/chatterbot/{kind}", said, authorization=f"Bearer {CHATTERBOT_KEY}")

    def post_job(self) -> Any:
        """Deliver the job."""
        return self.post("/webhooks/scraper/job-complete", self.job, **{"x-api-key": SCRAPER_KEY})

    def fill(self) -> None:
        """Use every door, and write by hand what only a fault would."""
        assert self.post_job().json()["created_listings"] == 3
        scraper = "/webhooks/scraper/job-complete"
        self.post(scraper, f"no JSON: {MARKER}".encode(), **{"x-api-key": SCRAPER_KEY})
        self.post(scraper, {"matches": f"Sony A6400 {MARKER}"}, **{"x-api-key": SCRAPER_KEY})
        by_identity = {row.identity: row for row in ProductListing.objects.all()}
        self.bought, self.second, self.other = (by_identity[f"facebook:{number}"] for number in (1, 2, 3))
        self._talk()
        self._telegram()
        self._by_hand()

    def _talk(self) -> None:
        ids = {"seller_messenger_id": f"m-{PLAIN}", "conversation_thread_id": f"t-{PLAIN}"}
        for listing in (self.bought, self.second):
            told = {"listing_id": str(listing.pk), **ids, "message": f"Hello {MARKER}, is it there?"}
            assert self.tell("message-sent", **told).status_code == 200
        told = {"listing_id": str(self.bought.pk), **ids, "message": f"Yes! {MARKER}"}
        assert self.tell("seller-replied", **told).status_code == 200
        lifecycle.snooze(self.bought.pk, by="user:ann", days=1, reason=f"{MARKER} is on holiday")
        lifecycle.purchase(self.bought.pk, by="user:ann", reason=LOGGED, purchase_price=Decimal(350))
        failed = {"listing_id": str(self.bought.pk), "reason": f"{MARKER} sold it to a friend"}
        assert self.tell("deal-failed", **failed).status_code == 409
        assert self.tell("message-sent", order_id=77, **ids, message=MARKER).json() == {"status": "parked"}

    def _telegram(self) -> None:
        for number, row in enumerate(OutboxMessage.objects.filter(channel="telegram").order_by("id"), 100):
            TelegramMessage.objects.create(
                chat_id=CHAT,
                message_id=number,
                subject=row.body["subject"],
                text=row.body["text"],
                buttons=row.body["buttons"],
                taps=[{"line": f"ann cancelled {MARKER} [{self.second.short_code}]"}],
            )
        quoted = {"message_id": 100, "text": f"Sony A6400 {MARKER} [{self.bought.short_code}]\n£400"}
        message = {
            "message_id": 200,
            "chat": {"id": CHAT},
            "from": {"id": 9, "first_name": "Ann"},
            "text": f"{MARKER} wants cash",
            "reply_to_message": quoted,
        }
        told = {"update_id": 5, "message": message}
        assert (
            self.post("/webhooks/telegram", told, **{"x-telegram-bot-api-secret-token": SECRET}).status_code
            < 300
        )

    def _by_hand(self) -> None:
        half = OutboxMessage.objects.order_by("id").values_list("pk", flat=True)
        OutboxMessage.objects.filter(pk__in=list(half)[::2]).update(delivered_at="2026-01-01T00:00Z")
        about = OutboxMessage.objects.filter(key=str(self.bought.pk))
        about.update(last_error=f"400: {MARKER}")
        for row in about:
            DeliveryAttempt.objects.create(message=row, outcome="failed", detail=f"400: {MARKER}")
        Channel.objects.create(name="chatterbot", last_error=f"400: Sony A6400 {MARKER}")
        EbayOffer.objects.create(
            listing=self.bought,
            title=f"Sony A6400 {MARKER}",
            description=f"Bought of Sony A6400 {MARKER}. Works.",
            problems={"title": [f"{MARKER} is no word"]},
        )
        ProductListing.objects.filter(pk=self.bought.pk).update(
            error_message=f"Not listed: {MARKER}", error_occurred_at="2026-01-01T00:00Z"
        )
        LogEntry.objects.create(
            user=staff("ann", group="Operators"),
            content_type=ContentType.objects.get_for_model(ProductListing),
            object_id=str(self.bought.pk),
            object_repr=f"Sony A6400 {MARKER}",
            action_flag=CHANGE,
            change_message=f"Sony A6400 {MARKER}",
        )
        session = SessionStore()
        session["_messages"] = json.dumps([["__json_message", 0, 20, f"Bought: Sony A6400 {MARKER}"]])
        session.create()


@pytest.fixture
def fill(settings: Any, client: Client, monkeypatch: pytest.MonkeyPatch) -> Callable[[], World]:
    """Return what makes a world in which the seller is everywhere."""
    settings.WEBHOOK_KEYS = {**django_settings.WEBHOOK_KEYS, "chatterbot": [CHATTERBOT_KEY]}
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "1:token", str(CHAT)
    settings.TELEGRAM_WEBHOOK_SECRETS = [SECRET]

    def make() -> World:
        world = World(client)
        world.fill()
        return world

    return make


# ---- looking ------------------------------------------------------------------------------------


def spellings(text: str) -> list[bytes]:
    """Return a text as it may stand in a dump: plain, escaped for JSON, in hex, in base64 at each of its offsets."""
    plain = [text.encode(), json.dumps(text)[1:-1].encode()]
    found = [
        *plain,
        *(each.hex().encode() for each in plain),
        *(each.hex().upper().encode() for each in plain),
    ]
    for each in plain:
        for offset in range(3):
            code = base64.b64encode(b"\0" * offset + each).rstrip(b"=")
            found.append(code[4 if offset else 0 : -1])
    return found


def dump() -> bytes:
    """Return the whole database as text, by the database's own means."""
    if connection.vendor == "postgresql":
        url = database_url()
        done = subprocess.run(["pg_dump", "--dbname", url], capture_output=True, check=True)
        # It guards each dump with words of its own.
        return b"\n".join(
            line for line in done.stdout.splitlines() if not line.startswith((b"\\restrict", b"\\unrestrict"))
        )
    with sqlite3.connect(connection.settings_dict["NAME"]) as database:
        return "\n".join(database.iterdump()).encode()


def places(text: str = PLAIN) -> set[str]:
    """Name the columns that hold a text in any spelling; sessions are read as Django does."""
    wanted = re.compile(b"|".join(re.escape(each) for each in spellings(text)))
    found = set()
    for model in apps.get_models():
        if model._meta.app_label in ("auth", "contenttypes"):
            continue
        for row in model._base_manager.values():
            for name, value in row.items():
                if value and wanted.search(_bytes(value)):
                    found.add(f"{model.__name__}.{name}")
    if any(text in json.dumps(row.get_decoded()) for row in Session.objects.all()):
        found.add("Session.session_data")
    return found


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return (json.dumps(value) if isinstance(value, dict | list) else str(value)).encode()


def forget(*arguments: str) -> str:
    """Run the command, return what it says."""
    said = StringIO()
    call_command("forget_seller", *arguments, stdout=said)
    return said.getvalue()
