"""One request in, one answer out: the plain values that the simulated partners work with."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

JSON = "application/json"
HTML = "text/html; charset=utf-8"


class Unreadable(Exception):
    """The body is not JSON; `position` and the message are the parser's own."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class HangUp(Exception):
    """The connection is to be closed without an answer."""


@dataclass(frozen=True)
class Request:
    """A request as it came, with the path below the partner's own prefix; header names in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def content_type(self) -> str:
        """Return the media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def arguments(self) -> dict[str, str]:
        """Return the query's arguments, the last one winning."""
        return {name: values[-1] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    def json(self) -> Any:
        """Return the body read as JSON, or raise Unreadable."""
        try:
            return json.loads(self.body)
        except json.JSONDecodeError as error:
            raise Unreadable(error.msg, error.pos) from error
        except (UnicodeDecodeError, RecursionError) as error:
            raise Unreadable("Not readable as JSON", 0) from error

    def bearer(self) -> str:
        """Return the token of the Authorization header, with or without its scheme."""
        value = self.headers.get("authorization", "")
        return value[7:] if value[:7].lower() == "bearer " else value


@dataclass
class Answer:
    """What goes back: the status, the body's bytes, its type and further headers; `drip` seconds for each byte."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0


def compact(status: int, content: Any, headers: dict[str, str] | None = None) -> Answer:
    """Take a status and plain values, return them as JSON without spaces, as most partners send it."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)
    return Answer(status, body.encode("utf-8", "surrogatepass"), JSON, headers or {})


def same_key(given: str, expected: str) -> bool:
    """Take two keys, return whether they are equal, in constant time and for any text."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
