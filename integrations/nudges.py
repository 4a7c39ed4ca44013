"""Wake the workers without making anybody wait.

A broker that hangs must not hold up the web request that has just committed,
so a thread of its own hands the nudges over. Losing one is harmless: the sweep
comes every two seconds.
"""

import contextvars
import threading
import time
from collections.abc import Iterable
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 0.05
_lock = threading.Lock()
_pending: dict[str, contextvars.Context] = {}
_ready = threading.Event()
_thread: threading.Thread | None = None


def wake(channels: Iterable[str]) -> None:
    """Ask a worker to serve these channels soon. Returns at once, raises nothing."""
    global _thread
    with _lock:
        # The caller's context carries its request id into the worker's log lines.
        _pending.update((channel, contextvars.copy_context()) for channel in channels)
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_run, name="nudges", daemon=True)
            _thread.start()
    _ready.set()


def within(seconds: float) -> dict[str, Any]:
    """Return what lets a task go that nobody picks up in so many seconds: another one will say the same.

    RabbitMQ counts them. Celery's own way compares the sender's clock with the
    worker's: a worker whose clock is ahead by more would drop every task.
    """
    return {"expiration" if settings.RABBITMQ_URL else "expires": seconds}


def _run() -> None:
    while True:
        _ready.wait()
        _ready.clear()
        with _lock:
            channels = dict(_pending)
            _pending.clear()
        for channel, context in channels.items():
            context.run(_send, channel)
        # The next one waits a moment and takes with it what comes meanwhile: hundreds of commits a second need no
        # hundreds of messages. Where there was none for a while, it leaves at once.
        time.sleep(PAUSE_SECONDS)


def _send(channel: str) -> None:
    try:
        current_app.send_task(
            "integrations.deliver", args=[channel], queue=f"aetos.{channel}", retry=False, **within(10)
        )
    except (OperationalError, OSError, TimeoutError) as error:
        log.warning(
            "nudge not sent, the sweep will find the rows", channel=channel, error=type(error).__name__
        )
