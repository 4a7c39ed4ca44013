"""Chatterbot's table of leads: what its database takes, refuses, and quietly calls a duplicate."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

REQUIRED = ("session_id", "camera_id", "camera_name", "url", "title", "confidence")
INT4 = 2**31


class Breakdown(Exception):
    """The real one's code or database fails on this value; it answers 500."""


class Conflict(Exception):
    """The link is there already, or a required value is null: the partner calls both a duplicate."""


@dataclass
class Lead:
    """One row, and the listing it is about where the sender named one."""

    order_id: int
    session_id: int
    camera_id: int
    camera_name: str
    url: str
    title: str
    confidence: float
    price: float | None
    savings: float
    listing_id: str | None
    status: str = "pending"
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    messaged_at: datetime | None = None

    @classmethod
    def read(cls, values: dict[str, Any]) -> "Lead":
        """Take what `written` returned, return the row."""
        times = {
            name: values[name] and datetime.fromisoformat(values[name])
            for name in ("created_at", "messaged_at")
        }
        return cls(**values | times)

    def written(self) -> dict[str, Any]:
        """Return the row in values that JSON can hold."""
        times = {"created_at": self.created_at, "messaged_at": self.messaged_at}
        return vars(self) | {name: time and time.isoformat() for name, time in times.items()}

    def shown(self) -> dict[str, Any]:
        """Return the row as GET /leads shows it: decimals as strings, dates as in mail headers."""
        return {
            "camera_id": self.camera_id,
            "camera_name": self.camera_name,
            "confidence": f"{self.confidence:.4f}",
            "created_at": format_datetime(self.created_at, usegmt=True),
            "messaged_at": format_datetime(self.messaged_at, usegmt=True) if self.messaged_at else None,
            "order_id": self.order_id,
            "price": None if self.price is None else f"{self.price:.2f}",
            "savings": f"{self.savings:.2f}",
            "session_id": self.session_id,
            "status": self.status,
            "title": self.title,
            "url": self.url,
        }


class Leads:
    """The rows by order id. `first` is the first number given out: it must not come twice over restarts."""

    def __init__(self, first: int = 1) -> None:
        self.rows: dict[int, Lead] = {}
        self._next = first

    def insert(self, content: dict[str, Any], *, in_batch: bool = False) -> Lead:
        """Take a lead's values, return its row; raise Breakdown or Conflict as the real one would."""
        values = _values(content, in_batch)
        # A number is used up even where the row is refused in the end.
        order_id, self._next = self._next, self._next + 1
        if any(values[name] is None for name in REQUIRED):
            raise Conflict
        if any(row.url == values["url"] for row in self.rows.values()):
            raise Conflict
        listing_id = content.get("listing_id")
        row = Lead(order_id, listing_id=listing_id if isinstance(listing_id, str) else None, **values)
        self.rows[order_id] = row
        return row

    def put(self, row: Lead) -> None:
        """Take a row of an earlier run; numbers go on after it."""
        self.rows[row.order_id] = row
        self._next = max(self._next, row.order_id + 1)

    def withdraw(self, rows: list[Lead]) -> None:
        """Take rows back, as a rollback does."""
        for row in rows:
            self.rows.pop(row.order_id, None)

    def pending(self, limit: int) -> list[Lead]:
        """Return that many pending rows, oldest first."""
        return [row for row in self.rows.values() if row.status == "pending"][:limit]


def _values(content: dict[str, Any], in_batch: bool) -> dict[str, Any]:
    """Return the columns' values; the two calls differ in what they make of a null."""
    return {
        "session_id": _integer(content["session_id"]),
        "camera_id": _integer(content["camera_id"]),
        "camera_name": _text(content["camera_name"]),
        "url": _text(content["url"]),
        "title": _text(content["title"]),
        "confidence": _confidence(content["confidence"]),
        "price": _price(content, in_batch),
        "savings": _savings(content, in_batch),
    }


def _price(content: dict[str, Any], in_batch: bool) -> float | None:
    if "price" not in content or (in_batch and content["price"] is None):
        return None
    return _number(content["price"])


def _savings(content: dict[str, Any], in_batch: bool) -> float:
    value = content.get("savings", 0)
    if value is None and not in_batch:
        return 0.0
    return _number(value)


def _integer(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not -INT4 <= value < INT4:
        raise Breakdown
    return value


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or "\0" in value:
        raise Breakdown
    return value


def _confidence(value: Any) -> float | None:
    """Return the value of a DECIMAL(5,4): 9.5 fits, though it makes no sense; 88.38 does not."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Breakdown
    if not math.isfinite(value) or abs(round(value, 4)) >= 10:
        raise Breakdown
    return float(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Breakdown
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise Breakdown from error
    if not math.isfinite(number) or abs(number) >= 10**8:
        raise Breakdown
    return number
