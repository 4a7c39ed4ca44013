"""RabbitMQ as a stranger meets it: a consumer of our events, and a line to the broker that can fail."""

import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import pika

from tests.races import PATIENCE

EXCHANGE = "orchestrator.events"


@dataclass(frozen=True)
class Received:
    """One message, as it arrived."""

    routing_key: str
    properties: Any
    body: dict[str, Any]


class Consumer:
    """A queue of its own, bound to these routing keys."""

    def __init__(self, url: str, *keys: str, arguments: dict[str, Any] | None = None) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._connection.channel()
        self._channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
        self._queue = self._channel.queue_declare("", exclusive=True, arguments=arguments).method.queue
        for key in keys or ("#",):
            self._channel.queue_bind(self._queue, EXCHANGE, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def take(self, count: int | None = None, *, seconds: float = PATIENCE) -> list[Received]:
        """Return what is there; with `count`, wait until there is that much."""
        messages: list[Received] = []
        end = time.monotonic() + seconds
        while count is None or len(messages) < count:
            method, properties, body = self._channel.basic_get(self._queue, auto_ack=True)
            if method is not None:
                messages.append(Received(method.routing_key, properties, json.loads(body)))
            elif count is None or time.monotonic() > end:
                break
            else:
                self._connection.sleep(0.05)
        assert count is None or len(messages) >= count, f"{len(messages)} of {count} came"
        return messages


class Line:
    """A TCP line to the broker that can be cut, refuse and hang. `url` leads through it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 5672)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._flows = threading.Event()
        self._flows.set()
        self._cut_after: int | None = None
        self._listener = self._listen(0)
        self.port = self._listener.getsockname()[1]
        login = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{self.port}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flow()
        self.refuse()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._start(self._accept, listener)
        return listener

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._target, 60)
            except OSError:
                return
            with self._lock:
                self._open |= {client, server}
            self._start(self._pump, client, server, True)
            self._start(self._pump, server, client, False)

    def _pump(self, source: socket.socket, sink: socket.socket, outward: bool) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                self._flows.wait()
                sink.sendall(data)
                if outward and self._cut_after is not None:
                    self._cut_after -= len(data)
                    if self._cut_after <= 0:
                        self._cut_after = None
                        self.cut()
        for end in (source, sink):
            self._shut(end)

    def _shut(self, end: socket.socket) -> None:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
        with self._lock:
            self._open.discard(end)

    def cut(self, *, after: int | None = None) -> None:
        """Break every connection, now or when so many more bytes have gone out."""
        if after is not None:
            self._cut_after = after
            return
        for end in list(self._open):
            self._shut(end)

    def refuse(self) -> None:
        """Break every connection, and refuse new ones."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def hang(self) -> None:
        """Take connections and data, and pass nothing on."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on again what waits."""
        self._flows.set()

    def accept(self) -> None:
        """Take connections again."""
        self._listener = self._listen(self.port)
