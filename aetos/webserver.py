"""gunicorn's settings, and the folder in which its processes add up what they count.

Read by `gunicorn --config python:aetos.webserver`. PORT, WEB_WORKERS and WEB_THREADS come from the environment.
"""

import ctypes
import gc
import os
import shutil
import tempfile
from contextlib import suppress
from typing import Any

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
# Threads share a process: many answers wait for the database, and a job that comes in doubles nobody's waiting time.
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "8"))
timeout = 60
graceful_timeout = 25
keepalive = 20
max_requests = 20_000
max_requests_jitter = 2_000
control_socket_disable = True
logger_class = "aetos.weblog.JsonLogger"

_COUNTS, _MEMORY = "PROMETHEUS_MULTIPROC_DIR", "/dev/shm"  # noqa: S108  Linux's file system in memory
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGE_BYTES = 1024 * 1024


def on_starting(server: Any) -> None:
    """Make the folder before the first worker starts: each writes its counters there, and any of them adds them up."""
    # In memory where that can be: its files are mapped, and a disk without room would end whoever writes to one.
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    os.environ[_COUNTS] = tempfile.mkdtemp(prefix="aetos-metrics-", dir=memory)


def post_fork(server: Any, worker: Any) -> None:
    """Have glibc give back what a large job took: one heap for all threads, and large blocks outside of it.

    Each thread would keep a heap of its own, as large as the largest job that it has ever handled. Elsewhere than on
    glibc there is nothing to set.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in (
            (M_ARENA_MAX, 1),
            (M_MMAP_THRESHOLD, 1_048_576),
            (M_TRIM_THRESHOLD, 8_388_608),
        ):
            mallopt(parameter, value)


def post_request(worker: Any, request: Any, environ: dict[str, Any], response: Any) -> None:
    """Give back what a large body took, once it is answered: also what lies free between things that stay."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    if length.isdecimal() and int(length) >= LARGE_BYTES:
        from django.db import connections

        gc.collect()  # empties the interpreter's lists of objects to use again, too
        connections.close_all()  # each thread's buffer is as large as the largest message that it has ever sent
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)


def child_exit(server: Any, worker: Any) -> None:
    """Forget the gauges of a worker that has ended; what it counted stays counted."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Remove the folder."""
    shutil.rmtree(os.environ.pop(_COUNTS, ""), ignore_errors=True)
