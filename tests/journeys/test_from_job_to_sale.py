"""One camera from a posted job to its sale, moved by nothing but what reaches us from outside.

ScraperV2's webhook, the API, Chatterbot's callbacks, a recorded Telegram photo and eBayLister's webhook, with the
relay between as the worker runs it: no door of ours is opened by the test itself.
"""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from integrations import relay
from integrations.channels import TELEGRAM_FILES
from integrations.models import InboxMessage, OutboxMessage
from integrations.simulators import Simulators
from integrations.tasks import process_inbox
from listings.models import LedgerLine, ProductListing
from tests.factories import a_job, a_match, staff, token
from tests.selling.sales import coherent
from tests.telegram.conftest import Phone, recorded
from tests.telegram.photos import Pictures, a_picture

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = 5_000_000_001  # who took the recorded photo
NAMED_BY_ID = "9f1c2b7e-5d0a-4f0b-9a61-1c8e1f2a7b33"  # the listing that its caption names
CHANNELS = ("chatterbot", "ebaylister", TELEGRAM_FILES, "telegram")
WAY = ["FOUND", "MESSAGING", "NEGOTIATING", "PURCHASED", "RECEIVED", "LISTED", "SOLD"]


@pytest.fixture
def sims(settings: Any) -> Iterator[Simulators]:
    """The simulated partners, where our settings say they are; none does anything unasked."""
    with Simulators("http://127.0.0.1:9", time_scale=0.001) as running:
        for name, partner in (("CHATTERBOT", "chatterbot"), ("EBAY", "ebaylister"), ("TELEGRAM", "telegram")):
            setattr(settings, f"{name}_API_URL", running.url(partner))
        keys = running.keys
        settings.CHATTERBOT_API_KEY, settings.EBAY_API_KEY = keys.chatterbot_api_key, keys.ebay_api_key
        settings.WEBHOOK_KEYS = {
            "scraper": [keys.scraper_webhook_key],
            "chatterbot": [keys.chatterbot_webhook_key],
            "ebay": [keys.ebay_webhook_key],
        }
        settings.TELEGRAM_BOT_TOKEN = keys.telegram_bot_token
        settings.TELEGRAM_WEBHOOK_SECRETS = [keys.telegram_webhook_secret]
        settings.TELEGRAM_CHAT_ID, settings.TELEGRAM_USER_IDS = str(OPERATOR), []
        settings.TELEGRAM_SECONDS_BETWEEN = 0.0
        yield running


@pytest.fixture
def phone(sims: Simulators, client: Client, monkeypatch: pytest.MonkeyPatch) -> Phone:
    """The chat, and the partners' way to our webhooks."""
    person = Phone(sims, client)
    monkeypatch.setattr(sims.world, "post", person.through)
    return person


@pytest.fixture
def api(client: Client, db: None) -> Callable[..., Any]:
    """Call the API as the owner's program: `api("post", "/transition", to_state=…)` about the one listing."""
    headers = token(staff("ben", group="Operators"))

    def call(method: str, below: str = "", **told: Any) -> Any:
        listings = client.get("/admin/listings", headers=headers).json()["listings"]
        path = f"/admin/listings/{listings[0]['id']}{below}"
        options: dict[str, Any] = {"content_type": "application/json"} if told else {}
        return getattr(client, method)(path, told or None, headers=headers, **options)

    return call


def work() -> None:
    """Do what worker and beat do, until nothing is due."""
    process_inbox()
    while sum(relay.serve(channel) for channel in CHANNELS):
        continue


def send_recorded_photo(phone: Phone, listing_id: str) -> None:
    """Let the operator send the recorded photo, with the id of this listing in its caption."""
    (update,) = recorded("02")
    update["message"]["photo"] = phone.bot.files.photo(a_picture())  # the recorded one cannot be downloaded
    assert phone.post(json.dumps(update).replace(NAMED_BY_ID, listing_id).encode()).status_code == 200


def bought(
    sims: Simulators,
    phone: Phone,
    api: Callable[..., Any],
    post_job: Callable[..., Any],
    match: dict[str, Any],
) -> str:
    """Let a job find what `match` says, and Chatterbot buy it; return its id."""
    job = a_job(match, brands=[match["product"]["brand"]])
    assert post_job(job, key=sims.keys.scraper_webhook_key).json()["created_listings"] == 1
    assert api("post", "/transition", to_state="MESSAGING").status_code == 200
    work()
    listing_id = str(api("get").json()["id"])
    for act, told in (
        ("message-sent", {}),
        ("seller-replied", {"message": "Still here"}),
        ("deal-confirmed", {"agreed_price": "380.00", "shipping_cost": "6.50"}),
    ):
        reply = sims.chatterbot.act({"act": act, "listing_id": listing_id, **told})
        assert reply["status"] == 200, reply
    return listing_id


def listed(sims: Simulators, phone: Phone, api: Callable[..., Any], settings: Any, tmp_path: Any) -> str:
    """Let a photo arrive by Telegram, and eBayLister list the camera; return eBay's number."""
    settings.MEDIA_ROOT = tmp_path / "media"
    listing = api("get").json()
    assert api("post", "/transition", to_state="LISTED").status_code == 422  # neither here, nor with a photo
    send_recorded_photo(phone, listing["id"])
    work()
    Pictures(phone).answer()
    assert api("get").json()["state"] == "RECEIVED"
    answer = api("post", "/transition", to_state="LISTED", ebay_asking_price="519.00", reason="Looks good")
    assert (answer.status_code, answer.json()["state"]) == (202, "RECEIVED")
    assert answer.json()["pending"]["operation"] == "ebay.create_listing"
    work()
    now = api("get").json()
    assert (now["state"], now["pending"], now["ebay_asking_price"]) == ("LISTED", None, "519.00")
    return str(now["ebay_listing_id"])


def check_records(api: Callable[..., Any], listing_id: str) -> None:
    """Hold history, ledger and events against what happened."""
    history = api("get", "/history").json()["history"]
    assert [each["to_state"] for each in history] == WAY
    assert [each["triggered_by"] for each in history] == [
        *("scraper", "user:ben", "chatterbot", "chatterbot"),
        *("telegram:operator_demo", "ebay", "ebay"),
    ]
    lines = LedgerLine.objects.order_by("id").values_list("kind", "amount", "by")
    assert list(lines) == [
        ("purchase", Decimal("380.00"), "chatterbot"),
        ("postage_in", Decimal("6.50"), "chatterbot"),
        ("postage_out", Decimal("7.95"), "ebay"),
        ("sale", Decimal("505.00"), "ebay"),
        ("ebay_fees", Decimal("64.94"), "ebay"),
    ]
    events = OutboxMessage.objects.filter(channel="events", key=listing_id).order_by("id")
    assert [each.topic for each in events] == [
        "listing.created",
        *(f"listing.state.{state.lower()}" for state in WAY[1:]),
    ]
    assert list(events)[-1].body["final_profit"] == "110.55"  # as it was known then
    coherent(ProductListing.objects.get())


def check_said(phone: Phone, code: str) -> None:
    """Hold what Telegram was told, in order."""
    photo = f"1 photo of {code} kept, 1 in all. Now Received."
    said = [text.partition("\n")[0].partition(":")[0] for text in phone.texts]
    assert said[0].startswith("Job ")
    assert said[1:] == ["Deal", photo, "Sold", "Profit final"]
    assert "For £505, profit £110.55, provisional" in phone.texts[3]
    assert "profit £45.61" in phone.texts[4]


# A headset is nothing that the product was told of: a new type of product needs no code.
CAMERA = a_match(price=400.0)
HEADSET = a_match(
    price=400.0,
    title="Meta Quest 3 128GB, boxed",
    product={"id": 901, "brand": "Meta", "model": "Quest 3", "full_name": "Meta Quest 3 128GB"},
)


@pytest.mark.parametrize("match", [CAMERA, HEADSET], ids=["camera", "headset"])
def test_from_a_posted_job_to_the_sale_only_through_the_outside(
    sims: Simulators,
    phone: Phone,
    api: Callable[..., Any],
    post_job: Callable[..., Any],
    settings: Any,
    tmp_path: Any,
    match: dict[str, Any],
) -> None:
    listing_id = bought(sims, phone, api, post_job, match)
    number = listed(sims, phone, api, settings, tmp_path)
    (offer,) = sims.ebaylister.listings
    assert (offer.sku, offer.listing_id, offer.price) == (listing_id, number, "519.00")
    (lead,) = sims.chatterbot.leads.rows.values()
    assert lead.camera_name == match["product"]["full_name"]

    # It sells; the fee follows; both are told twice.
    told = {"act": "item-sold", "sku": listing_id, "sold_price": "505.00", "shipping_cost": "7.95"}
    for fee in (None, None, "64.94", "64.94"):
        reply = sims.ebaylister.act({**told, "ebay_fees": fee})
        assert (reply["status"], reply["answer"]["state"]) == (200, "SOLD")
        work()

    now = api("get").json()
    assert (now["brand"], now["title"]) == (match["product"]["brand"], match["listing"]["title"])
    assert {name: now[name] for name in ("state", "purchase_price", "negotiated_price", "shipping_cost")} == {
        "state": "SOLD",
        "purchase_price": "380.00",
        "negotiated_price": "380.00",
        "shipping_cost": "14.45",
    }
    # 505.00 − 380.00 − 64.94 − 6.50 − 7.95
    assert (now["final_profit"], now["profit_is_provisional"]) == ("45.61", False)
    assert (now["error_message"], now["ebay_sold_price"], now["ebay_fees"]) == (None, "505.00", "64.94")
    check_records(api, listing_id)
    check_said(phone, now["short_code"])
    assert not InboxMessage.objects.exclude(status=InboxMessage.Status.PROCESSED).exists()
    assert not relay.pending("ebaylister").exists() and not relay.pending("chatterbot").exists()
    assert len(sims.chatterbot.leads.rows) == len(sims.ebaylister.listings) == 1
