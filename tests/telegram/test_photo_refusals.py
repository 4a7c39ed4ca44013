"""Pictures that are not kept: the chat is told why, and nothing else is written."""

from datetime import timedelta
from typing import Any

import pytest

from integrations.models import OutboxMessage, TelegramAlbum, TelegramPicture
from integrations.simulators import telegram_updates as updates
from listings import lifecycle
from listings.models import Photo, ProductListing
from listings.states import State
from tests.factories import make_listing, rows
from tests.photos.zoo import a_file, drawing
from tests.telegram.conftest import CHAT, Phone, last_kept
from tests.telegram.photos import Pictures

pytestmark = pytest.mark.django_db
LIMIT = 20 * 1024 * 1024
TOO_BIG = "Telegram hands no file of over 20 MB to a bot."


def nothing_kept() -> bool:
    return (
        not Photo.objects.exists() and not OutboxMessage.objects.filter(topic="telegram.fetch_photo").exists()
    )


def document(phone: Phone, caption: str = "", **changes: Any) -> dict[str, Any]:
    """Return a message with a file as Telegram writes it, of which some is changed."""
    file = phone.bot.files.document(a_file()) | changes
    return updates.message(900, CHAT, updates.person(CHAT), document=file, caption=caption)


@pytest.mark.parametrize("state", [State.FOUND, State.MESSAGING, State.NEGOTIATING, State.CANCELLED])
def test_of_what_is_not_bought_no_picture_is_fetched(phone: Phone, pictures: Pictures, state: State) -> None:
    listing = make_listing(state)
    pictures.send(listing.short_code)
    assert last_kept().subject == listing.pk
    assert nothing_kept()
    pictures.settle()
    assert phone.texts[0].startswith(
        f"1 photo of {listing.short_code} not kept. "
        f"Photos are taken from Purchased on; this listing is {state.label}."
    )
    assert ProductListing.objects.get(pk=listing.pk).state == state


def test_of_what_was_cancelled_meanwhile_none_is_kept(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.PURCHASED)
    pictures.send(listing.short_code)
    lifecycle.cancel(listing.pk, by="user:ben", reason="lost in the post")
    phone.serve()
    pictures.settle()
    assert not Photo.objects.exists()
    assert "this listing is Cancelled" in phone.texts[-1]
    assert ProductListing.objects.get(pk=listing.pk).error_message is None


@pytest.mark.parametrize("named", [True, False])
def test_over_20_mb_the_sender_is_told_without_a_call(phone: Phone, pictures: Pictures, named: bool) -> None:
    listing = make_listing(State.PURCHASED)
    caption = listing.short_code if named else "the front"
    phone.post({"update_id": 1, "message": document(phone, caption, file_size=LIMIT + 1)})
    assert nothing_kept()
    pictures.settle()
    of = f" of {listing.short_code}" if named else ""
    assert phone.texts[0].partition("\n")[0] == f"1 photo{of} not kept. {TOO_BIG}"
    assert pictures.answer(timedelta(minutes=3)) == 0, "it is not asked about too"
    assert len(phone.texts) == 1


def test_exactly_20_mb_are_asked_for(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.PURCHASED)
    phone.post({"update_id": 1, "message": document(phone, listing.short_code, file_size=LIMIT)})
    assert OutboxMessage.objects.get(topic="telegram.fetch_photo").key == str(listing.pk)


@pytest.mark.parametrize(
    "limit", ["integrations.simulators.telegram_files.LARGEST", "integrations.telegram.LARGEST_FILE"]
)
def test_what_turns_out_to_be_too_big_is_told_too(
    phone: Phone, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """By Telegram, to `getFile`; or by the bytes that come, whatever was told before."""
    listing = make_listing(State.PURCHASED)
    monkeypatch.setattr(limit, 50)
    pictures.send(listing.short_code)
    pictures.settle()
    assert not Photo.objects.exists()
    assert phone.texts[0].startswith(
        f"1 photo of {listing.short_code} not kept. Telegram hands no file of over"
    )
    assert TelegramPicture.objects.get().outcome == "refused"


def test_of_an_album_the_good_ones_are_kept_and_the_others_told(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.PURCHASED)
    pictures.send(listing.short_code, album="77")
    pictures.send("", b"\xff\xd8 no picture", album="77")
    pictures.send("", a_file(drawing(640, 480))[:-500], album="77")
    big = document(phone, file_size=LIMIT + 1) | {"media_group_id": "77"}
    phone.post({"update_id": 1, "message": big})
    pictures.settle()
    (text,) = phone.texts
    assert text.split("\n")[:-1] == [
        f"1 photo of {listing.short_code} kept, 1 in all. Now Received.",
        f"1 photo of {listing.short_code} not kept. {TOO_BIG}",
        f"1 photo of {listing.short_code} not kept. It is not a JPEG, PNG, WebP or HEIC picture.",
        f"1 photo of {listing.short_code} not kept. It is damaged or cut off.",
    ]
    assert listing.photos.count() == 1


def test_a_picture_of_two_cameras_is_kept_of_none(phone: Phone, pictures: Pictures) -> None:
    one, other = make_listing(State.PURCHASED), make_listing(State.PURCHASED)
    pictures.send(f"{one.short_code} and {other.short_code}")
    phone.serve()
    assert nothing_kept()
    assert phone.texts == [
        f"The picture names {one.short_code} and {other.short_code}: "
        "it can be of one camera only. Edit its caption."
    ]
    assert pictures.answer(timedelta(minutes=3)) == 0, "it was asked about"
    phone.bot.edit_caption(other.short_code)
    pictures.settle()
    assert (one.photos.count(), other.photos.count()) == (0, 1)


def test_an_album_is_of_one_camera(phone: Phone, pictures: Pictures) -> None:
    one, other = make_listing(State.PURCHASED), make_listing(State.PURCHASED)
    pictures.send(one.short_code, album="77")
    pictures.send(other.short_code, album="77")
    pictures.send(f"{one.short_code} {other.short_code}", album="77")
    pictures.settle()
    assert (one.photos.count(), other.photos.count()) == (1, 0)
    assert f"It names {other.short_code}, what it was sent with is of {one.short_code}" in phone.texts[0]
    assert "it can be of one camera only" in phone.texts[0]


@pytest.mark.parametrize(
    ("chat", "user", "detail"),
    [(CHAT + 1, CHAT, "not the configured chat"), (CHAT, CHAT + 1, "not a configured user")],
)
def test_strangers_pictures_are_ignored(
    phone: Phone, pictures: Pictures, settings: Any, chat: int, user: int, detail: str
) -> None:
    settings.TELEGRAM_USER_IDS = [str(CHAT)]
    listing = make_listing(State.PURCHASED)
    before = rows()
    phone.bot.send_photo(listing.short_code, chat_id=chat, user_id=user)
    assert last_kept().detail == f"ignored: {detail}"
    assert {name: count - before[name] for name, count in rows().items() if count != before[name]} == {
        "InboxMessage": 1,
        "TelegramUpdate": 1,
    }


@pytest.mark.parametrize(
    "content",
    [
        {"photo": []},
        {"photo": [{}]},
        {"photo": ["x"]},
        {"photo": [{"file_id": "a/../b", "file_unique_id": "x"}]},
        {"photo": [{"file_id": "x", "file_unique_id": ""}]},
        {"photo": [{"file_id": "x" * 201, "file_unique_id": "x"}]},
        {"photo": [{"file_id": 7, "file_unique_id": None}]},
        {"document": {"mime_type": "application/pdf", "file_id": "x", "file_unique_id": "x"}},
        {"document": {"mime_type": ["image/"], "file_id": "x", "file_unique_id": "x"}},
        {"message_id": "1", "photo": [{"file_id": "x", "file_unique_id": "x"}]},
        {"message_id": True, "photo": [{"file_id": "x", "file_unique_id": "x"}]},
    ],
    ids=str,
)
def test_what_is_no_picture_is_none(phone: Phone, content: dict[str, Any]) -> None:
    message = updates.message(900, CHAT, updates.person(CHAT)) | content
    assert phone.post({"update_id": 1, "message": message}).status_code == 200
    assert last_kept().detail == "message: nothing to do"
    assert not TelegramAlbum.objects.exists()


@pytest.mark.each_database
@pytest.mark.parametrize(
    "caption", [None, 7, {"a": 1}, "\ud800\0", "x" * 100_000, "ABCDEF " * 50_000], ids=repr
)
@pytest.mark.parametrize("group", [None, 7, "", "a b", "\0", "9" * 500], ids=repr)
def test_strange_captions_and_groups_do_no_harm(phone: Phone, caption: Any, group: Any) -> None:
    message = updates.message(900, CHAT, updates.person(CHAT)) | {
        "photo": [{"file_id": "x", "file_unique_id": "x", "file_size": "large"}],
        "caption": caption,
        "media_group_id": group,
        "reply_to_message": {"message_id": caption},
    }
    assert phone.post({"update_id": 1, "message": message}).status_code == 200
    assert last_kept().status == "processed"
    assert TelegramAlbum.objects.get().name == "message/900"
