"""A tiny orchestrator for these tests: it keeps every call, and answers as it is told to."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.races import PATIENCE


@dataclass(frozen=True)
class Call:
    """One call: when it came, how, and with what."""

    at: float
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """Return a header's value, or nothing."""
        return {key.lower(): value for key, value in self.headers}.get(name.lower(), "")


class Recorder:
    """Listens on a free port. `status` and `answer` are for every POST; `meanwhile` runs before it is answered."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.statuses: list[int] = []
        self.status = 200
        self.alive = 200
        self.meanwhile: Callable[[Call], None] = lambda call: None
        self._changed = threading.Condition()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                if self.path != "/health/live":
                    recorder.keep(Call(time.monotonic(), "GET", self.path, list(self.headers.items()), b""))
                self._reply(recorder.alive, b"{}")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                call = Call(time.monotonic(), "POST", self.path, list(self.headers.items()), body)
                recorder.meanwhile(call)
                self._reply(recorder.keep(call), b'{"state": "FOUND"}')

            def _reply(self, status: int, body: bytes) -> None:
                self.send_response(status)
                if status in (302, 307):
                    self.send_header("Location", "/redirected")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Keep the test's output to itself."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def keep(self, call: Call) -> int:
        """Take a call, keep it, return the status to answer it with."""
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
            return self.statuses.pop(0) if self.statuses else self.status

    def wait(self, count: int, seconds: float = PATIENCE) -> list[Call]:
        """Return the calls once there are that many; fail if they don't come in time."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.calls) >= count, seconds)
            assert came, f"{len(self.calls)} calls of {count}: {[call.path for call in self.calls]}"
            return list(self.calls)

    def quiet(self, seconds: float = 0.3) -> list[Call]:
        """Return the calls after some time in which more could have come."""
        time.sleep(seconds)
        return list(self.calls)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
