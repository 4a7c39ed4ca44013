"""Taps as nobody's finger makes them: data, names and keyboards of every shape, each answered, none a failure."""

from typing import Any
from uuid import uuid4

import pytest

from integrations.models import OutboxMessage, TelegramMessage
from integrations.simulators import telegram_updates as updates
from listings.models import ProductListing
from tests.factories import make_listing
from tests.telegram.conftest import CHAT, Phone, last_kept

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]


def tap(phone: Phone, **changes: Any) -> Any:
    sent = updates.message(77, CHAT, updates.BOT, text="x")
    update = updates.pressed("1", sent, "", CHAT)
    update["callback_query"] |= changes
    return phone.post(update | {"update_id": 1})


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        "m",
        "m:",
        "x:1",
        "m:not-a-uuid",
        7,
        [],
        {},
        "m:\0",
        "\ud800:1",
        "z:2f7c1d7e-5a0b-4a4e-9a51-0c6b8f3f2f10",
        "m:" + "9" * 5000,
    ],
)
def test_a_button_of_another_kind_does_nothing(phone: Phone, data: Any) -> None:
    assert tap(phone, data=data).status_code == 200
    assert last_kept().detail == "ignored: a button of another kind"
    assert OutboxMessage.objects.get().body["text"] == "This button means nothing any more."


def test_a_listing_that_is_not_there(phone: Phone) -> None:
    for letter in "mcrs":
        TelegramMessage.objects.all().delete()
        sent = updates.message(77, CHAT, updates.BOT, text="x")
        update = updates.pressed("1", sent, f"{letter}:{uuid4()}", CHAT)
        assert phone.post(update | {"update_id": ord(letter)}).status_code == 200
        assert last_kept().detail == "?: not done: there is no such listing (operator)"
        assert last_kept().subject is None


@pytest.mark.parametrize("query_id", [None, "", 7, "x" * 51, "a b", "a\0", "ü"])
def test_a_tap_without_a_usable_id_is_done_and_not_answered(phone: Phone, query_id: Any) -> None:
    listing = make_listing()
    OutboxMessage.objects.all().delete()
    assert tap(phone, data=f"c:{listing.pk}", id=query_id).status_code == 200
    assert ProductListing.objects.get(pk=listing.pk).state == "CANCELLED"
    assert not OutboxMessage.objects.filter(topic="telegram.answer").exists()


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ({"username": "ann_b", "first_name": "Ann"}, "ann_b"),
        ({"first_name": "Ann\n\u202eB  C"}, "Ann B C"),
        ({"first_name": "x" * 300}, "x" * 49 + "…"),
        ({"first_name": "\0\ud800"}, "?"),
        ({"username": "", "first_name": " "}, "somebody"),
        ({"username": 7, "first_name": None}, "somebody"),
        ({}, "somebody"),
        (None, "somebody"),
        ("ann", "somebody"),
    ],
)
def test_the_name_of_who_tapped_is_made_fit_for_the_log(phone: Phone, person: Any, name: str) -> None:
    listing = make_listing()
    assert tap(phone, **{"data": f"c:{listing.pk}", "from": person}).status_code == 200
    assert listing.history.get(to_state="CANCELLED").triggered_by == f"telegram:{name}"


@pytest.mark.parametrize(
    "keyboard",
    [
        None,
        "x",
        {"inline_keyboard": "x"},
        {"inline_keyboard": [None, [None, {"text": 1}, {"callback_data": 7}]]},
    ],
)
def test_a_keyboard_that_is_none(phone: Phone, keyboard: Any) -> None:
    listing = make_listing()
    sent = updates.message(77, CHAT, updates.BOT, text="a\0\ud800") | {"reply_markup": keyboard}
    assert tap(phone, data=f"c:{listing.pk}", message=sent).status_code == 200
    kept = TelegramMessage.objects.get()
    assert (kept.text, kept.buttons) == ("a?", [])
