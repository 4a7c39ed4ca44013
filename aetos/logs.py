"""JSON log lines: one per fact, with the request id, without keys, bodies or personal data."""

import traceback
from typing import Any

import structlog

from integrations import tracing

# Bound by django-structlog to each request; neither is needed to follow one, both are about people.
PERSONAL = ("ip", "user_agent", "user_id")


def drop_personal_data(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Take out what is about a person, and the query string, which may quote one."""
    for name in PERSONAL:
        event.pop(name, None)
    request = event.get("request")
    if isinstance(request, str):
        event["request"] = request.split("?", 1)[0]
    elif request is not None:
        event.pop("request")
    return event


def trace(exc_info: Any) -> str:
    """Say where an error came from and of what kind each one in its chain is; its words may quote a row or a body."""
    error: BaseException | None = exc_info[1]
    told: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        kind, state = type(error), getattr(error, "sqlstate", None)
        told.append(
            "Traceback (most recent call last):\n"
            + "".join(traceback.format_tb(error.__traceback__))
            + f"{kind.__module__}.{kind.__qualname__}"
            + (f" (SQLSTATE {state})" if state else "")
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nwhich came of:\n\n".join(told)


def add_trace_id(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Put the trace's id into a line, where there is one, so that either leads to the other."""
    if parent := tracing.current():
        event["trace_id"] = parent.split("-")[1]
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    add_trace_id,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.ExceptionRenderer(trace),
    structlog.processors.UnicodeDecoder(),
    drop_personal_data,
]


def json_formatter() -> structlog.stdlib.ProcessorFormatter:
    """Return what makes a JSON line of a record, ours or a library's."""
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
        foreign_pre_chain=_SHARED,
    )


def logging_config(level: str) -> dict[str, Any]:
    """Give Django's LOGGING for a level, and set structlog up to match it."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    quiet = {"level": "WARNING", "handlers": ["console"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": json_formatter}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # urllib3 and amqp name URLs and frames at DEBUG; Django's server repeats what we log ourselves.
            "urllib3": quiet,
            "amqp": quiet,
            # It names people and their addresses.
            "axes": {"level": "CRITICAL", "handlers": ["console"], "propagate": False},
            "django.server": quiet,
            # A sweep every two seconds is no news; what a task did is logged by the code that did it.
            "celery.app.trace": quiet,
            "celery.beat": quiet,
            "celery.worker.strategy": quiet,
            # Nor is one that came too late, as all do that waited for a worker.
            "django_structlog.celery.receivers": quiet | {"level": "ERROR"},
            "django.request": {"level": "ERROR", "handlers": ["console"], "propagate": False},
        },
    }
