"""Reading calls of Telegram's Bot API: form, JSON, multipart and query alike, and its way of answering."""

import json
from email import policy
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

from integrations.simulators.wire import JSON, Answer, Request, Unreadable

LONGEST_TEXT, LONGEST_CAPTION, LONGEST_DATA = 4096, 1024, 64

DESCRIPTIONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class BotError(Exception):
    """A refusal, with the status, the description and the parameters that Telegram gives for it."""

    def __init__(self, status: int, text: str = "", **parameters: int) -> None:
        head = DESCRIPTIONS.get(status, "Error")
        super().__init__(f"{head}: {text}" if text else head)
        self.status = status
        self.parameters = parameters


def fine(result: Any, description: str = "") -> Answer:
    """Take a result, return the answer that holds it."""
    content = {"ok": True, "result": result}
    return _answer(200, content | {"description": description} if description else content)


def refused(error: BotError) -> Answer:
    """Take a refusal, return the answer that tells it."""
    content: dict[str, Any] = {"ok": False, "error_code": error.status, "description": str(error)}
    if error.parameters:
        content["parameters"] = error.parameters
    return _answer(error.status, content)


def _answer(status: int, content: dict[str, Any]) -> Answer:
    return Answer(status, json.dumps(content, separators=(",", ":")).encode())


def parameters(request: Request) -> dict[str, Any]:
    """Take a call, return its parameters; an uploaded file is its bytes. Raise BotError for bad JSON."""
    given: dict[str, Any] = dict(request.arguments)
    if request.content_type == JSON:
        try:
            content = request.json()
        except Unreadable as error:
            raise BotError(400, "can't parse JSON object") from error
        if isinstance(content, dict):
            given |= content
    elif request.content_type == "multipart/form-data":
        given |= _parts(request)
    else:
        given |= dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    return given


def _parts(request: Request) -> dict[str, Any]:
    """Return the parts of a multipart body by name: files as bytes, the rest as text."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=policy.HTTP).parsebytes(head + request.body)
    found: dict[str, Any] = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            name = str(part.get_param("name", "", header="content-disposition"))
            found[name] = content if part.get_filename() else content.decode("utf-8", "replace")
    # A part may hold the file that another one names.
    for name, value in found.items():
        if isinstance(value, str) and value.startswith("attach://"):
            found[name] = found.get(value.removeprefix("attach://"), value)
    return found


def structure(value: Any, complaint: str) -> Any:
    """Take a parameter that is JSON inside a form, return its value; raise BotError with the complaint."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise BotError(400, complaint) from error


def number(value: Any, complaint: str) -> int:
    """Take a parameter that is a whole number, as text or not, return it; raise BotError otherwise."""
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise BotError(400, complaint) from error


def text_of(given: dict[str, Any]) -> str:
    """Take a call's parameters, return a text that Telegram would send; raise BotError otherwise."""
    text = str(given.get("text") or "")
    if not text.strip():
        raise BotError(400, "message text is empty")
    if len(text) > LONGEST_TEXT:
        raise BotError(400, "message is too long")
    return text


def caption_of(given: dict[str, Any]) -> str:
    """Take a call's parameters, return the caption, empty where there is none; raise BotError if too long."""
    caption = str(given.get("caption") or "")
    if len(caption) > LONGEST_CAPTION:
        raise BotError(400, "message caption is too long")
    return caption


def keyboard_of(given: dict[str, Any]) -> dict[str, Any] | None:
    """Take a call's parameters, return the inline keyboard, or None; raise BotError for one that can't be."""
    markup = structure(given.get("reply_markup"), "can't parse reply keyboard markup JSON object")
    if not markup:
        return None
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise BotError(400, "object expected as reply markup")
    for button in (button for row in rows for button in row):
        _check_button(button)
    return {"inline_keyboard": rows} if any(rows) else None


def _check_button(button: Any) -> None:
    if not isinstance(button, dict) or not button.get("text"):
        raise BotError(
            400, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    data = button.get("callback_data")
    if data is None and not button.get("url"):
        raise BotError(
            400, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if data is not None and not 1 <= len(str(data).encode()) <= LONGEST_DATA:
        raise BotError(400, "BUTTON_DATA_INVALID")
