"""Reading what Telegram sends: objects of strangers' making, of which any part may be missing or of another kind."""

import re
from dataclasses import dataclass
from typing import Any

from integrations.telegram_text import clean, one_line

LARGEST_ID = 2**63 - 1
LONGEST_NAME = 50
FILE_ID = re.compile(r"[\w-]{1,200}", re.ASCII)
UNIQUE_ID = re.compile(r"[\w-]{1,100}", re.ASCII)
GROUP_ID = re.compile(r"[\w-]{1,60}", re.ASCII)


@dataclass(frozen=True)
class Picture:
    """A picture in a message: the message, the album that it came in, and how the file is asked for.

    `size` is in bytes, None where it is not told.
    """

    message_id: int
    album: str
    file_id: str
    file_unique_id: str
    size: int | None


def part(whole: Any, name: str) -> dict[str, Any]:
    """Return an object inside an object; empty where there is none."""
    found = whole.get(name) if isinstance(whole, dict) else None
    return found if isinstance(found, dict) else {}


def number(whole: dict[str, Any], name: str) -> int | None:
    """Return a whole number that a database column can hold; None where there is none."""
    value = whole.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) <= LARGEST_ID else None


def sender(content: dict[str, Any]) -> str:
    """Name who wrote or tapped, as the log keeps it."""
    person = part(content, "from")
    for key in ("username", "first_name"):
        if isinstance(person.get(key), str) and (shown := one_line(clean(person[key]), LONGEST_NAME)):
            return shown
    return "somebody"


def picture(message: dict[str, Any]) -> Picture | None:
    """Return the picture in a message: the largest size of a photo, or an image that was sent as a file."""
    message_id = number(message, "message_id")
    file = _file(message)
    file_id, unique_id = file.get("file_id"), file.get("file_unique_id")
    if message_id is None or not _fits(file_id, FILE_ID) or not _fits(unique_id, UNIQUE_ID):
        return None
    group = message.get("media_group_id")
    album = f"group/{group}" if _fits(group, GROUP_ID) else f"message/{message_id}"
    return Picture(message_id, album, str(file_id), str(unique_id), number(file, "file_size"))


def _file(message: dict[str, Any]) -> dict[str, Any]:
    sizes = message.get("photo")
    if isinstance(sizes, list) and sizes:
        return sizes[-1] if isinstance(sizes[-1], dict) else {}
    document = part(message, "document")
    return document if str(document.get("mime_type")).startswith("image/") else {}


def _fits(value: Any, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and bool(form.fullmatch(value))
