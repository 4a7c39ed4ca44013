"""What we say in the Telegram chat, as outbox rows: split to fit, held in quiet hours, sent in order.

`say` builds rows for the caller's transaction; the handlers below deliver them.
Which listing a message is about is a plain id here.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from integrations import clock, outbox, telegram
from integrations.http import Held, PermanentError, TransientError
from integrations.models import OutboxMessage, TelegramMessage, TelegramSettings
from integrations.outbox import Delivery
from integrations.quiet_hours import quiet_end
from integrations.telegram_text import clean, cut, split

SEND, EDIT, ANSWER = "telegram.send", "telegram.edit", "telegram.answer"
CHANNEL = "telegram"
# Bots have 64 bytes for what a button means: a letter and a listing's id.
LETTERS = {"message": "m", "cancel": "c", "retry": "r", "snooze": "s"}
ACTIONS = {letter: action for action, letter in LETTERS.items()}
LONGEST_ANSWER = 200
# Telegram forgets a tap in less than a minute: a second try is the last that can help.
ANSWER_ATTEMPTS = 2


@dataclass(frozen=True)
class Button:
    """A button under a message: `action` is "message", "cancel", "retry" or "snooze", `subject` a listing."""

    text: str
    action: str
    subject: UUID

    @property
    def data(self) -> str:
        """What Telegram hands back when it is pressed."""
        return f"{LETTERS[self.action]}:{self.subject}"

    @property
    def shown(self) -> dict[str, str]:
        """The button in Telegram's form."""
        return {"text": clean(self.text), "callback_data": self.data}


def is_on() -> bool:
    """Say whether there is a bot and a chat to talk in."""
    return bool(settings.TELEGRAM_BOT_TOKEN and settings.TELEGRAM_CHAT_ID)


def say(
    text: str, *, buttons: Sequence[Sequence[Button]] = (), subject: UUID | None = None
) -> list[OutboxMessage]:
    """Build the rows of one message; the caller hands them to `outbox.put` with its own.

    Args:
        text: plain text of any length; it is split at line ends into messages that Telegram takes.
        buttons: rows of buttons, shown under the last part.
        subject: the listing it is about, so that a reply or a tap finds it.

    Returns:
        The rows, in order; none while Telegram is off.
    """
    if not is_on():
        return []
    keyboard = [[button.shown for button in row] for row in buttons]
    parts = split(clean(text))
    quiet = _quiet_until()
    rows = []
    for number, part in enumerate(parts, start=1):
        body = {
            "text": part,
            "buttons": keyboard if number == len(parts) else [],
            "subject": str(subject) if subject else None,
        }
        row = outbox.call(SEND, key=settings.TELEGRAM_CHAT_ID, body=body)
        if quiet:
            row.next_attempt_at = quiet
        rows.append(row)
    return rows


def edit(message: TelegramMessage) -> OutboxMessage:
    """Build the row that shows a message as it is kept now: its text, what was tapped, the buttons left."""
    told = "\n".join(str(tap["line"]) for tap in message.taps)
    body = {
        "chat_id": message.chat_id,
        "message_id": message.message_id,
        "text": cut(message.text, tail=f"\n\n{told}").strip(),
        "buttons": message.buttons,
    }
    return outbox.call(EDIT, key=f"{message.chat_id}/{message.message_id}", body=body)


def answer(query_id: str, text: str) -> OutboxMessage:
    """Build the row that answers a tap, so that the button stops waiting."""
    return outbox.call(
        ANSWER, key=f"tap/{query_id}", body={"query_id": query_id, "text": text[:LONGEST_ANSWER]}
    )


# ---- delivery -----------------------------------------------------------------------------------


def deliver_message(delivery: Delivery) -> str:
    """Send one message, and keep which it became.

    It goes to the chat that is configured now, so that what was given up in a
    group that moved can be delivered again. The Bot API has no idempotency
    key: where the answer is lost the message is sent again, and the chat may show it twice.

    Raises:
        Held: quiet hours have begun since it was written.
        integrations.http.TransientError, PermanentError.
    """
    if not is_on():
        raise PermanentError("Telegram is off: no bot token, or no chat.")
    if quiet := _quiet_until():
        wait = (quiet - clock.now()).total_seconds()
        raise Held(f"It is quiet until {quiet:%H:%M} UTC, and sent then.", retry_after=max(wait, 0.0))
    _wait_for_our_turn()
    body = delivery.body
    sent = telegram.send_message(settings.TELEGRAM_CHAT_ID, body["text"], keyboard=body["buttons"])
    kept = TelegramMessage(
        chat_id=sent.chat_id,
        message_id=sent.message_id,
        subject=body["subject"],
        text=body["text"],
        buttons=body["buttons"],
    )
    # A tap can arrive before the answer to our call, and has kept the message already.
    TelegramMessage.objects.bulk_create([kept], ignore_conflicts=True)
    return f"sent as message {sent.message_id}"


def deliver_edit(delivery: Delivery) -> str:
    """Bring a message up to date; the same edit twice is one.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    body = delivery.body
    changed = telegram.edit_message(
        body["chat_id"], body["message_id"], body["text"], keyboard=body["buttons"]
    )
    return "edited" if changed else "it said so already"


def deliver_answer(delivery: Delivery) -> str:
    """Answer a tap, soon or not at all.

    Raises:
        integrations.http.TransientError: at the first attempt.
        integrations.http.PermanentError: later, since the tap has expired by the next one.
    """
    try:
        answered = telegram.answer_callback(delivery.body["query_id"], delivery.body["text"])
    except TransientError as error:
        if delivery.attempt < ANSWER_ATTEMPTS:
            raise
        raise PermanentError(f"The tap was not answered in time. {error}") from None
    return "answered" if answered else "the tap had expired"


def given_up(delivery: Delivery, error: str) -> None:
    """Do nothing more: the outbox row shows staff what was not said and why, and saying it here would fail too."""


def register() -> None:
    """Say who delivers what goes to Telegram."""
    telegram.keep_token_out_of_logs()
    handlers = {SEND: deliver_message, EDIT: deliver_edit, ANSWER: deliver_answer}
    for topic, handler in handlers.items():
        outbox.register(topic, channel=CHANNEL, handler=handler, given_up=given_up)


def _quiet_until() -> datetime | None:
    """Return the end of the quiet hours that it is in, by the database's clock; None where it is in none."""
    kept = TelegramSettings.objects.filter(pk=1).first()
    if kept is None or kept.quiet_from is None or kept.quiet_until is None:
        return None
    return quiet_end(clock.now(), kept.quiet_from, kept.quiet_until, kept.time_zone)


def _wait_for_our_turn() -> None:
    """Wait until a second has passed since the last message: no longer, whatever the clocks say."""
    last = TelegramMessage.objects.order_by("-sent_at").values_list("sent_at", flat=True).first()
    if last is None:
        return
    pause = settings.TELEGRAM_SECONDS_BETWEEN
    passed = (clock.now() - last).total_seconds()
    if 0 <= passed < pause:
        time.sleep(pause - passed)


def without(keyboard: Iterable[Iterable[dict[str, Any]]], subject: UUID) -> list[list[dict[str, Any]]]:
    """Return the buttons that are left when those of `subject` are taken away."""
    rows = ([each for each in row if not each["callback_data"].endswith(str(subject))] for row in keyboard)
    return [row for row in rows if row]
