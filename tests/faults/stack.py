"""One whole product in a temporary folder: several webs, workers and beats, its partners, and a stranger's queue."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Self

import pika
import psycopg
import requests

from integrations.simulators import Simulators
from integrations.simulators.faults import Fault
from integrations.simulators.keys import Keys
from tests import throwaway
from tests.aetos.processes import ROOT
from tests.faults import children, pace
from tests.faults.asked import Asked, a_match
from tests.faults.machines import Machines, until
from tests.faults.watched import EXCHANGE, QUEUE, START_SECONDS

__all__ = ["EXCHANGE", "Stack", "a_match", "make_template"]
CHAT = "-1001234567890"
PARTNERS_TIME = 600.0  # an hour of the partners' life is six seconds
STAFF = "harness"
_numbers = itertools.count(1)


def make_template(machines: Machines, folder: Path) -> str:
    """Migrate a database that every stack's is a copy of; return the token of its member of staff."""
    machines.postgres.admin('CREATE DATABASE "template_faults"')
    environment = children.environment(
        folder, DATABASE_URL=machines.postgres.url("template_faults"), RABBITMQ_URL="", DATA_DIR=str(folder)
    )
    script = (
        "from django.contrib.auth.models import User;"
        "from rest_framework.authtoken.models import Token;"
        f"user = User.objects.create_superuser({STAFF!r});"
        "print('token', Token.objects.create(user=user).key)"
    )
    said = ""
    for command in (["migrate", "--verbosity", "0"], ["shell", "--verbosity", "0", "-c", script]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {command[0]}: {done.stderr[-2000:]}")
        said = done.stdout
    return said.rpartition("token ")[2].strip()


class Stack(Asked):
    """The product, running. Everything that it is asked through these methods is remembered for the oracle.

    Args:
        machines: the servers.
        token: of `make_template`.
        webs, workers, beats: how many nodes of each; every one is a process group of its own.
        web_workers: gunicorn's processes in each web.
        twins: patches of `twins` that the scenario needs, in the product as it is, too.
        without: the protection to take away, by its twin's name.
        telegram: whether the product has a Telegram chat.
        count_calls: whether even a call that the partner recognises is one too many.
        **changes: more of the environment; a name with `WEB0__` (a node's) before it is for that node only.
    """

    def __init__(
        self,
        machines: Machines,
        token: str,
        *,
        webs: int = 1,
        workers: int = 1,
        beats: int = 1,
        web_workers: int = 1,
        twins: Sequence[str] = (),
        without: str = "",
        telegram: bool = False,
        count_calls: bool = False,
        **changes: str,
    ) -> None:
        super().__init__()
        self.machines, self.token, self.broker_url = machines, token, machines.rabbit.url
        self.nodes = {"web": webs, "worker": workers, "beat": beats}
        self._web_workers, self._telegram, self._changes = web_workers, telegram, changes
        self._patches = [*twins, *filter(None, [without])]
        self.is_twin, self.count_calls = bool(without), count_calls
        self.keys = Keys.drawn()
        self.ports = [throwaway.free_port() for _ in range(webs)]
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports]
        self._lease = pace.lease_seconds()
        self.patience = 2.0 + self._lease if without else 20.0 + 8 * self._lease
        self.told: list[int] = []
        self.sightings = 0
        self._cleanup = ExitStack()

    # ---- its life -------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        with self._cleanup as started:
            self.folder = Path(tempfile.mkdtemp(prefix="aetos-faults-"))
            started.callback(shutil.rmtree, self.folder, ignore_errors=True)
            (self.folder / "armed").mkdir()
            self.database = f"faults_{os.getpid()}_{next(_numbers)}"
            self.machines.postgres.admin(f'CREATE DATABASE "{self.database}" TEMPLATE "template_faults"')
            started.callback(self._drop)
            self._fresh_broker()
            self.sims = started.enter_context(
                Simulators(self.urls[0] if self.urls else "", self.keys, PARTNERS_TIME)
            )
            self.sims.chatterbot.faults.switch(Fault(outcome="silent"))
            self.sims.ebaylister.faults.switch(Fault(outcome="unsold"))
            # It takes leads and writes to nobody: what it calls about, a scenario says.
            vars(self.sims.chatterbot.messenger)["_queue"] = lambda talk: None
            self.supervisor = children.Supervisor()
            started.callback(self.supervisor.close)
            for kind, count in self.nodes.items():
                for number in range(count):
                    self.start(kind, number)
            self._wait_for_start()
            self._cleanup = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def start(self, kind: str, number: int) -> None:
        """Start one more node."""
        name = f"{kind}{number}"
        own = {
            key.removeprefix(f"{name.upper()}__"): value
            for key, value in self._changes.items()
            if key.startswith(f"{name.upper()}__")
        }
        if kind == "web":
            own |= {"PORT": str(self.ports[number]), "WEB_WORKERS": str(self._web_workers)}
        if kind == "beat":  # each keeps its schedule in a file of its own, as on a machine of its own
            own["DATA_DIR"] = str(self.folder / name)
        self.supervisor.add(children.Child(name, kind, self.environment(**own), self.folder))

    def node(self, name: str) -> children.Child:
        """Return a node by its name: `web0`, `worker1`, `beat0`."""
        return next(child for child in self.supervisor.children if child.name == name)

    def said(self, text: str) -> int:
        """Count how often the nodes have logged a text."""
        return sum(child.output.count(text) for child in self.supervisor.children)

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the environment of a process of this stack."""
        keys = {each.name.upper(): getattr(self.keys, each.name) for each in fields(self.keys)}
        if not self._telegram:
            keys |= {"TELEGRAM_BOT_TOKEN": "", "TELEGRAM_WEBHOOK_SECRET": ""}
        common = {key: value for key, value in self._changes.items() if "__" not in key}
        ours = {
            "DATABASE_URL": self.machines.postgres.url(self.database),
            "RABBITMQ_URL": self.broker_url,
            "DATA_DIR": str(self.folder / "data"),
            "SCRAPER_API_URL": self.sims.url("scraperv2"),
            "CHATTERBOT_API_URL": self.sims.url("chatterbot"),
            "EBAY_API_URL": self.sims.url("ebaylister"),
            "TELEGRAM_API_URL": self.sims.url("telegram"),
            "TELEGRAM_CHAT_ID": CHAT if self._telegram else "",
            "FAULTS_LEASE": str(self._lease),
            "FAULTS_SCRAPE_SECONDS": str(self._lease),
            "FAULTS_TWINS": ",".join(self._patches),
        }
        return children.environment(self.folder, **{**keys, **ours, **common, **changes})

    def _wait_for_start(self) -> None:
        for url in self.urls:
            if until(lambda url=url: answers(url), START_SECONDS, every=0.1) is None:
                raise RuntimeError(f"web did not start: {self.node('web0').output[-2000:]}")
        beating = "SELECT count(*) FROM integrations_pulse"
        patience = self.patience if self.is_twin else START_SECONDS
        if not (self.nodes["worker"] and self.nodes["beat"]):
            return
        if not self.wait(lambda: self.number(beating), patience) and not self.is_twin:
            raise RuntimeError(f"worker and beat did not start: {self.node('worker0').output[-2000:]}")

    def _drop(self) -> None:
        if self._connection:
            self._connection.close()
        with suppress(psycopg.Error):
            self.machines.postgres.admin(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')

    # ---- the broker -----------------------------------------------------------------------------

    def _fresh_broker(self) -> None:
        """Leave nothing of an earlier stack at the broker, and bind a stranger's queue."""
        channels = ("events", "scraperv2", "chatterbot", "ebaylister", "telegram", "telegram-files")
        for name in ("aetos", *(f"aetos.{channel}" for channel in channels), QUEUE):
            with pika.BlockingConnection(pika.URLParameters(self.broker_url)) as connection:
                connection.channel().queue_delete(name)
        self.bind()

    # ---- its fault points -----------------------------------------------------------------------

    def arm(self, point: str, times: int = 1) -> None:
        """Let the next so many processes that pass the point die there."""
        for _ in range(times):
            (self.folder / "armed" / f"{point}.{next(_numbers)}").touch()

    def armed(self) -> int:
        """Return how many are still to die."""
        return sum(1 for _ in (self.folder / "armed").iterdir())

    def disarm(self) -> None:
        """Let nobody die any more."""
        for armed in (self.folder / "armed").iterdir():
            armed.unlink(missing_ok=True)

    def held(self) -> bool:
        """Say whether a process waits at a point that holds."""
        return (self.folder / "held").exists()

    def release(self) -> None:
        """Let it go on."""
        (self.folder / "held").unlink(missing_ok=True)

    def deaths(self) -> list[float]:
        """Return when processes died at their points, oldest first (seconds of the wall clock)."""
        path = self.folder / "deaths"
        return [float(line.split()[2]) for line in path.read_text().splitlines()] if path.exists() else []

    def end(self, name: str, number: int = signal.SIGKILL) -> None:
        """End a node for good, until `revive`."""
        self.node(name).end(number)

    def revive(self, name: str) -> None:
        """Let the supervisor start a node again that was ended."""
        self.node(name).again()


def answers(url: str) -> bool:
    """Say whether a web serves."""
    try:
        return requests.get(f"{url}/health/live", timeout=2).status_code == 200
    except requests.RequestException:
        return False
