"""gunicorn's own lines, as JSON like all others."""

import logging
from typing import Any

from gunicorn.glogging import Logger

from aetos.logs import json_formatter

REFUSED = "Invalid request from"


def without_the_sender(record: logging.LogRecord) -> bool:
    """Cut a refused request down to the fact: the rest is the sender's address, and what it sent."""
    if str(record.msg).startswith(REFUSED):
        record.msg, record.args = "Invalid request refused", None
    return True


class JsonLogger(Logger):
    """gunicorn's logger with our formatter."""

    def setup(self, cfg: Any) -> None:
        """Set the handlers up, then give them the formatter and the filter."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(json_formatter())
            handler.addFilter(without_the_sender)
