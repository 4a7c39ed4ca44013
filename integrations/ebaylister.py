"""eBayLister, which puts cameras on eBay: `POST /listings`, `PATCH` and `DELETE /listings/{listing_id}`, Bearer key.

A sku is listed once, and a call that is repeated with its Idempotency-Key is
answered as the first one was. What it refuses it names by field:
`{"detail": {"title": ["At most 80 characters."]}}`.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests
from django.conf import settings

from integrations import http

NAME = "eBayLister"
MAX_ID, MAX_URL, MAX_WORDS = 64, 500, 1000
SALE = ("order_id", "sold_price", "ebay_fees", "shipping_cost", "sold_at", "currency")
Fields = dict[str, list[str]]


class Refused(http.PermanentError):
    """eBayLister understood and said no; `fields` has its words by field, where it named any."""

    def __init__(self, status: int, words: str, fields: Fields) -> None:
        super().__init__(f"{NAME} answered {status}: {words}")
        self.status, self.words, self.fields = status, words, fields


@dataclass(frozen=True)
class Listed:
    """A listing on eBay. `repeated` is true where eBayLister had made it before this call."""

    listing_id: str
    offer_id: str
    url: str
    repeated: bool


def create(offer: Mapping[str, Any], *, key: str) -> Listed:
    """Put an offer on eBay, once for its sku, whatever becomes of the answer.

    Args:
        offer: the body of the contract, section 6.
        key: the Idempotency-Key, the same over all attempts.

    Raises:
        Refused, integrations.http.TransientError, PermanentError.
    """
    status, answer = _call("POST", "/listings", payload=offer, key=key)
    listing_id = _text(answer, "listing_id", MAX_ID)
    if not listing_id or _text(answer, "sku", MAX_ID) not in ("", offer["sku"]):
        raise http.TransientError(f"{NAME} did not say under which number eBay lists it.", lost_answer=True)
    url = _text(answer, "url", MAX_URL)
    return Listed(
        listing_id,
        _text(answer, "offer_id", MAX_ID),
        url if url.startswith(("https://", "http://")) else "",
        repeated=status == 200,
    )


def change(listing_id: str, changes: Mapping[str, Any], *, key: str) -> None:
    """Change a listing: any of `title`, `description`, `condition`, `price`, `photos`.

    Raises:
        Refused: 409 where it has sold or ended.
        integrations.http.TransientError, PermanentError.
    """
    _call("PATCH", _one(listing_id), payload=changes, key=key)


def end(listing_id: str, *, key: str) -> None:
    """Take a listing off eBay; one that has ended already, or that is gone, is as good.

    Raises:
        Refused: 409 where it has sold.
        integrations.http.TransientError, PermanentError.
    """
    with suppress(http.NotFound):
        _call("DELETE", _one(listing_id), key=key)


def find(sku: str) -> str | None:
    """Return the number under which eBay lists a sku; None where eBayLister knows of none.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    _, answer = _call("GET", "/listings", params={"sku": sku})
    listings = answer.get("listings") if isinstance(answer, dict) else None
    if not isinstance(listings, list):
        raise http.TransientError(f"{NAME} did not say whether it has listed this.")
    found = (_text(each, "listing_id", MAX_ID) for each in listings if _text(each, "sku", MAX_ID) == sku)
    return next(found, None) or None


@dataclass(frozen=True)
class Shown:
    """What eBayLister shows of a listing: active, sold, ended or withdrawn, and of a sale what it tells."""

    status: str
    sku: str
    sale: dict[str, Any]


def shown(listing_id: str) -> Shown:
    """Ask what became of a listing.

    Raises:
        integrations.http.NotFound: eBayLister does not know it.
        integrations.http.TransientError, PermanentError.
    """
    _, answer = _call("GET", _one(listing_id))
    status = _text(answer, "status", MAX_ID).lower()
    if not status:
        raise http.TransientError(f"{NAME} did not say what became of listing {listing_id}.")
    sale = answer["sale"] if isinstance(answer.get("sale"), dict) else answer
    told = {name: sale[name] for name in SALE if sale.get(name) is not None}
    return Shown(status, _text(answer, "sku", MAX_ID), told)


def _one(listing_id: str) -> str:
    return f"/listings/{quote(listing_id, safe='')}"


def _call(method: str, path: str, *, key: str = "", **options: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {settings.EBAY_API_KEY}"}
    if key:
        headers["Idempotency-Key"] = key
    answer: tuple[int, Any] = http.call(
        NAME, method, settings.EBAY_API_URL, path, headers=headers, judge=_judge, **options
    )
    return answer


def _judge(partner: str, response: requests.Response, body: bytes) -> tuple[int, Any]:
    """Return the status with what the answer holds; a refusal keeps its words by field."""
    status = response.status_code
    if status == 204:
        return status, None
    if 400 <= status < 500 and status != 404 and status not in http.TRANSIENT_STATUS:
        detail = _detail(body)
        if detail is not None:
            fields = _fields(detail)
            words = "; ".join(f"{name}: {' '.join(told)}" for name, told in fields.items())
            raise Refused(status, words or _clean(detail), fields)
    return status, http.by_status(partner, response, body)


def _detail(body: bytes) -> Any:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer.get("detail") if isinstance(answer, dict) else None


def _fields(detail: Any) -> Fields:
    if not isinstance(detail, dict):
        return {}
    return {
        _clean(name, 60): [_clean(each) for each in (told if isinstance(told, list) else [told])][:5]
        for name, told in list(detail.items())[:20]
    }


def _clean(value: Any, limit: int = MAX_WORDS) -> str:
    """Write what a stranger said on one line, in characters that can be shown and stored."""
    text = value if isinstance(value, str) else str(value)
    return " ".join("".join(char if char.isprintable() else " " for char in text[:limit]).split())


def _text(answer: Any, name: str, limit: int) -> str:
    """Return a member that is a text, or a whole number, of at most so many characters; else nothing."""
    value = answer.get(name) if isinstance(answer, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else None
    fits = isinstance(value, str) and 0 < len(value) <= limit and value.isprintable()
    return value.strip() if isinstance(value, str) and fits else ""
