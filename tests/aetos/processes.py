"""The product's own processes, started as the Procfile says, on the database of the tests."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from django.db import connection

from tests.throwaway import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRETS = re.compile(r"_KEY|_SECRET|_TOKEN|_DSN")
SHORTEST_SECRET = 10
# Seconds until what must happen is given up, on a machine however busy.
PATIENCE = 180.0
KEYS = {
    # By their names, since the harness and the bench read this without Django.
    **{f"{name.upper()}_WEBHOOK_KEY": f"live-{name}-key" for name in ("scraper", "chatterbot", "ebay")},
    "TELEGRAM_BOT_TOKEN": "",
    "TELEGRAM_WEBHOOK_SECRET": "",
    "METRICS_KEY": "live-metrics-key",
}


def database_url(port: int | None = None) -> str:
    """Return the URL of the database that the tests use, through another port where one is given."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    login = f"{database['USER']}:{database['PASSWORD']}" if database["PASSWORD"] else database["USER"]
    host = f"{database['HOST'] or '127.0.0.1'}:{port or database['PORT'] or 5432}"
    return f"postgres://{login}@{host}/{database['NAME']}"


def environment(folder: Path, **changes: str | None) -> dict[str, str]:
    """Return all that a process may know: nothing of the developer's. None takes a variable away."""
    given = {
        **KEYS,
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        "DJANGO_SETTINGS_MODULE": "aetos.settings",
        "SECRET_KEY": "for-tests-only-" + "x" * 40,
        "DEBUG": "false",
        "DATA_DIR": str(folder),
        "DATABASE_URL": database_url(),
        "RABBITMQ_URL": "",
        "PUBLIC_URL": "http://localhost:8000",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "LOG_LEVEL": "INFO",
        "WEB_WORKERS": "1",
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def line_of(process: str) -> str:
    """Return the Procfile's command for a process."""
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if ": " in line)
    return lines[process]


def wait_for(happened: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while not (result := happened()):
        assert time.monotonic() < end, f"{what} did not happen in {seconds} s"
        time.sleep(0.05)
    return result


def quick(act: Callable[[], Any], *, seconds: float, tries: int = 10) -> Any:
    """Do something until it has once taken less time than that, and return what came of it then.

    A busy machine makes a thing slow now and then, but what is slow by itself it never makes quick.
    """
    for _ in range(tries):
        began = time.monotonic()
        result = act()
        if time.monotonic() - began < seconds:
            return result
    raise AssertionError(f"in {tries} tries it took {seconds} s or more each time")


def leaked(said: str, given: dict[str, str]) -> list[str]:
    """Name the variables whose secret stands in what a process has said."""
    secrets = {name: value for name, value in given.items() if SECRETS.search(name)}
    return sorted(
        name
        for name, value in secrets.items()
        for each in value.split(",")
        if len(each) >= SHORTEST_SECRET and each in said
    )


class Process:
    """One process of the Procfile. `output` is all that it has said, in which no secret that it knows may stand."""

    def __init__(self, name: str, folder: Path, **changes: str | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._given = environment(folder, **changes)
        self._log = folder / f"{name}-{time.monotonic_ns()}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", f"exec {line_of(name)}"],
                cwd=ROOT,
                env=self._given,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(signal.SIGTERM)
        assert leaked(self.output, self._given) == []

    @property
    def pid(self) -> int:
        """Return its number; of the web server, its master's."""
        return self._process.pid

    @property
    def output(self) -> str:
        """Return what it has said so far, in whole lines: a line that is being written is not one yet."""
        said = self._log.read_text(errors="replace")
        return said[: said.rfind("\n") + 1]

    def end(self, number: int) -> None:
        """Send a signal to it and its children, and wait for its end."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def status(self, *, seconds: float = PATIENCE) -> int:
        """Wait for its own end, and return its status."""
        return self._process.wait(seconds)


class Web(Process):
    """The web server, reached by HTTP."""

    def __init__(self, folder: Path, **changes: str | None) -> None:
        self.port = free_port()
        super().__init__("web", folder, PORT=str(self.port), **changes)
        self.url = f"http://127.0.0.1:{self.port}"
        try:
            wait_for(self._answers, "the web server's start")
        except BaseException as error:
            self.end(signal.SIGKILL)
            raise AssertionError(self.output) from error

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.output
        try:
            return requests.get(f"{self.url}/health/live", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    def post_job(self, body: Any, **headers: str) -> requests.Response:
        """Deliver a job."""
        headers = {"X-API-Key": KEYS["SCRAPER_WEBHOOK_KEY"], **headers}
        return requests.post(
            f"{self.url}/webhooks/scraper/job-complete", json=body, headers=headers, timeout=PATIENCE
        )

    def raw(self, *pieces: bytes, end: bool = False, seconds: float = PATIENCE) -> bytes:
        """Send these bytes, and return all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as line:
            for piece in pieces:
                line.sendall(piece)
            if end:
                line.shutdown(socket.SHUT_WR)
            received = bytearray()
            while data := line.recv(65536):
                received += data
            return bytes(received)
