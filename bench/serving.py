"""`python -m bench.serving`: how many processes and threads serve best, and whether a pool of connections pays.

Each setting serves the same mixture of calls, from as many callers as a busy
day has at once, by turns, so that a slow moment of the machine hits all. The
worker runs beside it as the Procfile starts it. PostgreSQL and RabbitMQ are
found as `python -m bench` finds them; the table goes into docs/performance.md.
"""

import argparse
import http.client
import itertools
import json
import os
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django

from bench import databases, table
from bench.databases import ROOT
from tests.services import find_postgres, find_rabbitmq, with_path

SIZE = 10_000
CALLERS = 8
ROUNDS, SECONDS = 3, 6.0
MARK = "serving"
PAGE = ROOT / "docs" / "performance.md"


@dataclass(frozen=True)
class Setting:
    """How the web server is started."""

    processes: int
    threads: int
    connections: str = "kept by each thread"
    environment: tuple[tuple[str, str], ...] = ()


POOLED = (("DJANGO_SETTINGS_MODULE", "bench.pooled"),)
EACH_TIME = (("DJANGO_SETTINGS_MODULE", "bench.unkept"),)
SETTINGS = (
    *(Setting(processes, threads) for processes, threads in ((1, 4), (1, 8), (2, 2), (2, 4), (2, 8))),
    *(Setting(processes, threads) for processes, threads in ((2, 16), (3, 4), (3, 8), (4, 4))),
    Setting(2, 8, "psycopg's pool", POOLED),
    Setting(2, 8, "a new one for each request", EACH_TIME),
)


@dataclass
class Served:
    """What one setting did in its turns."""

    rates: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    megabytes: float = 0.0


class Caller:
    """One caller, who sends the next call when the last is answered."""

    def __init__(
        self, address: str, token: str, fresh: Iterator[uuid.UUID], known: Sequence[uuid.UUID]
    ) -> None:
        from tests.aetos.processes import KEYS

        self._line = http.client.HTTPConnection(address, timeout=60)
        self._staff = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
        self._partner = {"X-API-Key": KEYS["SCRAPER_WEBHOOK_KEY"], "Content-Type": "application/json"}
        self._fresh, self._known = fresh, itertools.cycle(known)
        self.seconds: list[float] = []
        self.failed = 0

    def call_until(self, end: float) -> None:
        """Make calls, in the mixture, until the time (of `time.perf_counter`) is up."""
        # Of ten calls: five lists, two listings, one history, one arrow, one job.
        for kind in itertools.cycle("lsljlhtlsl"):
            if (began := time.perf_counter()) >= end:
                break
            self._line.request(*self._request(kind))
            answer = self._line.getresponse()
            answer.read()
            self.seconds.append(time.perf_counter() - began)
            self.failed += answer.status not in (200, 202)
        self._line.close()

    def _request(self, kind: str) -> tuple[str, str, bytes | None, dict[str, str]]:
        from bench.ingest import bodies, matches

        if kind == "j":
            return "POST", "/webhooks/scraper/job-complete", bodies([matches(5)])[0], self._partner
        if kind == "t":
            body = json.dumps({"to_state": "CANCELLED", "reason": "bench"}).encode()
            return "POST", f"/admin/listings/{next(self._fresh)}/transition", body, self._staff
        one = f"/admin/listings/{next(self._known)}"
        paths = {"l": "/admin/listings?limit=20", "s": one, "h": f"{one}/history"}
        return "GET", paths[kind], None, self._staff


def together(callers: Sequence[Caller], seconds: float) -> None:
    """Let the callers call for so long, each in a thread."""
    end = time.perf_counter() + seconds
    threads = [threading.Thread(target=caller.call_until, args=(end,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def serve(
    web: Any, token: str, fresh: Iterator[uuid.UUID], known: Sequence[uuid.UUID], seconds: float
) -> Served:
    """Let the callers call one server for so long."""
    callers = [Caller(urlsplit(web.url).netloc, token, fresh, known[number:]) for number in range(CALLERS)]
    together(callers, seconds)
    each = [taken for caller in callers for taken in caller.seconds]
    return Served([len(each) / seconds], each, sum(caller.failed for caller in callers), memory(web.pid))


def memory(master: int) -> float:
    """Return what a server's processes hold for themselves and, by shares, with others, in MB."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            if status.parent.name == str(master) or lines["PPid"].strip() == str(master):
                rollup = (status.parent / "smaps_rollup").read_text()
                total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        except (OSError, KeyError):
            continue  # it has ended meanwhile
    return total / 1024


def measure(bench: Any, settings: Sequence[Setting], *, rounds: int, seconds: float) -> dict[Setting, Served]:
    """Measure each setting once a round, after a short start that is not counted."""
    import psycopg

    from bench.seed import listings_like
    from bench.stored import unchanged
    from bench.transition import token

    served: dict[Setting, Served] = {setting: Served() for setting in settings}
    numbers = itertools.count()
    with unchanged(bench.url), bench.worker(), psycopg.connect(bench.url, autocommit=True) as connection:
        rows = connection.execute("SELECT id FROM listings_productlisting ORDER BY id LIMIT 500").fetchall()
        known, staff = [key for (key,) in rows], token()
        for turn in range(rounds):
            for setting in settings:
                fresh = iter(listings_like(connection, 4000, tag=f"serving{next(numbers)}"))
                environment = dict(setting.environment)
                workers, threads = str(setting.processes), str(setting.threads)
                with ExitStack() as stack:
                    web = bench.web_for(stack, WEB_WORKERS=workers, WEB_THREADS=threads, **environment)
                    serve(web, staff, fresh, known, seconds / 4)
                    one = serve(web, staff, fresh, known, seconds)
                into = served[setting]
                into.rates += one.rates
                into.seconds += one.seconds
                into.failed += one.failed
                into.megabytes = max(into.megabytes, one.megabytes)
            print(f"  round {turn + 1} of {rounds}", flush=True)
    return served


def lines(served: dict[Setting, Served]) -> list[str]:
    """Return the table in Markdown."""
    text = [
        "| processes | threads each | connections | calls/s | p50 | p95 | memory | failed |",
        "|" + "---|" * 8,
    ]
    for setting, one in served.items():
        cuts = statistics.quantiles(one.seconds, n=20)
        text.append(
            f"| {setting.processes} | {setting.threads} | {setting.connections} | {statistics.median(one.rates):.0f} "
            f"| {1000 * statistics.median(one.seconds):.0f} ms | {1000 * cuts[-1]:.0f} ms | {one.megabytes:.0f} MB "
            f"| {one.failed} |"
        )
    return text


def main() -> int:
    """Measure all settings, print the table, put it into the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one round of two seconds, and no page: to see it work"
    )
    quick, named = parser.parse_args().quick, dict(os.environ)
    with ExitStack() as stack:
        server, broker = find_postgres(named, stack), find_rabbitmq(named, stack)
        if server is None or broker is None:
            print("This needs PostgreSQL and RabbitMQ: name them by DATABASE_URL and RABBITMQ_URL.")
            return 2
        beside = server.url if "DATABASE_URL" in named else with_path(server.url, "aetos_bench")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aetos-bench-")))
        url = databases.url(beside, SIZE)
        os.environ.update(databases.environment(url, folder, broker.url))
        django.setup()
        databases.ready(beside, SIZE)
        from bench.rows import Bench

        bench = Bench(SIZE, quick=quick, urls={SIZE: url}, broker=broker.url, folder=folder, stack=stack)
        rounds, seconds = (1, 2.0) if quick else (ROUNDS, SECONDS)
        served = measure(bench, SETTINGS, rounds=rounds, seconds=seconds)
    print("\n".join(lines(served)))
    if not quick:
        table.put(PAGE, MARK, lines(served))
    return 0


if __name__ == "__main__":
    sys.exit(main())
