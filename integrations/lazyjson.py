"""A large JSON object of which one array is read element by element: parsed at once it takes several times its text."""

import json
import re
from array import array
from collections.abc import Iterator
from typing import Any

_BLANK = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


class LazyArray:
    """The elements of a JSON array; each is parsed whenever it is asked for, and kept by nobody."""

    def __init__(self, text: str, places: "array[int]") -> None:
        self._text, self._places = text, places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        text = self._text
        for place in self._places:
            yield _decode(text, place)[0]

    def clear(self) -> None:
        """Let go of the text."""
        self._text, self._places = "", array("q")


def loads(body: bytes, name: str) -> Any:
    """Parse JSON as `json.loads` does, but the array that the outermost object has under `name` to a `LazyArray`.

    Raises:
        ValueError, RecursionError: as `json.loads`, also for what stands within the array.
    """
    text = body.decode(json.detect_encoding(body), "surrogatepass")
    at = _skip(text, 0)
    if not text.startswith("{", at):
        return json.loads(text)
    found: dict[str, Any] = {}
    at = _skip(text, at + 1)
    more = not text.startswith("}", at)
    while more:
        key, at = _decode(text, at)
        if not isinstance(key, str):
            raise ValueError("A member's name must be text.")
        at = _skip(text, _after(text, at, ":"))
        lazily = key == name and text.startswith("[", at)
        found[key], at = _elements(text, at) if lazily else _decode(text, at)
        more, at = _goes_on(text, at, "}")
    if not text.startswith("}", at) or _skip(text, at + 1) != len(text):
        raise ValueError("Something stands behind the object.")
    return found


def _elements(text: str, at: int) -> tuple[LazyArray, int]:
    """Return the array that begins at a place, and the place behind it; each element is parsed once, to see its end."""
    places = array("q")
    at = _skip(text, at + 1)
    more = not text.startswith("]", at)
    while more:
        places.append(at)
        _, at = _decode(text, at)
        more, at = _goes_on(text, at, "]")
    return LazyArray(text, places), _after(text, at, "]")


def _goes_on(text: str, at: int, end: str) -> tuple[bool, int]:
    """Say whether a comma stands next, and return the place of what comes then; else that of the end."""
    at = _skip(text, at)
    if text.startswith(",", at):
        return True, _skip(text, at + 1)
    _after(text, at, end)
    return False, at


def _after(text: str, at: int, sign: str) -> int:
    at = _skip(text, at)
    if not text.startswith(sign, at):
        raise ValueError(f"There is no {sign} where there must be one.")
    return at + 1


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at
