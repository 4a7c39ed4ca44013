"""ScraperV2, which finds offers. Contract: `POST /scrape`, `GET /scrape/{id}`, `GET /jobs`, key in `X-API-Key`.

It has no idempotency key and forgets its jobs when it restarts; a call whose
answer was lost may have started a job all the same.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from integrations import http

NAME = "ScraperV2"


@dataclass(frozen=True)
class RemoteJob:
    """A job as ScraperV2 has it. `matches` are those of a completed one, else empty."""

    job_id: uuid.UUID
    status: str
    brands: list[str]
    matches: list[Any]
    error: str


def start(*, brands: Sequence[str], search: str) -> uuid.UUID:
    """Start a scrape and return ScraperV2's id of it.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    answer = _call("POST", "/scrape", {"brands": list(brands), "search": search})
    return _uuid(answer.get("job_id") if isinstance(answer, dict) else None)


def job(job_id: uuid.UUID) -> RemoteJob:
    """Ask for one job.

    Raises:
        integrations.http.NotFound: ScraperV2 does not know it (any more).
        integrations.http.TransientError, PermanentError.
    """
    return _remote(_call("GET", f"/scrape/{job_id}"))


def jobs() -> list[RemoteJob]:
    """List every job since ScraperV2 was started.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    answer = _call("GET", "/jobs")
    return [_remote(each) for each in answer.values()] if isinstance(answer, dict) else []


def _call(method: str, path: str, payload: Any = None) -> Any:
    headers = {"X-API-Key": settings.SCRAPER_API_KEY}
    return http.call(NAME, method, settings.SCRAPER_API_URL, path, headers=headers, payload=payload)


def _remote(document: Any) -> RemoteJob:
    if not isinstance(document, dict):
        raise http.TransientError(f"{NAME} answered something that is not a job.", lost_answer=True)
    result = document.get("result")
    matches = result.get("matches") if isinstance(result, dict) else None
    return RemoteJob(
        job_id=_uuid(document.get("job_id")),
        status=str(document.get("status")),
        brands=[str(brand) for brand in document.get("brands") or []],
        matches=matches if isinstance(matches, list) else [],
        error=str(document.get("error") or ""),
    )


def _uuid(value: Any) -> uuid.UUID:
    try:
        return uuid.UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise http.TransientError(f"{NAME} answered without a job id.", lost_answer=True) from None
