"""One match of ScraperV2's JSON → one Offer, or the reason why it is none."""

import json
import math
import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from integrations.bulk import JsonText
from listings.identity import BadUrl, identify
from listings.ingest import Offer
from listings.profit import PENNY, to_pennies

MAX_AMOUNT = Decimal(1_000_000)
MAX_INT4 = 2**31 - 1
MAX_TITLE = 512
MAX_DEPTH = 16
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


class Invalid(ValueError):
    """The match cannot become a listing; the message says why, in words for staff."""


def to_offer(match: Any) -> Offer:
    """Check one match and put it into our terms.

    Args:
        match: an element of `matches`, as parsed from JSON.

    Raises:
        Invalid: with the first thing that is wrong, by its field.
    """
    if not isinstance(match, dict):
        raise Invalid("match: is not an object")
    text = _storable(match)
    listing, product = _object(match, "listing"), _object(match, "product")
    raw_url = _text(listing, "url", "listing.url")
    try:
        item = identify(raw_url)
    except BadUrl as error:
        raise Invalid(f"listing.url: {error}") from None
    location = listing.get("location")
    return Offer(
        item=item,
        raw_url=raw_url,
        title=_text(listing, "title", "listing.title")[:MAX_TITLE],
        price=_amount(listing.get("price"), "listing.price", least=Decimal(0)),
        location=location[:255] if isinstance(location, str) else "",
        product_id=_product_id(product.get("id")),
        brand=_text(product, "brand", "product.brand")[:100],
        model=_text(product, "model", "product.model")[:200],
        product_name=str(product.get("full_name") or "")[:300],
        confidence=_confidence(match.get("confidence")),
        estimated_profit=_amount(match.get("potential_profit"), "potential_profit", least=-MAX_AMOUNT),
        raw=JsonText(text),
    )


def as_text(match: Any) -> str:
    """Write a match as ASCII JSON, whatever it holds: it must be kept even where no column could hold its parts."""
    try:
        return json.dumps(match)
    except RecursionError:
        return '"nested too deep to be shown: see the inbox row"'


def _object(match: dict[str, Any], name: str) -> dict[str, Any]:
    value = match.get(name)
    if not isinstance(value, dict):
        raise Invalid(f"{name}: is missing or not an object")
    return value


def _text(holder: dict[str, Any], key: str, name: str) -> str:
    value = holder.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Invalid(f"{name}: is missing, empty or not text")
    return value


def _number(value: Any, name: str) -> Decimal:
    if type(value) is float and math.isfinite(value):  # nearly always
        return Decimal(repr(value))
    # A float's shortest spelling is what the sender wrote; a bool is an int in Python and no number in JSON.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Invalid(f"{name}: is not a number")
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()[:40]):
        raise Invalid(f"{name}: is not a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid(f"{name}: is not a number")
    try:
        return Decimal(value if isinstance(value, int) else str(value).strip())
    except (InvalidOperation, ValueError):
        raise Invalid(f"{name}: is not a number") from None


def _amount(value: Any, name: str, *, least: Decimal) -> Decimal | None:
    if value is None:
        return None
    number = _number(value, name)
    if not least <= number <= MAX_AMOUNT:
        raise Invalid(f"{name}: is not between {least} and {MAX_AMOUNT}")
    return to_pennies(number)


def _confidence(value: Any) -> Decimal:
    number = _number(value, "confidence")
    if not 0 <= number <= 100:
        raise Invalid("confidence: is not between 0 and 100")
    return abs(number).quantize(PENNY, ROUND_HALF_UP)


def _product_id(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INT4:
        raise Invalid("product.id: is missing or not a whole number that fits")
    return value


def _storable(match: dict[str, Any]) -> str:
    """Return the match as JSON text that a JSON column takes.

    Nearly always one look at the text shows that nothing in it can be wrong;
    else each value is looked at, which takes ten times as long.

    Raises:
        Invalid: it holds NUL, lone surrogates, NaN or Infinity, or is nested too deep.
    """
    try:
        text = _encode(match)
        if "\\u0000" not in text and _is_utf8(text) and text.count("{") + text.count("[") <= MAX_DEPTH:
            return text
    except (ValueError, RecursionError):
        _refuse_unstorable(match)
        raise
    _refuse_unstorable(match)
    return text


# Its keys in order, as a job's digest has them (scraping/jobs.py), so that nothing is written twice.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True).encode


def _refuse_unstorable(value: Any, depth: int = 0) -> None:
    """Refuse what no JSON column takes: NUL, lone surrogates, NaN and Infinity, and depth without end."""
    if depth > MAX_DEPTH:
        raise Invalid("match: is nested too deep")
    if isinstance(value, str):
        if "\0" in value or not _is_utf8(value):
            raise Invalid("match: holds characters that cannot be stored")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Invalid("match: holds NaN or Infinity")
    elif isinstance(value, dict):
        for key, each in value.items():
            _refuse_unstorable(key, depth + 1)
            _refuse_unstorable(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            _refuse_unstorable(each, depth + 1)


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
