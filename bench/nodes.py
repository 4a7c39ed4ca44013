"""`python -m bench.nodes`: one node of the product and two, each in a network namespace of its own.

Against one PostgreSQL and a RabbitMQ cluster of three nodes, likewise in
namespaces, joined by a bridge. Each node of the product has a web server, a
worker and a beat, as the Procfile starts them. The same callers call one node,
then both, by turns; then a node of the product is killed under load. In the end
every event must have reached a consumer's queue once or more, and the product's
own audit must find nothing. Needs root, iproute2 and the servers' programs, and
leaves nothing behind. The figures go into docs/performance.md.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import django
import psycopg
import requests
from kombu import Connection, Exchange, Queue

from bench import databases, table
from bench.cluster import NODES, brokers, end, network, postgres
from bench.databases import ROOT
from bench.serving import CALLERS, PAGE, Caller, together
from tests import throwaway
from tests.aetos.processes import environment, line_of, wait_for

SIZE, ROUNDS, SECONDS = 10_000, 4, 8.0
PORT = 8000


class Node:
    """A machine of the product: web, worker and beat in one namespace."""

    def __init__(self, name: str, folder: Path, **given: str) -> None:
        self.name, self.address = name, NODES[name]
        self.url = f"http://{self.address}:{PORT}"
        self._folder, self._given = folder / name, given
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start its three processes; return when it answers."""
        self._folder.mkdir(exist_ok=True)
        for kind in ("web", "worker", "beat"):
            given = environment(self._folder, PORT=str(PORT), WEB_WORKERS="2", **self._given)
            command = ["ip", "netns", "exec", self.name, "sh", "-c", f"exec {line_of(kind)}"]
            with (self._folder / kind).open("ab") as log:
                self._processes.append(
                    subprocess.Popen(
                        command, cwd=ROOT, env=given, stdout=log, stderr=log, start_new_session=True
                    )
                )
        wait_for(self._answers, f"the start of {self.name}", seconds=60)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End its processes."""
        while self._processes:
            end(self._processes.pop(), number)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health/live", timeout=2).status_code == 200
        except requests.RequestException:
            return False


def call(nodes: list[Node], work: "Work", seconds: float) -> tuple[float, int]:
    """Let the callers, shared out to the nodes, call for so long; return calls a second, and how many failed."""
    callers = [
        Caller(f"{nodes[number % len(nodes)].address}:{PORT}", work.token, work.fresh, work.known[number:])
        for number in range(CALLERS)
    ]
    together(callers, seconds)
    return sum(len(caller.seconds) for caller in callers) / seconds, sum(caller.failed for caller in callers)


class Work:
    """What the callers call about."""

    def __init__(self, url: str, token: str) -> None:
        query = "SELECT id FROM listings_productlisting {} ORDER BY created_at DESC LIMIT 9000"
        with psycopg.connect(url) as connection:
            found = connection.execute(query.format("WHERE state = 'FOUND'").encode()).fetchall()
            known = connection.execute(query.format("WHERE state <> 'FOUND'").encode()).fetchall()
        self.fresh: Iterator[uuid.UUID] = iter([key for (key,) in found])
        self.known, self.token = [key for (key,) in known], token


def prove(url: str, broker: str, nodes: list[Node], folder: Path) -> list[str]:
    """Call one node and both by turns, and see that nothing is lost; return the lines for the page."""
    from bench.transition import token

    work = Work(url, token())
    queue = Queue(
        "bench", Exchange("orchestrator.events", "topic"), "#", queue_arguments={"x-queue-type": "quorum"}
    )
    for node in nodes:
        node.start()
    with Connection(broker) as connection:
        queue(connection).declare()
    rates: dict[int, list[float]] = {1: [], 2: []}
    failed = 0
    for _ in range(ROUNDS):
        for count, into in rates.items():
            rate, wrong = call(nodes[:count], work, SECONDS)
            into.append(rate)
            failed += wrong
        print(f"  one {rates[1][-1]:.0f}, two {rates[2][-1]:.0f} calls/s", flush=True)
    killed, seconds_late, doubled = lose_one(url, broker, nodes, work)
    audit = subprocess.run(
        [sys.executable, "manage.py", "audit"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    one, two = (statistics.median(rates[count]) for count in (1, 2))
    return [
        "| | one node | two nodes | ratio | failed |",
        "|---|---|---|---|---|",
        f"| calls a second, {CALLERS} callers | {one:.0f} | {two:.0f} | {two / one:.2f} | {failed} |",
        "",
        f"Then node 2 was killed (SIGKILL) while node 1 was called, at {killed:.0f} calls/s. Every event was in the "
        f"consumer's quorum queue {seconds_late:.1f} s after the last call, {doubled} of them twice; the audit: "
        f"{'nothing found' if audit.returncode == 0 else audit.stdout.strip()[-300:]}.",
    ]


def lose_one(url: str, broker: str, nodes: list[Node], work: Work) -> tuple[float, float, int]:
    """Kill the second node under load; return the other's rate, how late the last event was, how many came twice."""
    timer = threading.Timer(SECONDS / 3, nodes[1].end, (signal.SIGKILL,))
    timer.start()
    rate, _ = call(nodes[:1], work, SECONDS)
    timer.join()
    began = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection, Connection(broker) as line:
        channel: Any = line.default_channel
        query = (
            "SELECT event_id::text FROM integrations_outboxmessage WHERE channel = 'events' AND created_at >= %s "
            "ORDER BY id"
        )
        since = connection.execute(
            "SELECT min(received_at) FROM integrations_inboxmessage WHERE request_id <> ''"
        ).fetchone()
        expected = {event for (event,) in connection.execute(query, since).fetchall()}
        got: list[str] = []

        def all_there() -> bool:
            while message := channel.basic_get("bench", no_ack=True):
                got.append(str(message.properties["message_id"]))
            return expected <= set(got)

        wait_for(all_there, f"{len(expected)} events", seconds=120)
    return rate, time.monotonic() - began, len(got) - len(set(got))


def main() -> int:
    """Build it all, prove, take it away; print the lines and put them into the page."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        print("This needs root, for network namespaces, and iproute2.")
        return 2
    with ExitStack() as stack:
        stack.enter_context(network())
        folder = stack.enter_context(throwaway.own_folder())
        folder.chmod(0o755)
        server = stack.enter_context(postgres(folder))
        broker = stack.enter_context(brokers(folder))
        url = databases.url(f"{server}/aetos_nodes", SIZE)
        os.environ.update(databases.environment(url, folder / "data", broker))
        (folder / "data").mkdir()
        django.setup()
        databases.ready(f"{server}/aetos_nodes", SIZE)
        given: dict[str, Any] = {"DATABASE_URL": url, "RABBITMQ_URL": broker}
        given["ALLOWED_HOSTS"] = ",".join(["localhost", *NODES.values()])
        nodes = [Node(name, folder, **given) for name in NODES]
        for node in nodes:
            stack.callback(node.end)
        lines = prove(url, broker, nodes, folder)
    print("\n".join(lines))
    table.put(PAGE, "nodes", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
