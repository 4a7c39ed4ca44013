"""What a fault is run with: the servers, how often, and a way to make a stack and to say how far it is."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults import oracle
from tests.faults.machines import Machines
from tests.faults.report import Counts, Row
from tests.faults.stack import Stack

TWIN_TIMES = 1
OVERTAKEN = "another relay took over"  # as the product logs it
_speaking = threading.Lock()


@dataclass
class Bench:
    """One lane of the harness. `times` is how often each fault is to happen; `short`, that time is precious."""

    machines: Machines
    token: str
    times: int = 20
    short: bool = False
    started: float = field(default_factory=time.monotonic)

    def stack(self, **options: Any) -> Stack:
        """Return a stack on this lane, to be entered."""
        return Stack(self.machines, self.token, **options)

    def say(self, text: str) -> None:
        """Show how far it is."""
        with _speaking:
            print(f"{time.monotonic() - self.started:7.1f} s  {text}", flush=True)


@dataclass(frozen=True)
class Fault:
    """A fault by its name. `alone`: it is measured, so nothing else may run beside it."""

    name: str
    run: Callable[[Bench], Row]
    short: bool = False
    alone: bool = False


Act = Callable[[Bench, Stack, int], list[float]]


def prove(
    bench: Bench,
    name: str,
    act: Act,
    *,
    protection: str,
    twin: str | Callable[[Bench], Counts],
    **options: Any,
) -> Row:
    """Do a fault with the product as it is, then with a protection taken away, and return the row.

    Args:
        bench: where.
        name: as the table shows it.
        act: makes the fault happen so many times in a stack; returns the seconds that each recovery took.
        protection: what the twin lacks, in words.
        twin: its name in `twins.TWINS`, or what runs it.
        **options: of the stack.
    """
    row = Row(name, protection=protection)
    start = time.monotonic()
    with bench.stack(**options) as stack:
        bench.say(f"{name}: {bench.times} times")
        row.recovered = act(bench, stack, bench.times)
        row.times = bench.times
        row.counts = settled(stack)
        row.note = overtaken(stack)
    bench.say(f"{name}: {row.counts.harm or 'nothing lost, nothing doubled'}")
    row.twin = twin(bench) if callable(twin) else without(bench, twin, act, **options)
    bench.say(f"{name}, without {protection}: {row.twin.harm or 'NOTHING HAPPENED'}")
    row.took = time.monotonic() - start
    return row


def without(bench: Bench, twin: str, act: Act, *, times: int = TWIN_TIMES, **options: Any) -> Counts:
    """Do a fault with a protection taken away; return what that cost."""
    with bench.stack(**options, without=twin) as stack:
        act(bench, stack, times)
        return settled(stack, audit=False)


def overtaken(stack: Stack) -> str:
    """Say whether leases, shortened as they are here, ended before a step did: then a doubled call is the harness's."""
    count = stack.said(OVERTAKEN)
    return f"{count} times a step outlasted its shortened lease, and another relay took over" if count else ""


def settled(stack: Stack, *, audit: bool = True) -> Counts:
    """Wait until nothing is open, and count. What is still open then is lost: recovery needs nobody, or it is none."""
    stack.disarm()
    done = stack.settle(stack.patience)
    stack.wait(lambda: False, 1.0)  # what comes too often comes late
    counts = oracle.judge(stack, audit=audit)
    if not done:
        counts.findings.append(f"{stack.open()} still open after {stack.patience:.0f} s")
    return counts
