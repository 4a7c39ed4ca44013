"""A picture that is sent to the chat becomes a photo of the camera that it names."""

import pytest

from listings import telegram
from listings.models import Photo, ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.telegram.conftest import Phone, last_kept
from tests.telegram.photos import Pictures

pytestmark = pytest.mark.django_db
OPERATOR = 5_000_000_001


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
    pictures.send(reply_to=phone.bot.sent[-1]["message_id"])
    pictures.settle()
    assert phone.texts[-1].startswith(f"1 photo of {listing.short_code} kept, 2 in all. Now Received.")
