"""What every simulated partner has: its faults, its memory of what came and went, and its controls."""

import dataclasses
import json
import logging
import re
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from integrations.simulators.faults import NONE, Fault, Switchboard, UnknownFault, parse
from integrations.simulators.wire import HTML, Answer, HangUp, Request, Unreadable, compact
from integrations.simulators.world import Reply, World

log = logging.getLogger("simulators")

# A demo runs for days; tests read far fewer than these.
REMEMBERED = 2000
SECRET_HEADERS = frozenset({"authorization", "x-api-key", "x-telegram-bot-api-secret-token", "cookie"})
IDENTIFIER = re.compile(r"/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27})(?=/|$)")


@dataclasses.dataclass(frozen=True)
class Received:
    """One request that came in, and the status it was answered with (0: no answer)."""

    at: float
    request: Request
    status: int


@dataclasses.dataclass(frozen=True)
class Called:
    """One call to the orchestrator: where, with what, and what came back (status 0: nothing)."""

    at: float
    path: str
    body: Any
    status: int
    answer: str


class Partner(ABC):
    """Base of the four. A subclass says how it routes, refuses, acts, and what it keeps."""

    name: ClassVar[str] = ""
    outcomes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, world: World) -> None:
        self.world = world
        self.lock = threading.RLock()
        self.faults = Switchboard()
        self.requests: deque[Received] = deque(maxlen=REMEMBERED)
        self.calls: deque[Called] = deque(maxlen=REMEMBERED)
        self.counts: Counter[str] = Counter()
        self._answered: dict[str, Answer] = {}

    # What a subclass fills in.

    @abstractmethod
    def route(self, request: Request, fault: Fault) -> Answer:
        """Take a request and the fault it met, do what it asks for, return the answer."""

    def refuse(self, fault: Fault) -> Answer:
        """Return the partner's own form of the refusal that the fault asks for."""
        return compact(fault.refusal, {"detail": "Switched fault"})

    def act(self, order: dict[str, Any]) -> dict[str, Any]:
        """Take an order from `_act`, do it now, return what came of it; raise ValueError if it is none."""
        raise ValueError(f"{self.name} takes no orders")

    @abstractmethod
    def kept(self) -> dict[str, Any]:
        """Return what the partner keeps, in plain values."""

    @abstractmethod
    def forget(self) -> None:
        """Forget everything that the partner keeps."""

    def remembered(self) -> Any:
        """Return, in plain values, what would outlast a restart of the real one."""
        return None

    def recall(self, kept: Any) -> None:  # noqa: B027  most keep nothing
        """Take what `remembered` returned in an earlier run, and go on from there."""

    def masked(self, path: str) -> str:
        """Take a path, return it without any key in it."""
        return path

    # What all of them do alike.

    def handle(self, request: Request) -> Answer:
        """Take a request below the partner's prefix, return its answer, or raise HangUp."""
        if request.path.startswith("/_"):
            return self._control(request)
        fault = self.faults.meet(request.method, self.masked(request.path))
        try:
            answer = self._suffer(request, fault)
        except HangUp:
            self._remember(request, 0)
            raise
        self._remember(request, answer.status)
        return answer

    def call(
        self,
        path: str,
        body: Any,
        headers: Mapping[str, str],
        *,
        attempts: int = 1,
        twice: bool = False,
        settled: Callable[[Reply], bool] | None = None,
    ) -> Reply:
        """Post to the orchestrator, again until the reply settles it, and return the last reply.

        By default a refusal (4xx) settles it: the same body would only be refused again.
        """
        settled = settled or answered
        reply = Reply(0)
        for attempt in range(attempts):
            if attempt and not self.world.pause(30 * 2**attempt / self.world.time_scale):
                break
            reply = self._post(path, body, headers)
            if settled(reply):
                break
        return self._post(path, body, headers) if twice else reply

    def follow(self, fault: Fault, minutes: float, act: Callable[[], Any]) -> None:
        """Run the act after that time of the partner's life, or at once if the fault wants it so."""
        if fault.callback_before_answer:
            act()
        else:
            self.world.later(minutes, act)

    def state(self) -> dict[str, Any]:
        """Return all that is known here, without a key in it."""
        with self.lock:
            return {
                "partner": self.name,
                "faults": self.faults.shown(),
                "counts": dict(sorted(self.counts.items())),
                "kept": self.kept(),
                "requests": [self._shown(received) for received in self.requests],
                "calls": [dataclasses.asdict(called) for called in self.calls],
            }

    def _suffer(self, request: Request, fault: Fault) -> Answer:
        """Answer under the fault: it comes before, instead of, or after what was asked."""
        if fault.slow:
            self.world.pause(fault.slow)
        if fault.hang:
            self.world.pause(3600)
            raise HangUp
        if fault.redirect:
            return Answer(302, headers={"Location": f"/{self.name}/_moved"})
        if fault.refusal:
            answer = self.refuse(fault)
            if fault.retry_after:
                answer.headers["Retry-After"] = str(fault.retry_after)
            return answer
        answer = self.route(request, fault)
        kind = f"{request.method} {IDENTIFIER.sub('/{id}', self.masked(request.path))}"
        if not fault.mixed_up and 200 <= answer.status < 300:
            self._answered[kind] = answer
        if fault.drop_answer:
            raise HangUp
        return self._spoilt(answer, kind, fault)

    def _spoilt(self, answer: Answer, kind: str, fault: Fault) -> Answer:
        """Return an answer as the fault makes of it."""
        if fault.garbage:
            return Answer(200, b"<html><body>It works!</body></html>", HTML)
        if fault.empty:
            return Answer(answer.status, b"", answer.content_type)
        if fault.huge:
            return Answer(200, b" " * fault.huge, answer.content_type)
        if fault.mixed_up:
            return self._answered.get(kind, answer)
        return dataclasses.replace(answer, drip=fault.drip)

    def _control(self, request: Request) -> Answer:
        """Answer the calls that are for tests and the demo, not the partner's own."""
        method, path = request.method, request.path.rstrip("/")
        try:
            if (method, path) == ("GET", "/_state"):
                return compact(200, self.state())
            if (method, path) == ("POST", "/_reset"):
                self.reset()
                return compact(200, {"reset": True})
            if (method, path) == ("POST", "/_faults"):
                self.faults.switch(parse(request.json(), self.outcomes))
                return compact(200, {"faults": self.faults.shown()})
            if (method, path) == ("POST", "/_act"):
                order = request.json()
                return compact(200, self.act(order if isinstance(order, dict) else {}))
        except (UnknownFault, Unreadable, ValueError) as error:
            return compact(400, {"detail": str(error)})
        return compact(404, {"detail": "Not Found"})

    def reset(self) -> None:
        """Switch every fault off and forget everything."""
        with self.lock:
            self.faults.switch(NONE)
            self.requests.clear()
            self.calls.clear()
            self.counts.clear()
            self._answered.clear()
            self.forget()

    def _remember(self, request: Request, status: int) -> None:
        path = self.masked(request.path)
        with self.lock:
            self.requests.append(Received(time.time(), dataclasses.replace(request, path=path), status))
            self.counts["requests"] += 1
            self.counts[f"{request.method} {IDENTIFIER.sub('/{id}', path)}"] += 1
            self.counts[f"status {status}"] += 1

    def _post(self, path: str, body: Any, headers: Mapping[str, str]) -> Reply:
        reply = self.world.post(path, body, headers)
        with self.lock:
            self.calls.append(Called(time.time(), path, body, reply.status, reply.text[:2000]))
            self.counts["calls"] += 1
        level = logging.WARNING if reply.status >= 400 else logging.INFO
        log.log(level, "%s: called %s, answered %s", self.name, path, reply.status or "not at all")
        return reply

    def _shown(self, received: Received) -> dict[str, Any]:
        request = received.request
        headers = {name: "…" if name in SECRET_HEADERS else value for name, value in request.headers.items()}
        return {
            "at": received.at,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": headers,
            "body": request.body[:20_000].decode("utf-8", "replace"),
            "status": received.status,
        }


def answered(reply: Reply) -> bool:
    """Take a reply, return whether asking again would be pointless."""
    return 200 <= reply.status < 500 and reply.status != 429


def readable(text: str) -> Any:
    """Take an answer's text, return it as plain values where it is JSON, else as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text
