"""A partner's server that answers what it is told to, however strange."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Write = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Call:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    closed = 0

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.closed += 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: that a client hangs up is what some tests are about."""


@dataclass
class Partner:
    """Answers each call with the next of `answers`: (status, headers, body), or a function that writes by itself."""

    answers: list[Any] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def __enter__(self) -> Self:
        partner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                partner.calls.append(Call(self.command, self.path, headers, body))
                script = partner.answers.pop(0) if partner.answers else (200, {}, b"{}")
                if callable(script):
                    self.close_connection = True
                    script(self)
                    return
                status, extra, body = script
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **extra}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = answer  # noqa: N815  names that http.server looks for

            def log_message(self, format: str, *args: Any) -> None:
                """Keep the test's output to itself."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    @property
    def closed(self) -> int:
        """Return how many connections it has closed."""
        return self._server.closed

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
