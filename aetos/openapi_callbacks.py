"""The callbacks of Chatterbot and eBayLister, as the schema shows them.

What they may hold is decided in listings/callbacks.py and listings/sales.py.
"""

from typing import Any

_TEXT = {"type": "string", "maxLength": 200, "nullable": True}
_MONEY = {"type": "string", "format": "decimal", "example": "380.00"}
_COMMON: dict[str, Any] = {
    "listing_id": {"type": "string", "format": "uuid", "nullable": True},
    "order_id": {
        "type": "integer",
        "nullable": True,
        "description": "Chatterbot's; one of the two is needed.",
    },
    "occurred_at": {"type": "string", "format": "date-time", "nullable": True},
    "conversation_thread_id": _TEXT,
    "seller_messenger_id": _TEXT,
    "message": {"type": "string", "maxLength": 10_000, "nullable": True},
    "currency": {"type": "string", "maxLength": 3, "nullable": True},
}
_KINDS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "message-sent": ("A message went to the seller.", {}, []),
    "seller-replied": ("The seller has replied.", {}, []),
    "deal-confirmed": (
        "The deal is made.",
        {"agreed_price": _MONEY, "shipping_cost": {**_MONEY, "nullable": True}},
        ["agreed_price"],
    ),
    "deal-failed": (
        "The talk is over.",
        {"reason": {"type": "string", "maxLength": 1000, "nullable": True}},
        [],
    ),
}
_ID = {"oneOf": [{"type": "string", "maxLength": 64}, {"type": "integer"}], "nullable": True}
_SALE: dict[str, Any] = {
    "listing_id": {**_ID, "description": "eBay's; it or the sku is needed."},
    "sku": {**_ID, "description": "The id of our listing."},
    "sold_price": {**_MONEY, "example": "500.00"},
    "ebay_fees": {**_MONEY, "example": "64.30", "nullable": True, "description": "May follow later."},
    "shipping_cost": {**_MONEY, "example": "7.95", "nullable": True},
    "sold_at": {"type": "string", "format": "date-time", "nullable": True},
    "order_id": _ID,
    "currency": {"type": "string", "maxLength": 3, "nullable": True},
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
            "post": _operation(f"chatterbot_{kind}", security, summary, _COMMON | properties, required)
        }
        for kind, (summary, properties, required) in _KINDS.items()
    }
    sold = _operation("ebay_item-sold", security, "A camera has sold.", _SALE, ["sold_price"])
    sold["description"] = (
        "The same order told again is a repeat, which may bring the fees and the postage. "
        "Another order for a camera that is sold, or the same at another price, is a conflict."
    )
    return chatterbot | {"/webhooks/ebay/item-sold": {"post": sold}}


def _operation(
    name: str,
    security: list[dict[str, list[str]]],
    summary: str,
    properties: dict[str, Any],
    required: list[str],
) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required}
    if not required:
        del schema["required"]
    return {
        "operationId": f"webhooks_{name.replace('-', '_')}",
        "tags": ["webhooks"],
        "summary": summary,
        "security": security,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": _RESPONSES,
    }
