"""Several processes as one: they start together, they end together, and none is left behind.

The Procfile is read, and lines are printed, by honcho. Its Manager is not used: a signal that
arrives before all have started breaks its loop and leaves processes running, and a process that
ends by itself with status 0 would count as success.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import FrameType
from typing import IO

from honcho.colour import get_colours
from honcho.printer import Message, Printer

GRACE_SECONDS = 10.0
TICK_SECONDS = 0.1
Process = subprocess.Popen[bytes]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Processes:
    """Processes that live and die together. Each is a process group of its own, ended as a whole."""

    def __init__(self, output: IO[str] = sys.stdout) -> None:
        self._printer = Printer(output)
        self._colours = get_colours()
        self._running: dict[str, Process] = {}
        self._printing: list[threading.Thread] = []
        self._signals = 0

    def run(
        self,
        commands: Mapping[str, str],
        environment: Mapping[str, str],
        ready: Callable[[], bool],
        announce: Callable[[], None],
        hindrance: Callable[[], str | None] = lambda: None,
    ) -> str | None:
        """Start the commands and hold them until a signal ends them all.

        `announce` is called once, when `ready` says yes; `hindrance` now and then, and where it names one, all are
        ended. Returns None after a signal, or a sentence: that one, or about the process that ended by itself and took
        the others with it.
        """
        before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        self._printer.width = max(map(len, commands))
        try:
            for name, command in commands.items():
                self._start(name, command, environment)
            return self._hold(ready, announce, hindrance)
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _start(self, name: str, command: str, environment: Mapping[str, str]) -> None:
        process = subprocess.Popen(  # noqa: S602  a Procfile's lines are shell lines, and our own
            command,
            shell=True,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end the group in order
        )
        self._running[name] = process
        printing = threading.Thread(
            target=self._print, args=(name, process, next(self._colours)), daemon=True
        )
        printing.start()
        self._printing.append(printing)

    def _print(self, name: str, process: Process, colour: str) -> None:
        assert process.stdout is not None  # noqa: S101  we asked for the pipe
        with process.stdout as lines:
            for line in lines:
                now = datetime.now()  # noqa: DTZ005  a person reads it, by the clock on the wall
                self._printer.write(Message("line", line, now, name, colour))

    def _hold(
        self, ready: Callable[[], bool], announce: Callable[[], None], hindrance: Callable[[], str | None]
    ) -> str | None:
        announced = False
        while not self._signals:
            if reason := hindrance():
                return reason
            for name, process in self._running.items():
                if (status := process.poll()) is not None:
                    return f"{name} ended by itself with status {status}; the others were ended with it."
            if not announced and ready():
                announced = True
                announce()
            time.sleep(TICK_SECONDS)
        return None

    def _end(self) -> None:
        """End every group: politely, and after a while, or at a second signal, by force.

        What was started last ends last: the others may be calling it.
        """
        asked, started = self._signals, list(self._running.values())
        for part in (started[:-1], started[-1:]):
            _signal_groups(part, signal.SIGTERM)
            deadline = time.monotonic() + GRACE_SECONDS
            while _alive(part) and time.monotonic() < deadline and self._signals <= max(asked, 1):
                time.sleep(TICK_SECONDS)
        _signal_groups(started, signal.SIGKILL)
        for process in started:
            process.wait()
        for printing in self._printing:
            printing.join(timeout=1)


def _alive(processes: Sequence[Process]) -> bool:
    for process in processes:
        process.poll()  # reaps it, so that its group can be seen to be empty
    return any(_signal_group(process.pid, 0) for process in processes)


def _signal_groups(processes: Sequence[Process], number: int) -> None:
    for process in processes:
        _signal_group(process.pid, number)


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group (0: only ask), return whether there is one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group whose last members are about to vanish
        return False
    return True
