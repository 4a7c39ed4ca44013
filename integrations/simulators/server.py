"""All simulated partners in one HTTP server, each under its own prefix."""

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from integrations.simulators.chatterbot import Chatterbot
from integrations.simulators.ebaylister import EbayLister
from integrations.simulators.keys import Keys
from integrations.simulators.partner import Partner
from integrations.simulators.scraperv2 import ScraperV2
from integrations.simulators.telegram import Telegram
from integrations.simulators.wire import Answer, HangUp, Request, compact
from integrations.simulators.world import Act, World

log = logging.getLogger("simulators")

LARGEST_BODY = 32 * 1024 * 1024


class _Server(ThreadingHTTPServer):
    """A threading server that knows its open connections, so that it can end in order."""

    # Threads are waited for at the end: one that outlives its test would be blamed on the next.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], partners: Mapping[str, Partner]) -> None:
        self.partners = partners
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has left: an answer that was too slow or too long for it."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Close what clients still hold open: keep-alive connections would never end by themselves."""
        with self._open_lock:
            for connection in self._open:
                _shut(connection)


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, lets the partner of its prefix answer, and writes that."""

    protocol_version = "HTTP/1.1"
    server_version = "simulators"
    sys_version = ""
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        prefix, path, query = _split(self.path)
        partner = self.server.partners.get(prefix)
        try:
            body = self._body()
        except ValueError:
            self.close_connection = True
            return self._write(compact(413, {"detail": "Content Too Large"}))
        if partner is None:
            return self._write(compact(404, {"detail": f"partners: {', '.join(self.server.partners)}"}))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = partner.handle(Request(self.command, path, query, headers, body))
            with self._at_the_pace_of(answer, partner):
                self._write(answer)
        except HangUp:
            self.close_connection = True
            _shut(self.connection)

    @contextmanager
    def _at_the_pace_of(self, answer: Answer, partner: Partner) -> Iterator[None]:
        usual = self.wfile
        if answer.drip:
            slow: Any = _Dripping(usual, lambda: partner.world.pause(answer.drip))
            self.wfile = slow
        try:
            yield
        finally:
            self.wfile = usual

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _body(self) -> bytes:
        """Return the request's body, or raise ValueError for one that has no sensible length."""
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= LARGEST_BODY or self.headers.get("Transfer-Encoding"):
            raise ValueError("no sensible length")
        return self.rfile.read(length)

    def _write(self, answer: Answer) -> None:
        try:
            self.send_response(answer.status)
            if answer.status != 204:
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if answer.status != 204:
                self.wfile.write(answer.body)
        except (BrokenPipeError, ConnectionResetError):
            # The client gave up first, as it does when an answer is slow on purpose.
            log.debug("a client left before its answer")
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: request lines hold Telegram's token, and the partners log what is notable."""


class _Dripping:
    """Writes a byte at a time, and pauses behind each; where that is cut short, the connection ends."""

    def __init__(self, raw: Any, pause: Callable[[], bool]) -> None:
        self._raw, self._pause, self.flush = raw, pause, raw.flush

    def write(self, data: bytes) -> None:
        for byte in data:
            self._raw.write(bytes([byte]))
            if not self._pause():
                raise HangUp


class Simulators:
    """The simulated partners, served on one port: `with Simulators(…) as sims: sims.url("scraperv2")`.

    Takes the orchestrator's address, the keys (drawn at random where none are given), how many times
    faster than in real life the partners live, and where to listen (port 0: any free one).
    """

    def __init__(
        self,
        orchestrator_url: str = "http://127.0.0.1:8000",
        keys: Keys | None = None,
        time_scale: float = 60.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.keys = keys or Keys.drawn()
        self.world = World(orchestrator_url, self.keys, time_scale)
        self.scraperv2 = ScraperV2(self.world)
        self.chatterbot = Chatterbot(self.world)
        self.ebaylister = EbayLister(self.world)
        self.telegram = Telegram(self.world)
        served: tuple[Partner, ...] = (self.scraperv2, self.chatterbot, self.ebaylister, self.telegram)
        self.partners = {partner.name: partner for partner in served}
        try:
            self._server = _Server((host, port), self.partners)
        except OSError:
            self.world.close()
            raise
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="simulators-http"
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        return int(self._server.server_address[1])

    def url(self, partner: str) -> str:
        """Take a partner's name, return its base URL on this machine."""
        return f"http://127.0.0.1:{self.port}/{partner}"

    def run(self, act: Act) -> None:
        """Run something beside the partners; it is waited for at the end, so it must mind `world.stopping`."""
        self.world.later(0, act)

    def close(self) -> None:
        """Stop serving; return when every thread has ended."""
        self.world.close()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _split(target: str) -> tuple[str, str, str]:
    """Take a request's target, return the partner's prefix, the path below it, and the query."""
    path, _, query = target.partition("?")
    prefix, _, rest = path.lstrip("/").partition("/")
    return prefix, "/" + unquote(rest), query


def _shut(connection: socket.socket) -> None:
    """Shut a connection down in both directions, if its other end has not done so already."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("a connection was closed already")
