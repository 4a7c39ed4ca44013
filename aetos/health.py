"""Is it alive, and is it well."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from integrations import events

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 2.0


class Probe:
    """Runs a check in a thread of its own, one at a time: what hangs holds up that thread and nobody else."""

    def __init__(self, name: str, check: Callable[[], None]) -> None:
        self._name, self._check = name, check
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None

    def start(self) -> Future[None]:
        """Return the check that is under way; start one where none is."""
        with self._lock:
            if self._pool is None:  # made after the server has forked
                self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self._name)
            if self._running is None or self._running.done():
                self._running = self._pool.submit(self._check)
            return self._running

    def passed(self, running: Future[None]) -> bool:
        """Wait for a check, `PATIENCE_SECONDS` at the most, and say whether it passed."""
        try:
            running.result(timeout=PATIENCE_SECONDS)
        except TimeoutError:
            log.warning("health check hangs", check=self._name)
            return False
        except Exception as error:  # noqa: BLE001  whatever it is, the thing is not there
            log.warning("health check failed", check=self._name, error=type(error).__name__)
            return False
        return True


def _ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def _ask_rabbitmq() -> None:
    with events.broker(timeout=PATIENCE_SECONDS):
        return


_database, _rabbitmq = Probe("database", _ask_database), Probe("rabbitmq", _ask_rabbitmq)


@csrf_exempt
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Answer 200 where all that is configured answers, 503 where something does not; in under three seconds."""
    checks = {"database": _database} | ({"rabbitmq": _rabbitmq} if settings.RABBITMQ_URL else {})
    running = {name: probe.start() for name, probe in checks.items()}
    well = {name: checks[name].passed(future) for name, future in running.items()}
    body: dict[str, Any] = {"status": "healthy" if all(well.values()) else "degraded"}
    body |= {name: "connected" if passed else "disconnected" for name, passed in well.items()}
    body.setdefault("rabbitmq", "disabled")
    return JsonResponse(
        body, status=200 if all(well.values()) else 503, headers={"Cache-Control": "no-store"}
    )


@csrf_exempt
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Answer 200: the process serves."""
    return JsonResponse({"status": "alive"}, headers={"Cache-Control": "no-store"})
