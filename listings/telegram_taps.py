"""What comes from Telegram: `POST /webhooks/telegram`, and what a tap on a button does.

Telegram repeats what is not answered with 2xx, so every update is answered
200, also one that we do nothing about: that, and why, stands in the inbox.
"""

import hashlib
import hmac
import re
import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from integrations import outbox, telegram_chat
from integrations.callers import Refusal
from integrations.models import InboxMessage, OutboxMessage, TelegramMessage, TelegramUpdate
from integrations.telegram_chat import ACTIONS, Button
from integrations.telegram_reading import LARGEST_ID, LONGEST_NAME, number, part, picture, sender
from integrations.telegram_text import clean, one_line
from integrations.webhooks import Answer, Webhook
from listings import deliveries, lifecycle, outreach, telegram_photos
from listings.models import ProductListing
from listings.states import State

KIND = "update"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  a header's name
SNOOZE_DAYS = 2
# A tap on an old message must not throw away a camera that is paid for: from PURCHASED on, the back office.
CANCELLABLE_HERE = (State.FOUND, State.MESSAGING, State.NEGOTIATING)


class NotDone(Exception):
    """The tap came to nothing; the text says why."""


class TelegramWebhook(Webhook):
    """`POST /webhooks/telegram`."""

    partner = "telegram"
    kind = KIND

    def authenticate(self, request: HttpRequest) -> None:
        """Let pass who knows a secret of ours; while Telegram is off, nobody.

        Raises:
            Refusal: 401.
        """
        shown = _digest(request.headers.get(SECRET_HEADER, ""))
        # Every secret is compared, whatever matched before: the time tells nothing.
        fits = [
            hmac.compare_digest(shown, _digest(secret))
            for secret in settings.TELEGRAM_WEBHOOK_SECRETS
            if secret
        ]
        if not settings.TELEGRAM_BOT_TOKEN or not any(fits):
            raise Refusal(401, "A valid secret token is needed.")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


# ---- one update ---------------------------------------------------------------------------------


def update(message: InboxMessage, payload: Any) -> Answer:
    """Understand one update, once.

    Raises:
        Refusal: 422 for a body that is no update at all.
    """
    update_id = payload.get("update_id") if isinstance(payload, dict) else None
    if isinstance(update_id, bool) or not isinstance(update_id, int) or not 0 <= update_id <= LARGEST_ID:
        raise Refusal(422, {"update_id": ["Must be a whole number: this is no update of Telegram's."]})
    known, first = TelegramUpdate.objects.get_or_create(update_id=update_id, defaults={"inbox": message})
    if not first and known.inbox != message:
        return _kept(f"a repeat: update {update_id} came before")
    kind = "callback_query" if "callback_query" in payload else next(iter(payload.keys() - {"update_id"}), "")
    content = part(payload, kind)
    if reason := _stranger(content, part(content, "message") if kind == "callback_query" else content):
        return _kept(f"ignored: {reason}")
    if kind == "callback_query":
        return _tap(content)
    if kind in ("message", "edited_message") and (sent := picture(content)):
        return _kept(*telegram_photos.arrived(content, sent))
    return _kept(f"{one_line(kind, 40) or 'an empty update'}: nothing to do")


def _kept(detail: str, subject: uuid.UUID | None = None) -> Answer:
    return Answer(200, {"ok": True}, detail=detail, subject=subject)


def _stranger(content: dict[str, Any], place: dict[str, Any]) -> str:
    """Say why what came from there is not obeyed; nothing where it is."""
    chat_id = number(part(place, "chat"), "id")
    if chat_id is None or str(chat_id) != settings.TELEGRAM_CHAT_ID:
        return "not the configured chat"
    allowed = settings.TELEGRAM_USER_IDS
    if allowed and str(number(part(content, "from"), "id")) not in allowed:
        return "not a configured user"
    return ""


# ---- one tap ------------------------------------------------------------------------------------


def _tap(query: dict[str, Any]) -> Answer:
    """Do what a button says, once; answer the tap, and write into the message what happened and by whom."""
    by = f"telegram:{sender(query)}"
    action, subject = _meaning(query.get("data"))
    if subject is None:
        outbox.put(_answers(query, "This button means nothing any more."))
        return _kept("ignored: a button of another kind")
    message = _locked_message(query)
    done_before = message and next((tap for tap in message.taps if tap["subject"] == str(subject)), None)
    if done_before:
        outbox.put(_answers(query, f"Done before. {done_before['line']}"))
        return _kept(f"a repeat: {done_before['line']}", subject)
    try:
        outcome = DOES[action](subject, by)
    except NotDone as problem:
        outcome = f"not done: {problem}"
    line = f"{_code(subject)}: {outcome} ({by.removeprefix('telegram:')})"
    rows = _answers(query, line)
    if message:
        message.taps = [*message.taps, {"action": action, "subject": str(subject), "line": line}]
        message.buttons = telegram_chat.without(message.buttons, subject)
        message.save(update_fields=["taps", "buttons"])
        rows.append(telegram_chat.edit(message))
    outbox.put(rows)
    return _kept(line, subject if ProductListing.objects.filter(pk=subject).exists() else None)


def _meaning(data: Any) -> tuple[str, uuid.UUID | None]:
    """Read a button's data; no id where it is none of ours."""
    letter, _, text = data.partition(":") if isinstance(data, str) else ("", "", "")
    try:
        return ACTIONS[letter], uuid.UUID(text)
    except (KeyError, ValueError):
        return "", None


def _answers(query: dict[str, Any], text: str) -> list[OutboxMessage]:
    query_id = query.get("id")
    usable = isinstance(query_id, str) and re.fullmatch(r"[\w-]{1,50}", query_id, re.ASCII)
    return [telegram_chat.answer(str(query_id), text)] if usable else []


def _locked_message(query: dict[str, Any]) -> TelegramMessage | None:
    """Return the message under the button, its row locked, so that two taps at once are one after the other.

    One that we do not know (its sending was not confirmed yet, or never) is
    kept from what Telegram shows of it.
    """
    shown = part(query, "message")
    message_id, chat_id = number(shown, "message_id"), number(part(shown, "chat"), "id")
    if message_id is None or chat_id is None:
        return None
    text = shown.get("text")
    TelegramMessage.objects.get_or_create(
        chat_id=chat_id,
        message_id=message_id,
        defaults={
            "text": clean(text)[:4096] if isinstance(text, str) else "",
            "buttons": _buttons_of(shown),
        },
    )
    return TelegramMessage.objects.select_for_update().get(chat_id=chat_id, message_id=message_id)


def _buttons_of(shown: dict[str, Any]) -> list[list[dict[str, str]]]:
    """Return the buttons of ours under a message as Telegram shows it."""
    rows = part(shown, "reply_markup").get("inline_keyboard")
    kept: list[list[dict[str, str]]] = []
    for row in rows if isinstance(rows, list) else []:
        kept.append([])
        for each in row if isinstance(row, list) else []:
            action, subject = _meaning(each.get("callback_data") if isinstance(each, dict) else None)
            if subject:
                text = one_line(clean(str(each.get("text"))), LONGEST_NAME)
                kept[-1].append(Button(text, action, subject).shown)
    return [row for row in kept if row]


# ---- what the buttons do ------------------------------------------------------------------------


def _listing(subject: uuid.UUID) -> ProductListing:
    try:
        return lifecycle.locked(subject)
    except ProductListing.DoesNotExist:
        raise NotDone("there is no such listing") from None


def _code(subject: uuid.UUID) -> str:
    return ProductListing.objects.filter(pk=subject).values_list("short_code", flat=True).first() or "?"


def _message(subject: uuid.UUID, by: str) -> str:
    _listing(subject)
    try:
        approval = outreach.approve(subject, by=by)
    except outreach.NotFoundState:
        raise NotDone(f"it is {_state(subject)} already") from None
    who = "" if approval.approved_by == by else f" by {approval.approved_by} before"
    return f"approved{who}, messaged when its turn comes"


def _cancel(subject: uuid.UUID, by: str) -> str:
    listing = _listing(subject)
    if listing.state not in CANCELLABLE_HERE:
        raise NotDone(f"it is {_state(subject)}")
    lifecycle.cancel(subject, by=by, reason="by Telegram")
    return "cancelled"


def _retry(subject: uuid.UUID, by: str) -> str:
    _listing(subject)
    try:
        deliveries.retry(subject, by=by)
    except deliveries.NothingToRetry:
        raise NotDone("nothing is left to retry") from None
    return "tried again"


def _snooze(subject: uuid.UUID, by: str) -> str:
    listing = _listing(subject)
    if listing.deadline_at is None:
        raise NotDone(f"it is {_state(subject)}, where nothing runs out")
    moved = lifecycle.snooze(subject, by=by, days=SNOOZE_DAYS, reason="by Telegram")
    return f"snoozed until {moved.deadline_at:%d %b %H:%M} UTC"


def _state(subject: uuid.UUID) -> str:
    return str(State(_listing(subject).state).label)


DOES = {"message": _message, "cancel": _cancel, "retry": _retry, "snooze": _snooze}
