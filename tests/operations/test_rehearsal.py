"""The server is lost: a backup is put back, what came since is had again, and nothing is doubled outside.

PostgreSQL is our own, twice; the partners are simulated, and know what they were told before and after the loss.
"""

import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client

from aetos import backup
from integrations import relay
from integrations.channels import CHANNELS
from integrations.models import Channel, InboxMessage, OutboxMessage
from integrations.simulators import Simulators
from integrations.simulators.world import Reply
from integrations.tasks import process_inbox
from listings.models import Photo, ProductListing, TransitionLog
from scraping.models import ScrapeJob
from tests import throwaway
from tests.conftest import not_run
from tests.factories import a_job, a_match, dumps, staff, token
from tests.integrations.broker import Consumer, Received
from tests.operations.databases import on
from tests.photos.zoo import a_file, drawing
from tests.races import until

pytestmark = [pytest.mark.postgres, pytest.mark.rabbitmq, pytest.mark.django_db(transaction=True)]

SOLD, LISTED, PENDING, MESSAGED, LATER = range(1, 6)  # the items on the marketplace, by what becomes of them


class Shop:
    """The product and its partners, driven from outside."""

    def __init__(self, sims: Simulators) -> None:
        self.sims = sims
        self.accepted: list[dict[str, Any]] = []

    def sign_in(self) -> None:
        """Make the owner's program its token."""
        self.headers = token(staff("ben", group="Operators"))

    def found(self, *numbers: int) -> None:
        """Let ScraperV2 complete a job with these items, and remember what was accepted."""
        body = a_job(*(a_match(number) for number in numbers))
        if self.sims.scraperv2.publish(body).status == 202:
            self.accepted.append(body)

    def listing(self, number: int) -> ProductListing:
        """Return what became of an item."""
        return ProductListing.objects.get(identity=f"facebook:{number}")

    def move(self, number: int, to_state: str, **told: Any) -> None:
        """Ask for an arrow."""
        path = f"/admin/listings/{self.listing(number).pk}/transition"
        body = dumps({"to_state": to_state, **told})
        answer = Client().post(path, body, content_type="application/json", headers=self.headers)
        assert answer.status_code in (200, 202), answer.content

    def bring_to_received(self, number: int) -> None:
        """Buy a camera and photograph it."""
        for step in ("MESSAGING", "NEGOTIATING", "PURCHASED"):
            self.move(number, step)
        picture = drawing()
        picture.putpixel((number, 40), (255, 255, number))
        with a_named_file(a_file(picture, "JPEG")) as photo:
            path = f"/admin/listings/{self.listing(number).pk}/photos"
            assert Client().post(path, {"photos": photo}, headers=self.headers).status_code == 201
        assert self.listing(number).state == "RECEIVED"

    def work(self) -> None:
        """Do what the worker does, until nothing is due."""
        process_inbox()
        while sum(relay.serve(channel) for channel in CHANNELS):
            continue

    def doubled(self) -> list[str]:
        """Name what a partner holds more than once."""
        leads = Counter(lead.url for lead in self.sims.chatterbot.leads.rows.values())
        titles = Counter(offer.photos[0].partition("?")[0] for offer in self.sims.ebaylister.listings)
        return [name for name, count in (leads + titles).items() if count > 1]


def a_named_file(content: bytes) -> Any:
    """Return an upload."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile("a.jpg", content, content_type="image/jpeg")


@pytest.fixture
def shop(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The partners, whose calls reach the product without a socket."""

    def through(path: str, body: Any, headers: Any, timeout: float = 30.0) -> Reply:
        try:
            answer = Client().post(path, dumps(body), content_type="application/json", headers=dict(headers))
            return Reply(answer.status_code, answer.content.decode())
        finally:
            connection.close()

    settings.MEDIA_ROOT = tmp_path / "media"
    with Simulators("http://127.0.0.1:9", time_scale=0.001) as sims:
        for name, partner in (("SCRAPER", "scraperv2"), ("CHATTERBOT", "chatterbot"), ("EBAY", "ebaylister")):
            setattr(settings, f"{name}_API_URL", sims.url(partner))
            setattr(settings, f"{name}_API_KEY", getattr(sims.keys, f"{name.lower()}_api_key"))
        keys = {
            name: [getattr(sims.keys, f"{name}_webhook_key")] for name in ("scraper", "chatterbot", "ebay")
        }
        settings.WEBHOOK_KEYS = keys
        monkeypatch.setattr(sims.world, "post", through)
        yield Shop(sims)


def say(command: str, *arguments: str) -> str:
    """Run a command, and return what it says."""
    said = StringIO()
    call_command(command, *arguments, stdout=said)
    return said.getvalue()


def back_up_under_writes(shop: Shop, folder: Path) -> Path:
    """Make a backup while ScraperV2 goes on calling."""
    enough = threading.Event()

    def write() -> None:
        for number in range(100, 400):
            shop.found(number)
            if enough.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: shop.accepted[3:], "the first calls")
        for _ in range(5):
            before = len(shop.accepted)
            made = backup.make(folder, keep=2)
            if len(shop.accepted) > before:  # on a busy machine the caller may have slept through it
                break
        assert len(shop.accepted) > before
    finally:
        enough.set()
        writer.join()
    return made


def first_life(shop: Shop, folder: Path) -> Path:
    """Work, back up, and go on working; return the backup."""
    say("migrate")
    shop.sign_in()
    shop.found(SOLD, LISTED, PENDING, MESSAGED, LATER)
    for number in (SOLD, LISTED):
        shop.bring_to_received(number)
    shop.move(SOLD, "LISTED", ebay_asking_price="500.00")
    shop.work()
    assert shop.listing(SOLD).state == "LISTED"
    shop.move(MESSAGED, "MESSAGING")
    shop.move(LISTED, "LISTED", ebay_asking_price="510.00")
    made = back_up_under_writes(shop, folder)
    # From here on everything is lost to us, and nothing to the partners.
    shop.work()
    assert shop.listing(LISTED).state == "LISTED"
    shop.move(LATER, "MESSAGING")
    shop.found(900, 901)
    told = shop.sims.ebaylister.act({"act": "item-sold", "sku": str(shop.listing(SOLD).pk)})
    assert told["status"] == 200
    shop.work()
    assert shop.listing(SOLD).state == "SOLD"
    return made


def second_life(shop: Shop, made: Path) -> None:
    """Put the backup back, audit it, and catch up."""
    assert "Restored." in say("restore", str(made))
    assert "BROKEN" not in say("audit")
    assert (shop.listing(SOLD).state, shop.listing(LATER).state) == ("LISTED", "FOUND")
    for photo in Photo.objects.all():
        assert photo.image.size == photo.size
    # Whoever held a lease is gone, and whoever was at work on a webhook; both would be seen within 90 seconds.
    Channel.objects.update(leased_until=None)
    InboxMessage.objects.update(received_at=F("received_at") - timedelta(seconds=90))
    shop.work()
    assert "completed" in say("reconcile_scrapes", "--all")
    assert "1 sold" in say("reconcile_sales")
    shop.move(LATER, "MESSAGING")  # staff do again what is not there
    shop.work()


def settled(shop: Shop) -> None:
    """Assert that everything is as if nothing had been lost."""
    states = {number: shop.listing(number).state for number in (SOLD, LISTED, PENDING, MESSAGED, LATER)}
    assert list(states.values()) == ["SOLD", "LISTED", "FOUND", "MESSAGING", "MESSAGING"]
    found = {
        match["listing"]["url"].split("/item/")[1].split("/")[0]
        for job in shop.accepted
        for match in job["matches"]
    }
    assert found == {row.identity.removeprefix("facebook:") for row in ProductListing.objects.all()}
    assert ScrapeJob.objects.filter(status="completed").count() == len(shop.accepted)
    assert not OutboxMessage.objects.filter(delivered_at__isnull=True).exists()
    assert len(shop.sims.chatterbot.leads.rows) == 2  # the others were bought before a lead had left
    assert len(shop.sims.ebaylister.listings) == 2
    assert shop.doubled() == []
    assert "BROKEN" not in say("audit", "--patience", "0")


def told_once(events: list[Received]) -> None:
    """Assert that a consumer which keeps the ids sees each arrow of the log once, and no id with two meanings."""
    meanings: dict[str, set[str]] = {}
    for event in events:
        meanings.setdefault(event.properties.message_id, set()).add(
            f"{event.routing_key} {sorted(event.body.items())}"
        )
    assert {len(each) for each in meanings.values()} == {1}
    assert len(events) > len(meanings)  # some came twice: what had left after the backup left again
    assert {str(each) for each in TransitionLog.objects.values_list("event_id", flat=True)} <= set(meanings)


def test_a_server_is_lost_and_nothing_is_doubled_outside(
    shop: Shop, tmp_path: Path, rabbitmq_url: str
) -> None:
    with throwaway.postgres() as second, Consumer(rabbitmq_url) as consumer:
        with throwaway.postgres() as first:
            if first is None or second is None:
                not_run("PostgreSQL's programs are not installed")
                return
            with on(first):
                made = first_life(shop, tmp_path / "backups")
        (tmp_path / "media").rename(tmp_path / "lost")
        with on(second):
            second_life(shop, made)
            settled(shop)
            told_once(consumer.take())
            # The names by which partners know a repeat are what keeps them from doubling it.
            sold = OutboxMessage.objects.get(topic="ebay.create_listing", key=str(shop.listing(LISTED).pk))
            offer = {**sold.body["offer"], "sku": str(uuid.uuid4())}
            from integrations import ebaylister

            ebaylister.create(offer, key=str(uuid.uuid4()))
            assert shop.doubled()
