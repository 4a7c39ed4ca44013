"""Faults that can be switched on for a partner, so that tests and the demo can see what they do to us."""

import threading
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

TRUTHS = (
    "garbage",
    "drop_answer",
    "callback_before_answer",
    "callback_twice",
    "empty",
    "redirect",
    "hang",
    "mixed_up",
)

LARGEST = 256 * 1024 * 1024


class UnknownFault(ValueError):
    """The fault asked for does not exist, or its value makes no sense; the message says which."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next requests.

    `slow` waits that many seconds first. `status`, `redirect` and `hang` refuse: nothing is done.
    `garbage`, `empty`, `huge`, `drip`, `mixed_up` and `drop_answer` do what was asked, and then spoil
    the answer: `huge` is one of so many bytes, `drip` one that takes so many seconds for each of its
    bytes, `mixed_up` the one that belongs to an earlier call of that kind. `retry_after` goes along
    with a status, 429 unless told otherwise. `callback_before_answer` calls the
    orchestrator before it is answered, `callback_twice` calls it twice each time. `outcome` decides
    what becomes of a job, lead or listing, in the partner's own words. `on` limits the fault to
    requests whose "METHOD /path" begins so, and `times` to that many of them.
    """

    slow: float = 0.0
    status: int = 0
    retry_after: int = 0
    garbage: bool = False
    drop_answer: bool = False
    callback_before_answer: bool = False
    callback_twice: bool = False
    empty: bool = False
    redirect: bool = False
    hang: bool = False
    huge: int = 0
    drip: float = 0.0
    mixed_up: bool = False
    outcome: str = ""
    on: str = ""
    times: int | None = None

    @property
    def refusal(self) -> int:
        """Return the status to refuse with, or 0."""
        return self.status or (429 if self.retry_after else 0)


NONE = Fault()


def parse(content: Any, outcomes: frozenset[str]) -> Fault:
    """Take the body of a call to `_faults` and the partner's outcomes, return the fault.

    Raise UnknownFault for anything that is not understood: a fault that is silently not there
    would make a test pass for the wrong reason.
    """
    if not isinstance(content, dict):
        raise UnknownFault("an object is expected")
    known = {field.name for field in fields(Fault)}
    for name, value in content.items():
        if name not in known:
            raise UnknownFault(f"unknown fault: {name}")
        if not _fits(name, value):
            raise UnknownFault(f"{name} can't be {value!r}")
    outcome = content.get("outcome", "")
    if outcome and outcome not in outcomes:
        raise UnknownFault(f"unknown outcome: {outcome}; known are {', '.join(sorted(outcomes))}")
    return Fault(**content)


def _fits(name: str, value: Any) -> bool:
    """Return whether the value is of the kind that the fault takes."""
    if name in TRUTHS:
        return isinstance(value, bool)
    if name in ("on", "outcome"):
        return isinstance(value, str)
    if value is None:
        return name == "times"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if name in ("slow", "drip"):
        return 0 <= value <= 600
    if name == "huge":
        return isinstance(value, int) and 0 <= value <= LARGEST
    if name == "status":
        return isinstance(value, int) and 100 <= value <= 599
    return isinstance(value, int) and value >= 0


class Switchboard:
    """The fault of one partner that is switched on, counted down as requests meet it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fault = NONE

    def switch(self, fault: Fault) -> None:
        """Take the fault to show from now on, in place of the one before."""
        with self._lock:
            self._fault = fault

    def meet(self, method: str, path: str) -> Fault:
        """Take a request's method and path, return the fault that it meets, and count it."""
        with self._lock:
            fault = self._fault
            if fault is NONE or fault.times == 0 or not f"{method} {path}".startswith(fault.on):
                return NONE
            if fault.times is not None:
                self._fault = replace(fault, times=fault.times - 1)
            return fault

    def shown(self) -> dict[str, Any]:
        """Return what is switched on, without what is at rest."""
        with self._lock:
            values = asdict(self._fault)
        if values["times"] == 0:
            return {}
        return {name: value for name, value in values.items() if value not in (0, "", None, False)}
