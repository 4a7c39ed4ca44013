"""One trace over the commit: what a request causes later, in another process, belongs to it.

A row of the outbox keeps the W3C `traceparent` of what wrote it, and the relay
goes on from there. Without a tracer (aetos/telemetry.py) there is none, and
nothing here costs anything.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol


class Tracer(Protocol):
    """What a tracer must do for us."""

    def current(self) -> str:
        """Return the `traceparent` of what is under way; empty where nothing is traced."""

    def span(self, name: str, *, parent: str, attributes: dict[str, str]) -> AbstractContextManager[Any]:
        """Return a context manager that gives a span, which goes on from `parent` where that is not empty."""


_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Trace with this from now on; None ends it."""
    global _tracer
    _tracer = tracer


def current() -> str:
    """Return what a row keeps of the trace that it is written in; empty without one."""
    return _tracer.current() if _tracer else ""


def span(name: str, *, parent: str = "", **attributes: str) -> AbstractContextManager[Any]:
    """Do something as a part of a trace.

    Args:
        name: what is done, without ids.
        parent: what a row kept of an earlier trace, which this goes on with; without one it goes on with the
            present trace, or begins one.
        attributes: without personal data.

    Returns:
        A context manager that gives the span; None without a tracer.
    """
    return _tracer.span(name, parent=parent, attributes=attributes) if _tracer else nullcontext()
