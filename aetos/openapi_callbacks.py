"""The callbacks of Chatterbot and eBayLister, as the schema shows them.

What they may hold is decided in listings/callbacks.py and listings/sales.py.
"""

from typing import Any

from django.conf import settings

from aetos.openapi_fields import SOMETHING, amount, nullable, text


def _said(most: int) -> dict[str, Any]:
    """Describe a text of a partner's, who may have a number there."""
    return {"anyOf": [text(most=most, blank=True), {"type": "number"}]}


_MONEY, _MONEY_OR_NONE = amount(), nullable(amount(empty=True))
_NUMBER = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
_DIGITS = {"type": "string", "pattern": "^[0-9]{1,9}$"}
_COMMON: dict[str, Any] = {
    "listing_id": {"type": "string", "format": "uuid", "nullable": True},
    "order_id": {
        "anyOf": [_NUMBER, _DIGITS],
        "nullable": True,
        "description": "Chatterbot's; one of the two is needed.",
    },
    "occurred_at": {"type": "string", "format": "date-time", "nullable": True},
    "conversation_thread_id": nullable(_said(200)),
    "seller_messenger_id": nullable(_said(200)),
    "message": nullable(_said(10_000)),
}
_KINDS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "message-sent": ("A message went to the seller.", {}, []),
    "seller-replied": ("The seller has replied.", {}, []),
    "deal-confirmed": (
        "The deal is made.",
        {"agreed_price": _MONEY, "shipping_cost": _MONEY_OR_NONE},
        ["agreed_price"],
    ),
    "deal-failed": ("The talk is over.", {"reason": nullable(_said(1000))}, []),
}
_ID = {"anyOf": [text(most=64, blank=True), {"type": "integer"}], "nullable": True}
_SALE: dict[str, Any] = {
    "listing_id": {**_ID, "description": "eBay's; it or the sku is needed."},
    "sku": {**_ID, "description": "The id of our listing."},
    "sold_price": _MONEY,
    "ebay_fees": {**_MONEY_OR_NONE, "description": "May follow later."},
    "shipping_cost": _MONEY_OR_NONE,
    "sold_at": {"type": "string", "format": "date-time", "nullable": True},
    "order_id": _ID,
}
_RESPONSES: dict[str, Any] = {
    "200": {
        "description": "True now, or true already.",
        "content": {
            "application/json": {
                "example": {"id": "0199f0c2-0000-7000-8000-000000000000", "state": "NEGOTIATING"}
            }
        },
    },
    "202": {
        "description": "About a listing or order that is not known (yet): kept, and tried again.",
        "content": {"application/json": {"example": {"status": "parked"}}},
    },
    "400": {"description": "Not JSON that can be read."},
    "401": {"description": "No key, or an unknown one; or a signature that does not fit."},
    "403": {"description": "Another partner's key."},
    "409": {"description": "It cannot be true together with what is known: kept for staff, who are told."},
    "413": {"description": "Over 16 MiB."},
    "415": {"description": "Not application/json."},
    "422": {"description": "Readable, but not valid: `detail` names what, by field."},
}


def callbacks(security: list[dict[str, list[str]]]) -> dict[str, Any]:
    """Return the paths with their operations."""
    chatterbot = {
        f"/webhooks/chatterbot/{kind}": {
            "post": _operation(
                f"chatterbot_{kind}",
                security,
                summary,
                properties=_COMMON | properties,
                required=required,
                names=("listing_id", "order_id"),
            )
        }
        for kind, (summary, properties, required) in _KINDS.items()
    }
    sold = _operation(
        "ebay_item-sold",
        security,
        "A camera has sold.",
        properties=_SALE,
        required=["sold_price"],
        names=("listing_id", "sku"),
    )
    sold["description"] = (
        "The same order told again is a repeat, which may bring the fees and the postage. "
        "Another order for a camera that is sold, or the same at another price, is a conflict."
    )
    return chatterbot | {"/webhooks/ebay/item-sold": {"post": sold}}


def _operation(
    name: str,
    security: list[dict[str, list[str]]],
    summary: str,
    *,
    properties: dict[str, Any],
    required: list[str],
    names: tuple[str, str],
) -> dict[str, Any]:
    currency = {"type": "string", "enum": [settings.CURRENCY, None], "nullable": True}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {**properties, "currency": currency},
        # A name that is null names nothing.
        "anyOf": [
            {"required": [*required, name], "properties": {name: _not_null(properties[name])}}
            for name in names
        ],
    }
    return {
        "operationId": f"webhooks_{name.replace('-', '_')}",
        "tags": ["webhooks"],
        "summary": summary,
        "security": security,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": _RESPONSES,
    }


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Describe a name that tells something."""
    kept = {name: each for name, each in schema.items() if name not in ("nullable", "description")}
    return {**kept, "minLength": 1, "pattern": SOMETHING}
