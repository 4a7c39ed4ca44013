"""A picture that is sent to the chat becomes a photo of the camera that it names."""

import json
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from integrations.models import OutboxMessage, TelegramAlbum, TelegramMessage, TelegramPicture
from listings import telegram
from listings.models import Photo, ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.photos.zoo import a_file
from tests.telegram.conftest import Phone, last_kept, recorded
from tests.telegram.photos import Pictures, a_picture

pytestmark = pytest.mark.django_db
OPERATOR = 5_000_000_001
NAMED_BY_ID = "9f1c2b7e-5d0a-4f0b-9a61-1c8e1f2a7b33"
QUESTION = "Which camera is on"


def state(listing: ProductListing) -> str:
    return str(ProductListing.objects.get(pk=listing.pk).state)


def test_a_picture_with_the_code_is_kept_moves_the_listing_and_is_answered(
    phone: Phone, pictures: Pictures
) -> None:
    listing = make_listing(State.PURCHASED)
    pictures.send(f"front, {listing.short_code.lower()}!")
    assert last_kept().detail == f"photo of {listing.short_code}: to be fetched"
    assert last_kept().subject == listing.pk
    assert state(listing) == State.PURCHASED, "the webhook fetches nothing"
    pictures.settle()
    (photo,) = Photo.objects.filter(listing=listing)
    assert (photo.width, photo.height, photo.added_by) == (64, 48, "telegram:operator")
    assert state(listing) == State.RECEIVED
    assert phone.texts == [
        f"1 photo of {listing.short_code} kept, 1 in all. Now Received.\n{telegram.link(listing)}"
    ]
    assert listing.history.get(to_state=State.RECEIVED).triggered_by == "telegram:operator"


def test_an_answer_to_our_message_about_a_listing_needs_no_caption(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.PURCHASED)
    phone.say(telegram.deal_rows(listing))
    pictures.send(reply_to=phone.bot.sent[-1]["message_id"])
    pictures.settle()
    assert listing.photos.count() == 1
    pictures.send(reply_to=phone.bot.sent[-1]["message_id"])  # to what we answered
    pictures.settle()
    assert phone.texts[-1].startswith(f"1 photo of {listing.short_code} kept, 2 in all. Now Received.")


@pytest.mark.parametrize(
    "caption", ["{code}", "#{code}", "[{code}]", "it's {code}.", "{code}\n{code}", "{id}"]
)
def test_the_code_is_found_anywhere_in_the_caption(pictures: Pictures, caption: str) -> None:
    listing = make_listing(State.RECEIVED)
    ProductListing.objects.filter(pk=listing.pk).update(short_code="CAMERA")
    pictures.send(caption.format(code="camera", id=str(listing.pk).upper()))
    pictures.settle()
    assert listing.photos.count() == 1


@pytest.mark.parametrize("caption", ["camera", "MYCAMERA", "CAMERA_1", "CAMERAS", "ÄCAMERA", ""])
def test_a_word_is_no_code_unless_a_listing_has_it(phone: Phone, pictures: Pictures, caption: str) -> None:
    ProductListing.objects.filter(pk=make_listing(State.RECEIVED).pk).update(
        short_code="CAMERB" if caption == "camera" else "CAMERA"
    )
    pictures.send(caption)
    assert last_kept().detail == "photo: waits for its listing"
    assert not OutboxMessage.objects.filter(topic="telegram.fetch_photo").exists()


@pytest.mark.parametrize("content", [a_file(kind="HEIF"), a_file(kind="PNG")], ids=["heic", "png"])
def test_a_picture_may_be_sent_as_a_file(pictures: Pictures, content: bytes) -> None:
    listing = make_listing(State.RECEIVED)
    pictures.send(listing.short_code, content, as_file=True)
    pictures.settle()
    assert (listing.photos.get().width, listing.photos.get().height) == (64, 48)


def test_of_the_sizes_the_largest_is_taken(pictures: Pictures) -> None:
    listing = make_listing(State.RECEIVED)
    assert pictures.phone.bot.send_photo(listing.short_code, chat_id=OPERATOR + 1).status == 200  # elsewhere
    pictures.send(listing.short_code)  # the smaller sizes of the stand-in are drawings of a camera
    pictures.settle()
    assert (listing.photos.get().width, listing.photos.get().height) == (64, 48)


def test_the_recorded_pictures_become_photos(phone: Phone, pictures: Pictures, settings: Any) -> None:
    """A caption with an id, an album, a document, a reply, and a caption that was edited afterwards."""
    settings.TELEGRAM_CHAT_ID = str(OPERATOR)
    listing, answered = make_listing(State.PURCHASED), make_listing(State.PURCHASED)
    TelegramMessage.objects.create(chat_id=OPERATOR, message_id=401, subject=answered.pk, text="Deal")
    for update in recorded():
        text = json.dumps(update).replace(NAMED_BY_ID, str(listing.pk))
        for largest in _largest(update):
            phone.bot.files.hold(largest["file_id"], largest["file_unique_id"], a_picture())
        assert phone.post(text.encode()).status_code == 200
    pictures.settle()
    # 02 and 09 are one picture; 03 and 04 are an album that names nothing.
    assert set(listing.photos.values_list("telegram_unique_id", flat=True)) == {
        "AQADexample1Y",
        "AgADexampleDoc",
    }
    assert [photo.telegram_unique_id for photo in answered.photos.all()] == ["AQADexample4Y"]
    assert state(listing) == state(answered) == State.RECEIVED
    assert len(phone.texts) == 3
    pictures.answer(timedelta(minutes=3))
    assert phone.texts[-1].startswith(f"{QUESTION} these 2 pictures?")


def _largest(update: dict[str, Any]) -> list[dict[str, Any]]:
    message = update.get("message") or update.get("edited_message") or {}
    return message.get("photo", [])[-1:] + ([message["document"]] if "document" in message else [])


# ---- albums -------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations("abN")), ids="".join)
@pytest.mark.parametrize("fetched_between", [False, True])
def test_an_album_is_of_what_any_of_it_names(
    phone: Phone, pictures: Pictures, order: tuple[str, ...], fetched_between: bool
) -> None:
    listing = make_listing(State.PURCHASED)
    for letter in order:
        pictures.send(listing.short_code if letter == "N" else "", album="77")
        if fetched_between:
            pictures.fetch()
    pictures.settle()
    assert listing.photos.count() == 3
    assert [text.partition("\n")[0] for text in phone.texts] == [
        f"3 photos of {listing.short_code} kept, 3 in all. Now Received."
    ]
    assert pictures.answer(timedelta(minutes=5)) == 0, "nothing is left to be asked"


def test_what_comes_after_the_answer_is_answered_by_itself(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.RECEIVED)
    pictures.send(listing.short_code, album="77")
    pictures.settle()
    pictures.send(album="77")
    pictures.settle()
    assert [text[:7] for text in phone.texts] == ["1 photo", "1 photo"]
    assert "2 in all" in phone.texts[1]


def test_the_answer_waits_for_a_moment_of_quiet(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.RECEIVED)
    pictures.send(listing.short_code, album="77")
    pictures.fetch()
    assert pictures.answer(timedelta(seconds=1)) == 0
    pictures.send(album="77")
    assert pictures.answer(timedelta(seconds=10)) == 0, "one is still to be fetched"
    assert pictures.answer(timedelta(minutes=1)) == 1, "but nobody waits for it for ever"
    pictures.settle()
    assert [text[:7] for text in phone.texts] == ["1 photo", "1 photo"]


def test_two_albums_do_not_mix(pictures: Pictures) -> None:
    one, other = make_listing(State.RECEIVED), make_listing(State.RECEIVED)
    pictures.send(album="1")
    pictures.send(album="2")
    pictures.send(one.short_code, album="1")
    pictures.send(other.short_code, album="2")
    pictures.settle()
    assert (one.photos.count(), other.photos.count()) == (2, 2)


# ---- named late, again, or otherwise ------------------------------------------------------------


def test_who_names_nothing_is_asked_once_and_may_edit_the_caption(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.PURCHASED)
    pictures.send("the front", album="77")
    pictures.send(album="77")
    assert pictures.answer(timedelta(seconds=60)) == 0
    assert pictures.answer(timedelta(seconds=61)) == 1
    assert pictures.answer(timedelta(minutes=9)) == 0
    assert phone.texts[0].startswith(f"{QUESTION} these 2 pictures?")
    phone.bot.edit_caption(f"the front of {listing.short_code}")
    pictures.settle()
    assert listing.photos.count() == 2
    assert phone.texts[1].startswith(f"2 photos of {listing.short_code} kept, 2 in all.")


def test_a_code_that_no_listing_has_is_named_in_the_question(phone: Phone, pictures: Pictures) -> None:
    pictures.send("for K7Q2MX please")
    assert last_kept().detail == "photo: waits for its listing, since none is K7Q2MX"
    pictures.answer(timedelta(minutes=3))
    assert phone.texts[0].startswith(f"No camera has the code K7Q2MX. {QUESTION} this picture?")


def test_a_reply_to_a_digest_of_several_is_asked_about(phone: Phone, pictures: Pictures) -> None:
    found = [make_listing(State.FOUND), make_listing(State.FOUND)]
    phone.say(telegram.digest_rows(found, [], job_number=1))
    pictures.send(reply_to=phone.bot.sent[-1]["message_id"])
    pictures.answer(timedelta(minutes=3))
    assert phone.texts[-1].startswith(QUESTION)


def test_the_same_update_and_the_same_picture_are_one_photo(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.RECEIVED)
    phone.switch(callback_twice=True)
    content = a_picture()
    pictures.send(listing.short_code, content)
    pictures.send(listing.short_code, content)
    assert pictures.fetch() == 2
    pictures.answer()
    assert listing.photos.count() == 1
    assert phone.texts[0].startswith(f"1 photo of {listing.short_code} kept, 1 in all.")
    assert phone.texts[1].startswith(f"1 photo of {listing.short_code} kept before, 1 in all.")


def test_an_edit_that_changes_nothing_does_nothing(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.RECEIVED)
    pictures.send(listing.short_code)
    pictures.settle()
    phone.bot.edit_caption(f"{listing.short_code} front")
    pictures.settle()
    assert last_kept().detail == f"photo of {listing.short_code}: a photo of the listing"
    assert (listing.photos.count(), len(phone.texts)) == (1, 1)


def test_a_photo_stays_where_it_is_though_its_caption_comes_to_name_another(
    phone: Phone, pictures: Pictures
) -> None:
    one, other = make_listing(State.RECEIVED), make_listing(State.RECEIVED)
    pictures.send(one.short_code)
    pictures.settle()
    phone.bot.edit_caption(other.short_code)
    pictures.settle()
    assert (one.photos.count(), other.photos.count()) == (1, 0)
    assert phone.texts[-1].startswith(
        f"The photo stays with {one.short_code}. If it is of {other.short_code}, remove it there"
    )


def test_what_was_refused_can_be_named_for_another_listing(phone: Phone, pictures: Pictures) -> None:
    found, bought = make_listing(State.FOUND), make_listing(State.PURCHASED)
    pictures.send(found.short_code, album="77")
    pictures.send(album="77")
    pictures.settle()
    assert phone.texts[-1].startswith(f"2 photos of {found.short_code} not kept.")
    phone.bot.edit_caption(bought.short_code)
    pictures.settle()
    assert phone.texts[-1].startswith(f"2 photos of {bought.short_code} kept, 2 in all.")


def test_another_picture_may_be_put_into_a_message(phone: Phone, pictures: Pictures) -> None:
    listing = make_listing(State.RECEIVED)
    pictures.send(listing.short_code)
    message = phone.bot.chat.last()
    phone.bot.deliver({"edited_message": message | {"photo": phone.bot.files.photo(a_picture())}})
    pictures.settle()
    assert listing.photos.count() == 2
    assert (TelegramAlbum.objects.count(), TelegramPicture.objects.count()) == (1, 2)
