"""What the simulated partners share: the time, which runs faster, and the way to the orchestrator."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from integrations.simulators.keys import Keys

log = logging.getLogger("simulators")

Act = Callable[[], object]


@dataclass(frozen=True)
class Reply:
    """What the orchestrator answered; status 0 where nothing came back."""

    status: int
    text: str = ""


class World:
    """Runs acts at their time, in threads of their own, and posts to the orchestrator.

    Takes the orchestrator's address, the keys, and how many times faster than in real life the
    partners live (60: an hour passes in a minute).
    """

    def __init__(self, orchestrator_url: str, keys: Keys, time_scale: float = 60.0) -> None:
        if time_scale <= 0:
            raise ValueError("time_scale must be above 0")
        self.orchestrator_url = orchestrator_url.rstrip("/")
        self.keys = keys
        self.time_scale = time_scale
        self.stopping = threading.Event()
        self._order = itertools.count()
        self._due: list[tuple[float, int, Act]] = []
        self._changed = threading.Condition()
        self._acting: set[threading.Thread] = set()
        self._timer = threading.Thread(target=self._run, name="simulators-timer", daemon=True)
        self._timer.start()

    def later(self, minutes: float, act: Act) -> None:
        """Take a time of the partners' life, in minutes, and run the act when it has passed."""
        with self._changed:
            due = time.monotonic() + minutes * 60 / self.time_scale
            heapq.heappush(self._due, (due, next(self._order), act))
            self._changed.notify()

    def pause(self, seconds: float) -> bool:
        """Wait that long, in real seconds; return False if the world ends meanwhile."""
        return not self.stopping.wait(seconds)

    def post(self, path: str, body: Any, headers: Mapping[str, str], timeout: float = 30.0) -> Reply:
        """Take a path, plain values and headers, post them as JSON, return what came back."""
        with requests.Session() as session:
            # The orchestrator is next door: a proxy or a .netrc of this machine has no say in it.
            session.trust_env = False
            try:
                answer = session.post(
                    self.orchestrator_url + path, json=body, headers=dict(headers), timeout=timeout
                )
            except requests.RequestException as error:
                log.info("orchestrator not reached at %s: %s", path, type(error).__name__)
                return Reply(0)
            return Reply(answer.status_code, answer.text)

    def alive(self) -> bool:
        """Return whether the orchestrator says that it serves."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                return session.get(f"{self.orchestrator_url}/health/live", timeout=5).status_code == 200
            except requests.RequestException:
                return False

    def close(self) -> None:
        """End the time: what is not yet due never happens, what is under way may finish."""
        self.stopping.set()
        with self._changed:
            self._due.clear()
            self._changed.notify()
        self._timer.join(5)
        for thread in list(self._acting):
            thread.join(5)

    def _run(self) -> None:
        while not self.stopping.is_set():
            with self._changed:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                act = heapq.heappop(self._due)[2]
            self._start(act)

    def _start(self, act: Act) -> None:
        def run() -> None:
            try:
                act()
            finally:
                self._acting.discard(threading.current_thread())

        thread = threading.Thread(target=run, name="simulators-act", daemon=True)
        self._acting.add(thread)
        thread.start()
