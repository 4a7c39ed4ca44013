"""ScraperV2 tells us that a job is complete (contract, section 3). It calls once and never again."""

import uuid
from typing import Any

from django.conf import settings

from integrations.callers import Refusal
from integrations.lazyjson import LazyArray
from integrations.models import InboxMessage
from integrations.webhooks import Answer, Webhook
from scraping import jobs

MAX_ERRORS_SHOWN = 100
MAX_BRAND = 100


class JobComplete(Webhook):
    """`POST /webhooks/scraper/job-complete`."""

    partner = "scraper"
    kind = "job-complete"


def job_complete(message: InboxMessage, payload: Any) -> Answer:
    """Take in one delivery.

    Raises:
        Refusal: 422 where the shape is wrong as a whole, 413 for too many matches.
    """
    if not isinstance(payload, dict):
        raise Refusal(422, "The body must be an object.")
    problems: dict[str, list[str]] = {}
    job_id = _job_id(payload.get("job_id"), problems)
    matches = payload.get("matches")
    if not isinstance(matches, list | LazyArray):
        problems["matches"] = ["Must be a list."]
    brands = brands_of(payload, problems)
    if problems or job_id is None or not isinstance(matches, list | LazyArray):
        raise Refusal(422, problems)
    if len(matches) > settings.WEBHOOK_MAX_MATCHES:
        raise Refusal(413, f"More than {settings.WEBHOOK_MAX_MATCHES} matches in one call.")
    try:
        outcome = jobs.complete(job_id, brands=brands, matches=matches, inbox_id=message.pk)
    except RecursionError:
        raise Refusal(400, "The JSON is nested too deep.") from None
    body = {
        "accepted": True,
        "created_listings": outcome.created,
        "skipped": outcome.resighted + outcome.invalid,
        "resighted": outcome.resighted,
        "invalid": outcome.invalid,
        "errors": outcome.errors[:MAX_ERRORS_SHOWN],
    }
    return Answer(202, body)


def _job_id(value: Any, problems: dict[str, list[str]]) -> uuid.UUID | None:
    try:
        return uuid.UUID(value if isinstance(value, str) else "")
    except ValueError:
        problems["job_id"] = ["Must be a UUID, as text."]
        return None


def brands_of(payload: dict[str, Any], problems: dict[str, list[str]] | None = None) -> list[str]:
    """Read `brands`, or `brand`, its older form; empty where neither is told. What is wrong goes into `problems`."""
    problems = {} if problems is None else problems
    name = "brands" if payload.get("brands") is not None else "brand"
    value = payload.get(name)
    brands = value if isinstance(value, list) else [] if value is None else [value]
    if name == "brands" and not isinstance(value, list):
        problems[name] = ["Must be a list of texts."]
    elif not all(_is_brand(brand) for brand in brands):
        problems[name] = [f"Must be text of at most {MAX_BRAND} characters."]
    return brands


def _is_brand(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_BRAND and _can_be_kept(value)


def _can_be_kept(text: str) -> bool:
    """Say whether a column can hold it: no NUL, no lone surrogate. How it looks is no reason to refuse a whole job."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
