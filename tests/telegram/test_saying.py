"""What is said is rows first: none while Telegram is off, in parts where it is long, held while it is quiet."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from integrations import outbox, relay
from integrations.models import Channel, OutboxMessage, TelegramMessage, TelegramSettings
from integrations.telegram_chat import ACTIONS, LETTERS, Button, say
from integrations.telegram_text import LONGEST, units
from listings.telegram_taps import DOES
from tests.telegram.conftest import CHAT, Phone

pytestmark = pytest.mark.django_db


def be_quiet(*, since: int, until: int) -> TelegramSettings:
    """Have quiet hours from `since` hours ago to `until` hours ahead."""
    now = timezone.now()
    row = TelegramSettings.load()
    row.time_zone = "UTC"
    row.quiet_from, row.quiet_until = (
        (now + timedelta(hours=hours)).time().replace(second=0, microsecond=0) for hours in (-since, until)
    )
    row.save()
    return row


@pytest.mark.parametrize("name", ["TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"])
def test_nothing_is_said_while_it_is_off(telegram_on: None, settings: Any, name: str) -> None:
    setattr(settings, name, "")
    assert say("hello") == []


def test_one_message_with_its_buttons(phone: Phone) -> None:
    subject = uuid4()
    buttons = [[Button("Message", "message", subject), Button("Cancel", "cancel", subject)]]
    assert phone.say(say("Sony <a6400> *£390* _x_ [y](z) 📷", buttons=buttons, subject=subject)) == [
        "Sony <a6400> *£390* _x_ [y](z) 📷"
    ]
    sent = phone.bot.requests[-1]
    body = json.loads(sent.request.body)
    assert body["chat_id"] == str(CHAT)
    assert "parse_mode" not in body
    assert body["link_preview_options"] == {"is_disabled": True}
    assert body["reply_markup"]["inline_keyboard"] == [
        [
            {"text": "Message", "callback_data": f"m:{subject}"},
            {"text": "Cancel", "callback_data": f"c:{subject}"},
        ]
    ]
    kept = TelegramMessage.objects.get()
    assert (kept.chat_id, kept.message_id) == (CHAT, phone.bot.sent[0]["message_id"])
    assert kept.subject == subject


def test_every_action_has_its_letter_and_its_act_and_fits() -> None:
    assert DOES.keys() == LETTERS.keys() == set(ACTIONS.values())
    assert all(len(Button("x", action, uuid4()).data.encode()) <= 64 for action in LETTERS)


def test_a_long_text_leaves_in_parts_in_order_with_the_buttons_below(phone: Phone) -> None:
    text = "\n".join(f"{number} 📷 " + "x" * 60 for number in range(200))
    rows = say(text, buttons=[[Button("Retry", "retry", uuid4())]])
    assert len(rows) > 2
    texts = phone.say(rows)
    assert "\n".join(texts) == text
    assert all(units(each) <= LONGEST for each in texts)
    assert [phone.labels(place) for place in range(len(texts))] == [[]] * (len(texts) - 1) + [["Retry"]]


def test_what_json_cannot_hold_is_said_all_the_same(phone: Phone) -> None:
    assert phone.say(say("a\0b\ud83d", buttons=[[Button("x\udc00", "retry", uuid4())]])) == ["ab?"]


@pytest.mark.parametrize("text", ["", " \n "])
def test_nothing_is_no_message(phone: Phone, text: str) -> None:
    assert say(text) == []


def test_quiet_hours_hold_what_is_said(phone: Phone) -> None:
    be_quiet(since=1, until=2)
    before = timezone.now()
    assert phone.say(say("not now")) == []
    held = OutboxMessage.objects.get()
    assert timedelta(hours=1) < held.next_attempt_at - before < timedelta(hours=2, minutes=1)
    assert (held.attempts, held.state) == (0, "waiting")

    be_quiet(since=3, until=-1)
    OutboxMessage.objects.update(next_attempt_at=Now())
    phone.serve()
    assert phone.texts == ["not now"]


def test_what_comes_due_in_quiet_hours_waits_for_their_end(phone: Phone) -> None:
    outbox.put(say("said before"))
    be_quiet(since=1, until=2)
    phone.serve()
    assert phone.texts == []
    held = OutboxMessage.objects.get()
    assert held.next_attempt_at - timezone.now() > timedelta(hours=1)
    assert held.given_up_at is None


def test_nothing_overtakes_what_is_held(phone: Phone) -> None:
    be_quiet(since=1, until=2)
    outbox.put(say("first"))
    TelegramSettings.objects.update(quiet_from=None, quiet_until=None)
    assert phone.say(say("second")) == []
    OutboxMessage.objects.update(next_attempt_at=Now())
    phone.serve()
    assert phone.texts == ["first", "second"]


def test_quiet_hours_need_both_ends_and_a_zone_that_exists(db: None) -> None:
    row = TelegramSettings.load()
    assert row.quiet_from is None
    row.time_zone = "Europe/Atlantis"
    with pytest.raises(ValidationError, match="time zone"):
        row.full_clean()
    row.time_zone, row.quiet_from = "../etc/passwd", timezone.now().time()
    with pytest.raises(ValidationError) as problem:
        row.full_clean()
    assert "both a beginning and an end" in str(problem.value)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        TelegramSettings.objects.create(pk=2)


def test_a_chat_that_moved_gets_what_was_given_up(phone: Phone, settings: Any) -> None:
    phone.switch(outcome="migrated")
    assert phone.say(say("hello")) == []
    row = OutboxMessage.objects.get()
    assert row.state == "given up"
    assert "set TELEGRAM_CHAT_ID to -1002100000001" in row.last_error

    settings.TELEGRAM_CHAT_ID = "-1002100000001"
    relay.deliver_again([row.pk])
    phone.serve()
    assert phone.texts == ["hello"]
    assert TelegramMessage.objects.get().chat_id == -1002100000001


def test_rows_of_a_time_when_it_was_on_are_given_up_when_it_is_off(phone: Phone, settings: Any) -> None:
    rows = say("hello")
    settings.TELEGRAM_BOT_TOKEN = ""
    assert phone.say(rows) == []
    assert "Telegram is off" in OutboxMessage.objects.get().last_error
    assert not Channel.objects.get(name="telegram").failures
