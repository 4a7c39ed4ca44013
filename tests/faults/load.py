"""Load: so many calls a second for so long, at the product as the Procfile starts it; and then a flood.

The calls come at their time, whether or not those before are answered, and are
timed from then on. A consumer of its own measures how old each event is when
it comes. `python -m tests.faults load` runs it; LOAD_SECONDS says how long.
"""

import json
import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pika

from tests.faults import oracle
from tests.faults.bench import Bench, Fault
from tests.faults.report import Row
from tests.faults.stack import EXCHANGE, Stack
from tests.faults.traffic import Call, Traffic

PER_SECOND = 20  # of webhooks, and of API calls
SECONDS, SHORT_SECONDS, WARM_UP_SECONDS = 600, 6, 10
PATIENCE_SECONDS = 30.0  # as long as ScraperV2 waits for an answer
FLOOD_SECONDS, SHORT_FLOOD_SECONDS = 60, 4
FLOOD_CALLERS = 300
LOAD = f"load: {2 * PER_SECOND} calls a second"
FLOOD = f"flood: {FLOOD_CALLERS} callers, each again as soon as it is answered"
# What the product promises, on two cores.
LONGEST_P95, LONGEST_LAG_P99, MOST_GROWTH = 0.3, 5.0, 0.05
# As it is run: its own pace, sweeps and time-outs, and two processes of eight threads.
AS_IT_IS: dict[str, Any] = {"web_workers": 2, "DJANGO_SETTINGS_MODULE": "aetos.settings", "LOG_LEVEL": "INFO"}


@dataclass(frozen=True)
class Answered:
    """One call: when it was due, how long until its answer, and the status (0: none came)."""

    name: str
    due: float
    seconds: float
    status: int


@dataclass
class Figures:
    """All that was measured. `memory` holds megabytes by node and time."""

    answers: list[Answered] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def statuses(self) -> Counter[int]:
        """Count the answers by status."""
        return Counter(each.status for each in self.answers)

    def slowest(self, share: float, name: str = "") -> float:
        """Return within how many seconds that share of the calls (of that name) was answered."""
        return quantile([each.seconds for each in self.answers if name in ("", each.name)], share)

    def growth(self, node: str) -> float:
        """Return by which share a node's memory grew from the third quarter of the time to the last."""
        sizes = [size for _, size in self.memory.get(node, [])]
        if len(sizes) < 8:
            return 0.0
        third, last = sizes[len(sizes) // 2 : -len(sizes) // 4], sizes[-len(sizes) // 4 :]
        return statistics.median(last) / statistics.median(third) - 1


def quantile(values: list[float], share: float) -> float:
    """Return the value that so large a share of them does not exceed; 0 for none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


# ---- calling ------------------------------------------------------------------------------------


def ask(stack: Stack, traffic: Traffic, call: Call, due: float) -> Answered:
    """Make one call, on a connection of its own as the partners do, and let the traffic learn from its answer."""
    connection = HTTPConnection("127.0.0.1", stack.ports[0], timeout=PATIENCE_SECONDS)
    body = None if call.body is None else json.dumps(call.body)
    try:
        connection.request(call.method, call.path, body, {**call.headers, "Content-Type": "application/json"})
        answer = connection.getresponse()
        status, content = answer.status, json.loads(answer.read())
    except (OSError, HTTPException, ValueError):
        status, content = 0, None
    finally:
        connection.close()
    answered = Answered(call.name, due, time.monotonic() - due, status)
    traffic.answered(call, status, content)
    return answered


def at_a_pace(calls: Iterator[Call], seconds: float, act: Callable[[Call, float], Any]) -> None:
    """Start the calls at their times, PER_SECOND of them; wait for the last answer."""
    start = time.monotonic()
    with ThreadPoolExecutor(64) as pool:
        for number in range(int(seconds * PER_SECOND)):
            due = start + number / PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(act, next(calls), due)


def drive(stack: Stack, traffic: Traffic, seconds: float) -> list[Answered]:
    """Let webhooks and API calls come for so long, beside each other; return all that was answered."""
    answers: list[Answered] = []

    def act(call: Call, due: float) -> None:
        answers.append(ask(stack, traffic, call, due))

    streams = (traffic.webhooks(), traffic.api())
    with ThreadPoolExecutor(len(streams)) as pool:
        for done in [pool.submit(at_a_pace, stream, seconds, act) for stream in streams]:
            done.result()
    return answers


# ---- watching -----------------------------------------------------------------------------------


@contextmanager
def watching(stack: Stack, figures: Figures) -> Iterator[None]:
    """Measure the age of events as they come and the memory of the nodes, until the end."""
    ended = threading.Event()
    threads = [
        threading.Thread(target=act, args=(stack, figures, ended), daemon=True)
        for act in (watch_events, watch_memory)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(10)


def watch_events(stack: Stack, figures: Figures, ended: threading.Event) -> None:
    """Consume events, and note how long after its fact each came."""
    with pika.BlockingConnection(pika.URLParameters(stack.broker_url)) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, EXCHANGE, "#")
        for method, _, body in channel.consume(queue, auto_ack=True, inactivity_timeout=0.2):
            if method is not None:
                happened = datetime.fromisoformat(json.loads(body)["occurred_at"])
                figures.lags.append((datetime.now(UTC) - happened).total_seconds())
            elif ended.is_set():
                return


def watch_memory(stack: Stack, figures: Figures, ended: threading.Event) -> None:
    """Note every second what the processes of web and worker hold."""
    start = time.monotonic()
    while not ended.wait(1.0):
        for name in ("web0", "worker0"):
            size = resident(stack.node(name).pid)
            figures.memory.setdefault(name, []).append((time.monotonic() - start, size))


def resident(group: int) -> float:
    """Return the megabytes that a group's processes hold, shared pages shared out among them."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                rollup = (stat.parent / "smaps_rollup").read_text()
                total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue  # it has ended meanwhile
    return total / 1024


# ---- the two ------------------------------------------------------------------------------------


def load(bench: Bench) -> Row:
    """Let 40 calls a second come for ten minutes, and hold the figures against what is promised."""
    seconds = int(os.environ.get("LOAD_SECONDS", "0")) or (SHORT_SECONDS if bench.short else SECONDS)
    row, figures = Row(LOAD), Figures()
    start = time.monotonic()
    with bench.machines.postgres.durable(), bench.stack(**AS_IT_IS) as stack:
        traffic = Traffic(stack)
        for call in [*(traffic.job(50) for _ in range(3)), *(next(traffic.api()) for _ in range(10))]:
            ask(stack, traffic, call, time.monotonic())
        drive(stack, traffic, min(WARM_UP_SECONDS, seconds))
        bench.say(f"{row.fault}: begins")
        with watching(stack, figures):
            figures.answers = drive(stack, traffic, seconds)
            done = stack.settle(30)
        row.times, row.counts = len(figures.answers), oracle.judge(stack)
    row.counts.findings += [] if done else ["not all was done 30 s after the last call"]
    row.counts.findings += broken_promises(figures, short=bench.short)
    row.note, row.took = f"{seconds} s, {in_words(figures)}", time.monotonic() - start
    bench.say(f"{row.fault}: {row.counts.harm or 'all as promised'}. {row.note}")
    return row


def broken_promises(figures: Figures, *, short: bool) -> list[str]:
    """Say what is not as promised. A short run is no measurement: of it only answers are judged."""
    bad = {status: count for status, count in figures.statuses().items() if status == 0 or status >= 500}
    broken = [f"answered {status or 'not at all'}: {count}" for status, count in bad.items()]
    if short:
        return broken
    measured = (
        ("p95", figures.slowest(0.95), LONGEST_P95, "s"),
        ("event lag p99", quantile(figures.lags, 0.99), LONGEST_LAG_P99, "s"),
        *((f"{node}'s memory grew", figures.growth(node), MOST_GROWTH, "") for node in figures.memory),
    )
    return broken + [
        f"{what} {is_:.2f} {unit}, over {most}" for what, is_, most, unit in measured if is_ > most
    ]


def in_words(figures: Figures) -> str:
    """Write the figures as one paragraph."""
    names = sorted({each.name for each in figures.answers})
    each = ", ".join(f"{name} {figures.slowest(0.95, name) * 1000:.0f}" for name in names)
    memory = "; ".join(
        f"{node} {sizes[0][1]:.0f} MB at first, {sizes[-1][1]:.0f} at last, last quarter {figures.growth(node):+.1%}"
        for node, sizes in figures.memory.items()
    )
    statuses = ", ".join(
        f"{count} × {status or 'none'}" for status, count in sorted(figures.statuses().items())
    )
    return (
        f"{len(figures.answers)} calls ({statuses}): p50 {figures.slowest(0.5) * 1000:.0f} ms, "
        f"p95 {figures.slowest(0.95) * 1000:.0f} ms, p99 {figures.slowest(0.99) * 1000:.0f} ms, "
        f"slowest {figures.slowest(1) * 1000:.0f} ms; p95 in ms of each: {each}. "
        f"{len(figures.lags)} events: lag p50 {quantile(figures.lags, 0.5):.2f} s, "
        f"p99 {quantile(figures.lags, 0.99):.2f} s, worst {quantile(figures.lags, 1):.2f} s. Memory: {memory}."
    )


def flood(bench: Bench) -> Row:
    """Let hundreds call at once, each again as soon as it is answered: all wait their turn, and nothing is lost."""
    seconds = SHORT_FLOOD_SECONDS if bench.short else FLOOD_SECONDS
    callers = FLOOD_CALLERS // (6 if bench.short else 1)
    row, figures = Row(FLOOD), Figures()
    start = time.monotonic()
    with bench.machines.postgres.durable(), bench.stack(**AS_IT_IS) as stack:
        traffic = Traffic(stack)
        end = time.monotonic() + seconds

        def insist(number: int) -> None:
            stream = traffic.api() if number % 4 == 0 else traffic.webhooks()
            while time.monotonic() < end:
                call = next(stream) if number % 4 == 0 else traffic.job(5)
                figures.answers.append(ask(stack, traffic, call, time.monotonic()))

        with watching(stack, figures), ThreadPoolExecutor(callers) as pool:
            for done in [pool.submit(insist, number) for number in range(callers)]:
                done.result()
        settled = stack.settle(120)
        row.times, row.counts = len(figures.answers), oracle.judge(stack)
    row.counts.findings += [] if settled else ["not all was done two minutes after the flood"]
    row.counts.findings += broken_promises(figures, short=True)
    row.note, row.took = f"{callers} at once, {seconds} s, {in_words(figures)}", time.monotonic() - start
    bench.say(f"{row.fault}: {row.counts.harm or 'each was answered'}. {row.note}")
    return row


FAULTS = (Fault(LOAD, load, alone=True), Fault(FLOOD, flood, alone=True))
