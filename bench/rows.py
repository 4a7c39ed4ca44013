"""What is measured: a row names the work, its raw limit and how near it is to be; its function measures both."""

import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

SIZES = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Reach:
    """How near to the raw limit: a ratio (or, where there is none, a figure) to reach at least, or at most."""

    bound: float
    least: bool

    def met(self, value: float) -> bool:
        """Say whether a figure is within it."""
        return value >= self.bound if self.least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.bound:g}"


def at_least(bound: float) -> Reach:
    """More is better: rates."""
    return Reach(bound, least=True)


def at_most(bound: float) -> Reach:
    """Less is better: times, sizes."""
    return Reach(bound, least=False)


@dataclass
class Sides:
    """The figures of each run in its order; without a raw side the median of ours is held against the reach."""

    ours: list[float]
    raw: list[float]
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the table, at one number of stored listings."""

    name: str
    size: int
    work: str
    against: str
    unit: str
    ours: float
    raw: float | None
    ratio: float
    reach: str
    met: bool
    spread: float
    runs: int
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it in plain values."""
        return asdict(self)


class Bench:
    """What a row's function is given: a seeded database, and the product's processes, started when first asked for."""

    def __init__(
        self, size: int, *, quick: bool, urls: dict[int, str], broker: str, folder: Path, stack: ExitStack
    ) -> None:
        self.size, self.quick, self.broker, self.folder = size, quick, broker, folder
        self.urls, self._stack = urls, stack

    @property
    def runs(self) -> int:
        """How often each side runs."""
        return 2 if self.quick else 5

    @property
    def url(self) -> str:
        """The URL of the database of this size, which is also the one that Django has."""
        return self.urls[self.size]

    @cached_property
    def web(self) -> Any:
        """The web server as the Procfile starts it, on this database (tests/aetos/processes.py)."""
        return self.start_web()

    def start_web(self, size: int | None = None, **environment: str) -> Any:
        """Start a further web server, on the database of another size if one is named; it ends with the rows."""
        return self.web_for(self._stack, size, **environment)

    def web_for(self, stack: ExitStack, size: int | None = None, **environment: str) -> Any:
        """Start a further web server that ends with `stack`."""
        from tests.aetos.processes import Web

        settings = {"DATABASE_URL": self.urls[size or self.size], "RABBITMQ_URL": self.broker}
        settings |= {"WEB_WORKERS": "2", **environment}
        return stack.enter_context(Web(self.folder / f"web-{size or self.size}", **settings))

    @contextmanager
    def worker(self) -> Iterator[Any]:
        """Hold a worker as the Procfile starts it, on this database, for as long as the block runs; no beat."""
        from tests.aetos.processes import Process, wait_for

        settings = {"DATABASE_URL": self.url, "RABBITMQ_URL": self.broker}
        with Process("worker", self.folder / "worker", **settings) as process:
            wait_for(lambda: _is_served(self.broker), "the worker's start", seconds=60)
            yield process

    def interleave(self, ours: Callable[[], float], raw: Callable[[], float], *, warm: int = 1) -> Sides:
        """Run both sides by turns, so that a slow moment of the machine hits both; return their figures."""
        for _ in range(warm):
            ours()
            raw()
        sides = Sides([], [])
        for _ in range(self.runs):
            sides.ours.append(ours())
            sides.raw.append(raw())
        return sides


@contextmanager
def bare_server(bench: Bench) -> Iterator[str]:
    """Serve `bench.bare` exactly as the Procfile serves the product; give its URL."""
    from tests.aetos.processes import environment, line_of, wait_for
    from tests.throwaway import free_port

    port = free_port()
    settings = environment(bench.folder, DATABASE_URL=bench.url, BENCH_PAYLOADS=str(bench.folder))
    settings |= {"PORT": str(port), "WEB_WORKERS": "2"}
    command = line_of("web").replace("aetos.wsgi", "bench.bare")
    server = subprocess.Popen(
        ["sh", "-c", f"exec {command}"],
        cwd=Path(__file__).resolve().parents[1],
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(url), "the bare server's start", seconds=60)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/live", timeout=5).status_code == 200
    except (requests.ConnectionError, requests.Timeout):
        return False


def _is_served(broker: str) -> bool:
    """Say whether a worker has taken up the queue of events."""
    from amqp.exceptions import NotFound
    from kombu import Connection

    with Connection(broker) as connection:
        channel: Any = connection.default_channel
        try:
            return bool(channel.queue_declare("aetos.events", passive=True).consumer_count)
        except NotFound:
            return False


@dataclass(frozen=True)
class Spec:
    """A row before it is measured."""

    name: str
    work: str
    against: str
    unit: str
    reach: Reach
    sizes: tuple[int, ...]
    measure: Callable[[Bench], Sides]

    def row(self, size: int, sides: Sides) -> Row:
        """Put the figures of both sides into a row: medians, their ratio, and how far the runs' ratios lie apart."""
        ours = statistics.median(sides.ours)
        raw = statistics.median(sides.raw) if sides.raw else None
        ratio = ours / raw if raw is not None else ours
        each = (
            [one / other for one, other in zip(sides.ours, sides.raw, strict=True)]
            if sides.raw
            else sides.ours
        )
        spread = (max(each) - min(each)) / statistics.median(each)
        return Row(
            self.name,
            size,
            self.work,
            self.against,
            self.unit,
            ours,
            raw,
            ratio,
            str(self.reach),
            self.reach.met(ratio),
            spread,
            len(sides.ours),
            sides.note,
        )


SPECS: dict[str, Spec] = {}


def row(
    name: str,
    *,
    work: str,
    against: str,
    unit: str,
    reach: Reach,
    sizes: tuple[int, ...] = SIZES,
) -> Callable[[Callable[[Bench], Sides]], Callable[[Bench], Sides]]:
    """Register a row's function under its name on the command line.

    Args:
        name: in lower case, with hyphens.
        work: what is measured, in the table's words.
        against: the raw limit beside it.
        unit: of both figures, e.g. "matches/s".
        reach: what the ratio ours / raw is held against (ours alone, where there is no raw side).
        sizes: at how many stored listings it is measured.
    """

    def register(measure: Callable[[Bench], Sides]) -> Callable[[Bench], Sides]:
        SPECS[name] = Spec(name, work, against, unit, reach, sizes, measure)
        return measure

    return register
