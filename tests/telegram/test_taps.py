"""A tap on a button: checked against the state, done once, answered, and written into the message."""

from uuid import UUID

import pytest
from django.db.models.functions import Now

from integrations.models import OutboxMessage, TelegramMessage
from integrations.simulators import telegram_updates as updates
from integrations.telegram_chat import Button, say
from listings import deliveries, outreach, telegram
from listings.models import Approval, ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.telegram.conftest import CHAT, Phone, last_kept

pytestmark = pytest.mark.django_db
WHO = "telegram:operator"


def ask(
    phone: Phone, *subjects: UUID, actions: tuple[str, ...] = ("message", "cancel", "retry", "snooze")
) -> None:
    """Have a message in the chat with all buttons of these listings."""
    buttons = [
        [Button(f"{action} {number}", action, each) for action in actions]
        for number, each in enumerate(subjects)
    ]
    phone.say(say("What now?", buttons=buttons))


def state(listing: ProductListing) -> str:
    return str(ProductListing.objects.get(pk=listing.pk).state)


def has_failed(listing: ProductListing) -> None:
    """Let the listing's partner call have been given up."""
    OutboxMessage.objects.filter(key=str(listing.pk), channel="chatterbot").update(
        attempts=10, given_up_at=Now(), last_error="400"
    )


# What each button comes to in each state, by the end of the line that the message shows.
CANCELLED = "cancelled"
OUTCOMES: dict[tuple[str, str], str] = {
    ("message", "FOUND"): "approved, messaged when its turn comes",
    ("message", "MESSAGING"): "not done: it is Messaging already",
    ("message", "NEGOTIATING"): "not done: it is Negotiating already",
    ("message", "PURCHASED"): "not done: it is Purchased already",
    ("message", "RECEIVED"): "not done: it is Received already",
    ("message", "LISTED"): "not done: it is Listed already",
    ("message", "SOLD"): "not done: it is Sold already",
    ("message", "CANCELLED"): "not done: it is Cancelled already",
    ("cancel", "FOUND"): CANCELLED,
    ("cancel", "MESSAGING"): CANCELLED,
    ("cancel", "NEGOTIATING"): CANCELLED,
    ("cancel", "PURCHASED"): "not done: it is Purchased",
    ("cancel", "RECEIVED"): "not done: it is Received",
    ("cancel", "LISTED"): "not done: it is Listed",
    ("cancel", "SOLD"): "not done: it is Sold",
    ("cancel", "CANCELLED"): "not done: it is Cancelled",
    ("snooze", "FOUND"): "not done: it is Found, where nothing runs out",
    ("snooze", "PURCHASED"): "not done: it is Purchased, where nothing runs out",
    ("snooze", "RECEIVED"): "not done: it is Received, where nothing runs out",
    ("snooze", "LISTED"): "not done: it is Listed, where nothing runs out",
    ("snooze", "SOLD"): "not done: it is Sold, where nothing runs out",
    ("snooze", "CANCELLED"): "not done: it is Cancelled, where nothing runs out",
    **{("retry", each.value): "not done: nothing is left to retry" for each in State},
}


@pytest.mark.parametrize(("action", "origin"), OUTCOMES)
def test_each_button_in_each_state(phone: Phone, action: str, origin: str) -> None:
    listing = make_listing(origin)
    before = listing.history.count()
    ask(phone, listing.pk)
    assert phone.bot.press(f"{action} 0").status == 200
    phone.serve()

    outcome = OUTCOMES[action, origin]
    line = f"{listing.short_code}: {outcome} (operator)"
    assert phone.texts == [f"What now?\n\n{line}"]
    assert phone.answers() == [line]
    assert phone.labels() == []
    assert (last_kept().detail, last_kept().subject) == (line, listing.pk)
    assert state(listing) == ("CANCELLED" if outcome == CANCELLED else origin)
    assert listing.history.count() == before + (outcome == CANCELLED)


@pytest.mark.parametrize("origin", [State.MESSAGING, State.NEGOTIATING])
def test_snooze_moves_the_deadline_two_days(phone: Phone, origin: str) -> None:
    listing = make_listing(origin)
    phone.say(telegram.warning_rows(listing))
    phone.bot.press("Snooze 2 days")
    phone.serve()
    moved = ProductListing.objects.get(pk=listing.pk)
    assert moved.deadline_at and listing.deadline_at
    assert (moved.deadline_at - listing.deadline_at).days == 2
    note = moved.notes.get()
    assert note.by == WHO and "by Telegram" in note.text
    assert phone.texts[0].endswith(f"snoozed until {moved.deadline_at:%d %b %H:%M} UTC (operator)")


def test_approve_puts_the_listing_in_the_queue_in_the_name_of_who_tapped(phone: Phone) -> None:
    listing = make_listing()
    phone.say(telegram.digest_rows([listing], [], job_number=1))
    phone.bot.press(f"Message {listing.short_code}")
    assert Approval.objects.get(listing=listing).approved_by == WHO
    assert outreach.run() == [listing.pk]
    assert state(listing) == "MESSAGING"
    assert listing.history.get(to_state="MESSAGING").triggered_by == WHO


def test_what_somebody_approved_before_stays_theirs(phone: Phone) -> None:
    listing = make_listing()
    outreach.approve(listing.pk, by="rule:good")
    ask(phone, listing.pk)
    phone.bot.press("message 0")
    assert "approved by rule:good before" in last_kept().detail
    assert Approval.objects.get(listing=listing).approved_by == "rule:good"


def test_cancel_is_logged_with_who_and_how(phone: Phone) -> None:
    listing = make_listing(State.MESSAGING)
    ask(phone, listing.pk)
    phone.bot.press("cancel 0")
    log = listing.history.get(to_state="CANCELLED")
    assert (log.triggered_by, log.metadata) == (WHO, {"reason": "by Telegram"})


def test_retry_tries_the_failed_call_again(phone: Phone) -> None:
    listing = make_listing(State.MESSAGING)
    has_failed(listing)
    phone.say(telegram.error_rows(listing, "Chatterbot answered 400."))
    phone.bot.press("Retry")
    call = OutboxMessage.objects.get(key=str(listing.pk), channel="chatterbot")
    assert (call.state, call.attempts) == ("waiting", 0)
    assert last_kept().detail.endswith("tried again (operator)")
    assert listing.notes.get().by == WHO


# ---- once ---------------------------------------------------------------------------------------


def test_a_button_works_once(phone: Phone) -> None:
    listing = make_listing(State.MESSAGING)
    ask(phone, listing.pk)
    message_id = phone.bot.sent[0]["message_id"]
    tap = updates.pressed("1", phone.bot.sent[0], f"s:{listing.pk}", CHAT)
    first = phone.post(tap | {"update_id": 1})
    once = ProductListing.objects.get(pk=listing.pk).deadline_at
    second = phone.post(tap | {"update_id": 2})
    third = phone.bot.press(f"c:{listing.pk}", message_id)
    assert {first.status_code, second.status_code, third.status} == {200}
    assert ProductListing.objects.get(pk=listing.pk).deadline_at == once
    assert state(listing) == "MESSAGING"
    assert last_kept().detail.startswith(f"a repeat: {listing.short_code}: snoozed until")
    phone.serve()
    assert phone.answers()[-1].startswith(f"Done before. {listing.short_code}: snoozed until")
    assert phone.texts[0].count(listing.short_code) == 1


def test_in_a_digest_each_listing_has_its_own_tap(phone: Phone) -> None:
    listings = [make_listing() for _ in range(3)]
    ask(phone, *[listing.pk for listing in listings], actions=("message", "cancel"))
    phone.bot.press("cancel 1")
    phone.serve()
    assert phone.labels() == ["message 0", "cancel 0", "message 2", "cancel 2"]
    phone.bot.press("message 0")
    phone.bot.press("cancel 2")
    phone.serve()
    assert phone.labels() == []
    assert [state(listing) for listing in listings] == ["FOUND", "CANCELLED", "CANCELLED"]
    assert [line.split(":")[0] for line in phone.texts[0].split("\n")[2:]] == [
        listings[1].short_code,
        listings[0].short_code,
        listings[2].short_code,
    ]


def test_an_edit_is_not_held_back_by_what_waits(phone: Phone) -> None:
    listing = make_listing()
    ask(phone, listing.pk)
    late = say("later")
    OutboxMessage.objects.bulk_create(late)
    OutboxMessage.objects.filter(pk=late[0].pk).update(next_attempt_at="2100-01-01T00:00Z")
    phone.bot.press("cancel 0")
    phone.serve()
    assert "cancelled (operator)" in phone.texts[0]
    assert len(phone.answers()) == 1


# ---- messages that are old, or that we do not know ----------------------------------------------


def test_an_old_message_is_edited_from_what_we_kept(phone: Phone) -> None:
    listing = make_listing()
    ask(phone, listing.pk)
    assert phone.bot.press("cancel 0", old=True).status == 200
    phone.serve()
    assert phone.texts == [f"What now?\n\n{listing.short_code}: cancelled (operator)"]


def test_a_message_that_we_do_not_know_is_kept_from_what_telegram_shows(phone: Phone) -> None:
    one, other = make_listing(), make_listing()
    ask(phone, one.pk, other.pk, actions=("cancel",))
    TelegramMessage.objects.all().delete()
    phone.bot.press("cancel 0")
    phone.serve()
    assert phone.texts == [f"What now?\n\n{one.short_code}: cancelled (operator)"]
    assert phone.labels() == ["cancel 1"]


def test_an_old_message_that_we_do_not_know_says_what_happened(phone: Phone) -> None:
    listing = make_listing()
    ask(phone, listing.pk)
    TelegramMessage.objects.all().delete()
    phone.bot.press("cancel 0", old=True)
    phone.serve()
    assert phone.texts == [f"{listing.short_code}: cancelled (operator)"]


def test_retry_looks_at_the_calls_at_the_tap(phone: Phone) -> None:
    listing = make_listing(State.MESSAGING)
    has_failed(listing)
    phone.say(telegram.error_rows(listing, "x"))
    deliveries.retry(listing.pk, by="user:ann")
    phone.bot.press("Retry")
    assert last_kept().detail.endswith("not done: nothing is left to retry (operator)")
