"""JSON text for what goes out by thousands: as the standard library writes it, in a tenth of the time."""

import json
from collections.abc import Callable
from typing import Any

import orjson


def dumps(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """Write a value without blanks, in UTF-8.

    Args:
        value: of plain values; times and UUIDs are written as texts.
        default: puts what else there is into plain values.

    Raises:
        TypeError, ValueError: as `json.dumps`.
    """
    try:
        return orjson.dumps(value, default, orjson.OPT_UTC_Z)
    except TypeError:  # a number of over 64 bits, a lone surrogate, a key that is no text
        return json.dumps(value, default=default, separators=(",", ":")).encode()
