"""JSON log lines: one per fact, with the request id, without keys, bodies or personal data."""

from typing import Any

import structlog

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


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    structlog.processors.UnicodeDecoder(),
    drop_personal_data,
]


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
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(),
                ],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # urllib3 and amqp name URLs and frames at DEBUG; Django's server repeats what we log ourselves.
            "urllib3": quiet,
            "amqp": quiet,
            "django.server": quiet,
            # A sweep every two seconds is no news; what a task did is logged by the code that did it.
            "celery.app.trace": quiet,
            "celery.beat": quiet,
            "celery.worker.strategy": quiet,
            "django_structlog.celery.receivers": quiet,
            "django.request": {"level": "ERROR", "handlers": ["console"], "propagate": False},
        },
    }
