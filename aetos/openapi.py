"""What the schema generator cannot see by itself: the views that are not DRF's."""

from typing import Any

from aetos.openapi_callbacks import callbacks
from aetos.openapi_fields import nullable
from integrations.telegram_reading import LARGEST_ID

KEY: list[dict[str, list[str]]] = [{"partnerKey": []}, {"partnerBearer": []}]


def one_spelling_of_each_path(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Leave out the twin with the trailing slash: both answer, one is documented."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def _response(description: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": example}}}


def describe_plain_views(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add webhooks, health and their credentials to the schema."""
    schemes = result.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["partnerKey"] = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    schemes["partnerBearer"] = {"type": "http", "scheme": "bearer"}
    schemes["telegramSecret"] = {
        "type": "apiKey",
        "in": "header",
        "name": "X-Telegram-Bot-Api-Secret-Token",
    }
    result["paths"] |= callbacks(KEY)
    trigger = result["components"]["schemas"]["TriggerRequest"]
    trigger["anyOf"] = [
        {"required": [name], "properties": {name: _not_null(trigger["properties"][name])}}
        for name in ("brand", "brands")
    ]
    result["paths"] |= {
        "/webhooks/telegram": {"post": TELEGRAM_UPDATE},
        "/webhooks/scraper/job-complete": {"post": JOB_COMPLETE},
        "/photos/{id}": {"get": _photo("photo", "Send a photo.")},
        "/photos/{id}/thumbnail": {"get": _photo("photo_thumbnail", "Send a photo's thumbnail.")},
        "/health": {"get": HEALTH},
        "/health/live": {"get": HEALTH_LIVE},
    }
    return result


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in schema.items() if name != "nullable"}


def _photo(operation: str, summary: str) -> dict[str, Any]:
    signed = [
        {"name": "until", "in": "query", "schema": {"type": "integer"}},
        {"name": "signature", "in": "query", "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"}},
    ]
    photo_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    jpeg = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
    return {
        "operationId": operation,
        "tags": ["photos"],
        "summary": summary,
        "description": "To staff who are signed in, and to whoever has the signed address, until it expires.",
        "security": [{}, {"cookieAuth": []}],
        "parameters": [photo_id, *signed],
        "responses": {
            "200": {"description": "The JPEG.", "content": jpeg},
            "400": {"description": "The address holds a NUL."},
            "403": {"description": "The signed address has expired."},
            "404": {"description": "There is nothing here, or not for you."},
            "503": {"description": "The store of photos is away."},
        },
    }


_MATCH_EXAMPLE = {
    "listing": {
        "url": "https://www.facebook.com/marketplace/item/123/?ref=search",
        "title": "Sony A6400",
        "price": 400.0,
        "location": "Edinburgh",
    },
    "product": {"id": 230, "brand": "Sony", "model": "a6400", "full_name": "Sony a6400"},
    "confidence": 95.0,
    "reasons": ["Exact title match: a6400"],
    "potential_profit": 100.0,
}
_BRAND = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"^[^\u0000]*$"}
JOB_COMPLETE: dict[str, Any] = {
    "operationId": "webhooks_scraper_job_complete",
    "tags": ["webhooks"],
    "summary": "ScraperV2 delivers a finished job.",
    "description": "One bad match never costs the good ones: it is counted in `invalid`, and kept for staff.",
    "security": KEY,
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["job_id", "matches"],
                    "properties": {
                        "job_id": {"type": "string", "format": "uuid"},
                        "brand": {"description": "The older form: counts where `brands` is not told."},
                        "brands": {"type": "array", "items": _BRAND, "nullable": True},
                        "matches": {"type": "array", "items": {}},
                    },
                    "anyOf": [
                        {"required": ["brands"], "properties": {"brands": {"type": "array"}}},
                        {"properties": {"brand": nullable(_BRAND)}},
                    ],
                },
                "example": {
                    "job_id": "0b0c5e0e-2f3e-4c53-9a53-1f2f3f4f5f6f",
                    "brands": ["Sony", "Canon"],
                    "matches": [_MATCH_EXAMPLE],
                },
            }
        },
    },
    "responses": {
        "202": _response(
            "Taken in.",
            {
                "accepted": True,
                "created_listings": 1,
                "skipped": 0,
                "resighted": 0,
                "invalid": 0,
                "errors": [],
            },
        ),
        "400": {"description": "Not JSON that can be read."},
        "401": {"description": "No key, or an unknown one; or a signature that does not fit."},
        "403": {"description": "Another partner's key."},
        "413": {"description": "Over 16 MiB, or too many matches."},
        "415": {"description": "Not application/json."},
        "422": {"description": "Readable, but its shape is wrong as a whole. Nothing was changed."},
    },
}
TELEGRAM_UPDATE: dict[str, Any] = {
    "operationId": "webhooks_telegram",
    "tags": ["webhooks"],
    "summary": "Telegram delivers an Update.",
    "description": "Each `update_id` counts once, and only the configured chat and people are obeyed. "
    "Every update is answered 200, since Telegram would repeat it otherwise.",
    "security": [{"telegramSecret": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["update_id"],
                    "properties": {
                        "update_id": {"type": "integer", "minimum": 0, "maximum": LARGEST_ID},
                        "message": {},
                        "edited_message": {},
                        "callback_query": {},
                    },
                    "additionalProperties": True,
                },
                "example": {
                    "update_id": 840000107,
                    "callback_query": {
                        "id": "2147483648000000001",
                        "from": {"id": 5000000001, "first_name": "Ann", "is_bot": False},
                        "message": {"message_id": 401, "chat": {"id": 5000000001, "type": "private"}},
                        "data": "m:0197f3c2-5d0a-7f0b-9a61-1c8e1f2a7b33",
                    },
                },
            }
        },
    },
    "responses": {
        "200": _response("Kept; the inbox says what came of it.", {"ok": True}),
        "400": {"description": "Not JSON that can be read."},
        "401": {"description": "No secret token, or another one; or Telegram is off."},
        "413": {"description": "Over 16 MiB."},
        "415": {"description": "Not application/json."},
        "422": {"description": "No update: it has no `update_id`."},
    },
}
HEALTH: dict[str, Any] = {
    "operationId": "health",
    "tags": ["health"],
    "summary": "Is the database there, and RabbitMQ?",
    "security": [{}],
    "responses": {
        "200": _response(
            "All is there.", {"status": "healthy", "database": "connected", "rabbitmq": "connected"}
        ),
        "503": _response(
            "Something is not.", {"status": "degraded", "database": "connected", "rabbitmq": "disconnected"}
        ),
    },
}
HEALTH_LIVE: dict[str, Any] = {
    "operationId": "health_live",
    "tags": ["health"],
    "summary": "Does the process serve?",
    "security": [{}],
    "responses": {"200": _response("It does.", {"status": "alive"})},
}
