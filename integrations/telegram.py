"""Telegram's Bot API. Contract: `POST /bot<token>/<method>`, answered `{"ok": …, "result" | "description": …}`.

The token is part of every address, so nothing that quotes an address leaves
this module: errors are Telegram's own words, without their causes. There is no
idempotency key: a message whose answer was lost is there twice after a second try.
"""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import quote

import requests
from django.conf import settings

from integrations import http
from integrations.http import PartnerError, PermanentError, TransientError

NAME = "Telegram"
WEBHOOK_PATH = "/webhooks/telegram"
ALLOWED_UPDATES = ("message", "edited_message", "callback_query")
LONGEST_WAIT = 86_400.0
# Bots may download no more; people can send it all the same.
LARGEST_FILE = 20 * 1024 * 1024
# What the answer says is put behind an address of ours: nothing in it may lead elsewhere.
FILE_PATH = re.compile(r"(?!.*\.\.)\w[\w./-]{0,300}", re.ASCII)
MASK = "…"

Keyboard = Sequence[Sequence[dict[str, Any]]]


class ChatMoved(PermanentError):
    """The group became a supergroup, which has another id."""

    def __init__(self, new_chat_id: int) -> None:
        super().__init__(
            f"The group became a supergroup: set TELEGRAM_CHAT_ID to {new_chat_id}, then deliver this again."
        )
        self.new_chat_id = new_chat_id


class FileTooBig(PermanentError):
    """A file is larger than what bots may download."""

    def __init__(self) -> None:
        super().__init__(f"Telegram hands no file of over {LARGEST_FILE // 2**20} MB to a bot.")


@dataclass(frozen=True)
class Sent:
    """Where a message ended up."""

    chat_id: int
    message_id: int


def send_message(chat_id: str, text: str, *, keyboard: Keyboard = ()) -> Sent:
    """Send plain text, with buttons under it where there are any, and without previews of its links.

    Raises:
        ChatMoved: the group became a supergroup.
        integrations.http.TransientError: to be repeated, after `retry_after` where Telegram asks for it.
        integrations.http.PermanentError: a bad token, a chat that blocked the bot, a text it does not take.
    """
    result = _call("sendMessage", _message(text, keyboard) | {"chat_id": chat_id})["result"]
    try:
        return Sent(int(result["chat"]["id"]), int(result["message_id"]))
    except (KeyError, TypeError, ValueError):
        raise TransientError(f"{NAME} answered without a message.", lost_answer=True) from None


def edit_message(chat_id: int, message_id: int, text: str, *, keyboard: Keyboard = ()) -> bool:
    """Replace a message's text and buttons; False where it said so already.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    where = {"chat_id": chat_id, "message_id": message_id}
    try:
        _call("editMessageText", _message(text, keyboard) | where)
    except PermanentError as error:
        if "message is not modified" not in str(error):
            raise
        return False
    return True


def answer_callback(query_id: str, text: str) -> bool:
    """Answer a tap with a line that is shown for a moment; False where the tap has expired.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    try:
        _call("answerCallbackQuery", {"callback_query_id": query_id, "text": text})
    except PermanentError as error:
        if "query is too old" not in str(error):
            raise
        return False
    return True


def download(file_id: str, into: BinaryIO) -> int:
    """Write a file that somebody sent into `into`, and return how many bytes it has.

    Raises:
        FileTooBig: more than bots may download.
        integrations.http.TransientError: to be repeated, with an empty file.
        integrations.http.PermanentError: Telegram does not know it any more.
    """
    try:
        found = _call("getFile", {"file_id": file_id})["result"]
    except PermanentError as error:
        if "file is too big" not in str(error):
            raise
        raise FileTooBig from None
    path = found.get("file_path") if isinstance(found, dict) else None
    if not isinstance(path, str) or not FILE_PATH.fullmatch(path):
        raise PermanentError(f"{NAME} named the file's place in a way nobody understands.")
    with _without_address():
        try:
            size = http.download(NAME, f"{_address('file/')}/{quote(path)}", into, limit=LARGEST_FILE)
        except http.TooMuch:
            raise FileTooBig from None
    if found.get("file_size") not in (None, size):
        raise TransientError(f"{NAME} broke off in the middle of a file.")
    return size


def set_webhook() -> str:
    """Register our address with its secret; return Telegram's word for it.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    if not settings.TELEGRAM_WEBHOOK_SECRETS:
        raise PermanentError("TELEGRAM_WEBHOOK_SECRET is not set: anybody could call the webhook.")
    answer = _call(
        "setWebhook",
        {
            "url": settings.PUBLIC_URL + WEBHOOK_PATH,
            "secret_token": settings.TELEGRAM_WEBHOOK_SECRETS[0],
            "allowed_updates": ALLOWED_UPDATES,
        },
    )
    return str(answer.get("description") or "Webhook was set")


def webhook_info() -> dict[str, Any]:
    """Return what Telegram knows of our webhook, its last error included.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    result = _call("getWebhookInfo", {})["result"]
    return result if isinstance(result, dict) else {}


def delete_webhook() -> str:
    """Have Telegram call us no more; return its word for it.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    return str(_call("deleteWebhook", {}).get("description") or "Webhook was deleted")


def send_test() -> str:
    """Send a test message at once, past the outbox and the quiet hours; return what Telegram said to it.

    For staff who set Telegram up. Call it outside a transaction: it waits for Telegram.
    """
    if not settings.TELEGRAM_CHAT_ID:
        return "Telegram is off: TELEGRAM_CHAT_ID is not set."
    try:
        sent = send_message(settings.TELEGRAM_CHAT_ID, "A test message from Aetos Orchestrator.")
    except PartnerError as error:
        return str(error)
    return f"{NAME} took it, as message {sent.message_id} of chat {sent.chat_id}."


# ---- one call -----------------------------------------------------------------------------------


def _message(text: str, keyboard: Keyboard) -> dict[str, Any]:
    # No parse_mode: titles hold what would be read as markup.
    body: dict[str, Any] = {"text": text, "link_preview_options": {"is_disabled": True}}
    return body | ({"reply_markup": {"inline_keyboard": keyboard}} if keyboard else {})


def _call(method: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Call a method and return the whole answer, of which `ok` is true."""
    with _without_address():
        answer = http.call(NAME, "POST", _address(), method, headers={}, payload=payload, judge=_judge)
        return dict(answer)


def _address(folder: str = "") -> str:
    token = settings.TELEGRAM_BOT_TOKEN
    if not token:
        raise PermanentError("Telegram is off: TELEGRAM_BOT_TOKEN is not set.")
    return f"{settings.TELEGRAM_API_URL}/{folder}bot{quote(token, safe=':')}"


@contextmanager
def _without_address() -> Iterator[None]:
    """Let an error pass without what caused it.

    That quotes the address, and with it the token: whoever prints the error must not print that.
    """
    failure: PartnerError
    try:
        yield
        return
    except PartnerError as error:
        failure = error
    failure.__cause__ = failure.__context__ = None
    raise failure


def _judge(partner: str, response: requests.Response, body: bytes) -> dict[str, Any]:
    """Return an answer that is `ok`, or raise what its error code means."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    known = isinstance(answer, dict)
    status = response.status_code
    if known and answer.get("ok") is True and "result" in answer and 200 <= status < 300:
        return dict(answer)
    described = answer.get("description") if known else None
    told = f"{partner} answered {status}" + (f": {_masked(described)}" if described else ".")
    parameters = answer.get("parameters") if known else None
    parameters = parameters if isinstance(parameters, dict) else {}
    if status == 429:
        raise TransientError(told, retry_after=_seconds(parameters.get("retry_after"), response))
    if status in http.TRANSIENT_STATUS or status >= 500 or 300 <= status < 400:
        raise TransientError(told, lost_answer=True)
    if 200 <= status < 300:
        raise TransientError(f"{partner} answered {status} in a way nobody understands.", lost_answer=True)
    moved_to = parameters.get("migrate_to_chat_id")
    if isinstance(moved_to, int):
        raise ChatMoved(moved_to)
    raise PermanentError(told)


def _seconds(told: Any, response: requests.Response) -> float:
    """Return how long Telegram asks us to wait: it says so in the body, a proxy before it in a header."""
    for value in (told, response.headers.get("Retry-After")):
        if re.fullmatch(r"\d{1,9}", str(value)):
            return min(LONGEST_WAIT, max(1.0, float(str(value))))
    return 1.0


# ---- the token stays here -----------------------------------------------------------------------


def _masked(text: Any) -> str:
    token = settings.TELEGRAM_BOT_TOKEN
    masked = str(text)[:300].replace(token, MASK) if token else str(text)[:300]
    return " ".join("".join(char if char.isprintable() else " " for char in masked).split())


class _WithoutToken(logging.Filter):
    """Masks the token in a log line that quotes an address."""

    def filter(self, record: logging.LogRecord) -> bool:
        token = settings.TELEGRAM_BOT_TOKEN
        if token and token in (line := record.getMessage()):
            record.msg, record.args = line.replace(token, MASK), ()
        return True


def keep_token_out_of_logs() -> None:
    """Mask the token in urllib3's own warnings, which quote the address of an answer they cannot read."""
    for name in ("urllib3.connection", "urllib3.connectionpool"):
        logger = logging.getLogger(name)
        if not any(isinstance(each, _WithoutToken) for each in logger.filters):
            logger.addFilter(_WithoutToken())
