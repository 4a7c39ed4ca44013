"""The product's processes, as the Procfile has them; one that dies is started again, as any supervisor does."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.aetos.processes import ROOT, line_of

TICK_SECONDS = 0.02


class Child:
    """One process of the Procfile in a group of its own, with its output in a file."""

    def __init__(self, name: str, kind: str, environment: dict[str, str], folder: Path) -> None:
        self.name, self.kind = name, kind
        self._environment, self._log = environment, folder / f"{name}.log"
        self.wanted, self.starts = True, 0
        self._process: subprocess.Popen[bytes] | None = None
        self._start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", f"exec {line_of(self.kind)}"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.starts += 1

    @property
    def pid(self) -> int:
        """Return the number of its process, which is its group's too; 0 where it never ran."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Say whether it runs."""
        return self._process is not None and self._process.poll() is None

    def look(self) -> None:
        """Start it again if it has ended and is still wanted."""
        if self.wanted and not self.alive:
            self._signal(signal.SIGKILL)  # whatever is left of its group
            self._start()

    def end(self, number: int = signal.SIGKILL, *, seconds: float = 10.0) -> None:
        """End it, and let nobody start it again."""
        self.wanted = False
        self._signal(number)
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait(10)
        self._signal(signal.SIGKILL)

    def kill(self) -> None:
        """Kill it as the kernel does; the supervisor starts it again."""
        self._signal(signal.SIGKILL)

    def again(self) -> None:
        """Want it again, after `end`."""
        self.wanted = True

    def _signal(self, number: int) -> None:
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return

    @property
    def output(self) -> str:
        """Return all that it has said."""
        return self._log.read_text(errors="replace")


class Supervisor:
    """Looks after the children from a thread of its own, until it is closed."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def add(self, child: Child) -> None:
        """Look after one more."""
        with self._lock:
            self.children.append(child)

    def _watch(self) -> None:
        while not self._ended.wait(TICK_SECONDS):
            with self._lock:
                for child in self.children:
                    child.look()

    def close(self) -> None:
        """End every child and its group."""
        self._ended.set()
        self._thread.join()
        for child in self.children:
            child.wanted = False
            child.kill()
        deadline = time.monotonic() + 10
        for child in self.children:
            child.end(seconds=max(0.1, deadline - time.monotonic()))


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """Return all that a process of a stack may know; nothing of the developer's."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": tempfile.gettempdir(),
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "SECRET_KEY": "for-the-harness-only-" + "x" * 40,
        "DEBUG": "false",
        "PUBLIC_URL": "http://localhost:8000",
        "LOG_LEVEL": "INFO",
        "TELEGRAM_BOT_TOKEN": "",
        "FAULTS_FOLDER": str(folder),
        **changes,
    }
