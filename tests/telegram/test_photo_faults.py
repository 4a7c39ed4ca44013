"""Fetching pictures while Telegram, the store or we ourselves fail: nothing is lost, nothing is there twice."""

import errno
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage

from integrations import relay
from integrations.clock import now
from integrations.models import (
    Channel,
    DeliveryAttempt,
    InboxMessage,
    OutboxMessage,
    TelegramPicture,
    TelegramSettings,
)
from listings import deliveries, telegram_photo_fetch
from listings.models import ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.telegram.conftest import Phone
from tests.telegram.photos import Pictures

pytestmark = pytest.mark.django_db
GET_FILE, DOWNLOAD = "POST /getFile", "GET /file/"
TRANSIENT: list[dict[str, Any]] = [
    {"status": 500},
    {"status": 502},
    {"status": 429, "retry_after": 3},
    {"drop_answer": True},
]


def send_one(pictures: Pictures) -> ProductListing:
    listing = make_listing(State.PURCHASED)
    pictures.send(listing.short_code)
    return listing


def the_call() -> OutboxMessage:
    return OutboxMessage.objects.get(topic="telegram.fetch_photo")


@pytest.mark.parametrize("on", [GET_FILE, DOWNLOAD])
@pytest.mark.parametrize("fault", [*TRANSIENT, {"empty": True}], ids=str)
def test_what_passes_by_itself_is_tried_again(
    phone: Phone, pictures: Pictures, fault: dict[str, Any], on: str
) -> None:
    listing = send_one(pictures)
    phone.switch(**fault, on=on, times=1)
    assert pictures.fetch() == 0
    assert (the_call().attempts, the_call().given_up_at) == (1, None)
    assert pictures.answer() == 0, "nothing is said of what may still be fetched"
    Channel.objects.update(closed_until=None)
    pictures.settle()
    assert listing.photos.count() == 1
    assert phone.texts[0].startswith(f"1 photo of {listing.short_code} kept")


@pytest.mark.parametrize(
    ("on", "fault"),
    [
        (GET_FILE, {"status": 400}),
        (GET_FILE, {"outcome": "unauthorized"}),
        (DOWNLOAD, {"status": 404}),
        (DOWNLOAD, {"status": 403}),
    ],
    ids=str,
)
def test_what_does_not_pass_is_shown_on_the_listing_and_can_be_retried(
    phone: Phone, pictures: Pictures, on: str, fault: dict[str, Any]
) -> None:
    listing = send_one(pictures)
    phone.switch(**fault, on=on, times=1)
    pictures.settle()
    assert the_call().given_up_at
    listing.refresh_from_db()
    assert str(listing.error_message).startswith("A photo was not fetched from Telegram: Telegram answered ")
    assert phone.texts[0].startswith("Error: ")
    assert phone.labels() == ["Retry"]
    assert TelegramPicture.objects.get().outcome == "failed"
    phone.bot.press("Retry")
    pictures.settle()
    assert listing.photos.count() == 1
    assert phone.texts[-1].startswith(f"1 photo of {listing.short_code} kept, 1 in all. Now Received.")
    assert ProductListing.objects.get(pk=listing.pk).error_message is None


def test_of_two_failures_the_error_stays_until_both_are_mended(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.RECEIVED)
    for _ in range(2):
        pictures.send(listing.short_code)
    phone.switch(status=404, on=DOWNLOAD, times=2)
    pictures.settle()
    phone.switch(status=404, on=DOWNLOAD, times=1)
    deliveries.retry(listing.pk, by="user:ben")
    pictures.settle()
    assert (listing.photos.count(), the_state(listing).error_message is None) == (1, False)
    deliveries.retry(listing.pk, by="user:ben")
    pictures.settle()
    assert (listing.photos.count(), the_state(listing).error_message) == (2, None)


def the_state(listing: ProductListing) -> ProductListing:
    return ProductListing.objects.get(pk=listing.pk)


def test_a_store_that_is_full_keeps_the_picture_waiting(
    pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = send_one(pictures)

    def full(*args: Any, **kwargs: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(default_storage, "save", full)
        assert pictures.fetch() == 0
    assert "full or away" in the_call().last_error
    pictures.settle()
    assert listing.photos.count() == 1


def test_a_crash_after_the_photo_was_kept_leaves_one(
    phone: Phone, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = send_one(pictures)
    with monkeypatch.context() as crash:
        crash.setattr(telegram_photo_fetch, "_settled", lambda *args: 1 / 0)
        assert pictures.fetch() == 0
    assert listing.photos.count() == 1
    pictures.settle()
    assert listing.photos.count() == 1
    assert phone.texts[0].startswith(f"1 photo of {listing.short_code} kept before, 1 in all.")


def test_a_second_delivery_of_a_call_changes_nothing(pictures: Pictures) -> None:
    listing = send_one(pictures)
    pictures.fetch()
    OutboxMessage.objects.filter(topic="telegram.fetch_photo").update(delivered_at=None)
    assert pictures.fetch() == 1
    assert DeliveryAttempt.objects.latest("id").detail == "done before"
    assert listing.photos.count() == 1


@pytest.mark.parametrize(
    "path",
    [
        "../../bot1:x/getMe",
        "photos/../../x",
        "/etc/passwd",
        "http://example.org/x",
        "a?b=c",
        "a#b",
        "a\nb",
        "",
        7,
        None,
    ],
    ids=repr,
)
def test_a_place_that_leads_elsewhere_is_not_asked_for(
    phone: Phone, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, path: Any
) -> None:
    listing = send_one(pictures)
    monkeypatch.setattr(phone.bot.files, "info", lambda file_id: {"file_path": path})
    asked: list[str] = []
    monkeypatch.setattr(phone.bot.files, "download", asked.append)
    pictures.fetch()
    assert not asked
    assert "named the file's place in a way nobody understands" in str(the_state(listing).error_message)


def test_a_file_that_breaks_off_is_not_kept(
    phone: Phone, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = send_one(pictures)
    info = phone.bot.files.info
    monkeypatch.setattr(
        phone.bot.files,
        "info",
        lambda file_id: (told := info(file_id)) | {"file_size": told["file_size"] + 1},
    )
    assert pictures.fetch() == 0
    assert the_call().last_error == "Telegram broke off in the middle of a file."
    assert not listing.photos.exists()


def test_quiet_hours_hold_the_answer_and_not_the_picture(phone: Phone, pictures: Pictures) -> None:
    listing = send_one(pictures)
    moment = now()
    TelegramSettings.objects.create(
        pk=1,
        time_zone="UTC",
        quiet_from=(moment - timedelta(hours=1)).time(),
        quiet_until=(moment + timedelta(hours=1)).time(),
    )
    pictures.settle()
    assert listing.photos.count() == 1
    assert phone.texts == []
    assert relay.pending("telegram").count() == 1


@pytest.mark.parametrize("on", [GET_FILE, DOWNLOAD])
@pytest.mark.parametrize(
    "fault",
    [*TRANSIENT, {"status": 403}, {"redirect": True}, {"garbage": True}, {"outcome": "unauthorized"}],
    ids=str,
)
def test_the_token_is_in_no_log_no_error_and_no_row(
    phone: Phone,
    pictures: Pictures,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    fault: dict[str, Any],
    on: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    listing = send_one(pictures)
    phone.switch(**fault, on=on, times=1)
    pictures.settle()
    secret = settings.TELEGRAM_BOT_TOKEN
    rows = [
        *OutboxMessage.objects.values_list("body", "last_error"),
        *DeliveryAttempt.objects.values_list("detail"),
        *InboxMessage.objects.values_list("detail"),
        *TelegramPicture.objects.values_list("reason"),
        *Channel.objects.values_list("last_error"),
        the_state(listing).error_message,
        *phone.texts,
    ]
    said = capfd.readouterr()
    assert secret not in caplog.text + said.out + said.err + repr(rows)
    assert the_call().attempts == 1
