"""How many requests, how they were answered, and how long each took: for /metrics.

Labels are our own words alone: whatever a stranger sends, the number of series stays small
(docs/decisions/0008).
"""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30)

SECONDS = Histogram(
    "aetos_http_request_seconds",
    "Time from a request's arrival in the process to its answer.",
    ["route", "method", "status"],
    buckets=BUCKETS,
)
# Without labels it is there, as 0, before the first of them: a rate sees no series' first step.
ERRORS = Counter("aetos_http_errors", "Answers of 5xx.")


class CountRequests:
    """Middleware, the outermost."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and count the answer."""
        began = time.perf_counter()
        response = self._get_response(request)
        match = request.resolver_match
        route = f"/{match.route}" if match else "none"
        method = request.method if request.method in METHODS else "other"
        SECONDS.labels(route, method, str(response.status_code)).observe(time.perf_counter() - began)
        if response.status_code >= 500:
            ERRORS.inc()
        return response
