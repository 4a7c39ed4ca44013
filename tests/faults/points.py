"""Fault points: named places of the product where a process kills itself as it passes.

A point is armed by a file `armed/NAME.NUMBER` in the stack's folder, whose deletion
decides which process is the one. It dies by SIGKILL in the very call, so no
`finally`, no rollback by hand and no goodbye takes place.
"""

import functools
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

HOLD_SECONDS = 20.0
Judge = Callable[[tuple[Any, ...], Any], bool]


def _always(given: tuple[Any, ...], result: Any) -> bool:
    return True


@dataclass(frozen=True)
class Point:
    """A place: `target` is `module:name` or `module:Class.name`; `when` looks at arguments and result.

    Who comes to a point that `holds` does not die: it waits until the harness lets it go on.
    """

    target: str
    after: bool
    when: Judge = _always
    holds: bool = False


def _of(channel: str) -> Judge:
    return lambda given, result: channel in given and bool(result)


def _is_call(given: tuple[Any, ...], result: Any) -> bool:
    return given[1] == "POST"


def _has_sent(given: tuple[Any, ...], result: Any) -> bool:
    return bool(result[0])


def _is_running(given: tuple[Any, ...], result: Any) -> bool:
    return bool(given[0].status == "running")


def _is_sweep(given: tuple[Any, ...], result: Any) -> bool:
    return "deliver" in str(given)


POINTS: dict[str, Point] = {
    "web-authenticated": Point("integrations.webhooks:Webhook.authenticate", after=True),
    "web-kept": Point("integrations.webhooks:Webhook._keep", after=True),
    "web-in-ingest": Point("listings.ingest:_insert", after=True, when=lambda given, result: bool(result)),
    "web-before-commit": Point("scraping.jobs:complete", after=True),
    "web-before-answer": Point("integrations.webhooks:process", after=True),
    "worker-before-call": Point("integrations.http:call", after=False, when=_is_call),
    "worker-after-call": Point("integrations.http:call", after=True, when=_is_call),
    "worker-before-commit": Point("listings.leads:_clear_error", after=False),
    "worker-before-commit-job": Point("scraping.models:ScrapeJob.save", after=True, when=_is_running),
    "worker-before-ack": Point("integrations.relay:serve", after=True, when=_of("telegram")),
    "relay-claimed": Point("integrations.lease:take", after=True, when=_of("events")),
    "relay-about-to-publish": Point("integrations.events:_publish_one", after=False, holds=True),
    "relay-published": Point("integrations.events:_publish_one", after=True),
    "relay-confirmed": Point("integrations.events:_Ledger.take", after=True, when=_has_sent),
    "relay-marked": Point("integrations.relay:_refused", after=True),
    "beat-sending": Point("celery.beat:Scheduler.apply_async", after=True, when=_is_sweep),
    "sweep-cancelling": Point("listings.leads:all_abandoned", after=True),
}


def arm(folder: str) -> None:
    """Patch every point into this process."""
    for name, point in POINTS.items():
        _patch(name, point, Path(folder))


def _patch(name: str, point: Point, folder: Path) -> None:
    module, _, path = point.target.partition(":")
    owner: Any = import_module(module)
    *outer, last = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    original = getattr(owner, last)
    passed = hold_if_armed if point.holds else die_if_armed

    @functools.wraps(original)
    def passing(*given: Any, **named: Any) -> Any:
        if not point.after and point.when(given, None):
            passed(name, folder)
        result = original(*given, **named)
        if point.after and point.when(given, result):
            passed(name, folder)
        return result

    setattr(owner, last, passing)


def die_if_armed(name: str, folder: Path) -> None:
    """End this process by SIGKILL if the point is armed and nobody else was first; leave the time of death."""
    if disarmed(name, folder):
        with (folder / "deaths").open("a") as deaths:
            deaths.write(f"{name} {os.getpid()} {time.time()}\n")
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)  # the signal is on its way


def hold_if_armed(name: str, folder: Path) -> None:
    """Wait at the point, if it is armed, until the harness deletes the file `held`."""
    if disarmed(name, folder):
        (folder / "held").touch()
        end = time.monotonic() + HOLD_SECONDS
        while (folder / "held").exists() and time.monotonic() < end:
            time.sleep(0.005)


def disarmed(name: str, folder: Path) -> bool:
    """Say whether the point was armed, and nobody else has been first."""
    for armed in (folder / "armed").glob(f"{name}.*"):
        try:
            armed.unlink()
        except FileNotFoundError:
            continue
        return True
    return False
