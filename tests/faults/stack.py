"""One whole product in a temporary folder: several webs, workers and beats, its partners, and a stranger's queue."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pika
import psycopg
import requests

from integrations.simulators import Simulators
from integrations.simulators.faults import Fault
from integrations.simulators.keys import Keys
from tests.aetos.processes import ROOT, free_port
from tests.faults import children
from tests.faults.machines import Machines, until

QUEUE, EXCHANGE = "faults-consumer", "orchestrator.events"
CHAT = "-1001234567890"
START_SECONDS = 60.0
PARTNERS_TIME = 600.0  # an hour of the partners' life is six seconds
STAFF = "harness"
_numbers = itertools.count(1)
_items = itertools.count(700_000_000)


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


class Stack:
    """The product, running. Everything that it is asked through these methods is remembered for the oracle.

    Args:
        machines: the servers.
        lane: which of the broker's virtual hosts is this stack's.
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
        lane: int = 0,
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
        self.machines, self.token, self.broker_url = machines, token, machines.rabbit.url(lane)
        self.nodes = {"web": webs, "worker": workers, "beat": beats}
        self._web_workers, self._telegram, self._changes = web_workers, telegram, changes
        self._patches = [*twins, *filter(None, [without])]
        self.is_twin, self.count_calls = bool(without), count_calls
        self.keys = Keys.drawn()
        self.ports = [free_port() for _ in range(webs)]
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports]
        self.patience = 4.0 if without else 30.0
        self.told: list[int] = []
        self.to_cancel: list[str] = []
        self.talking: list[str] = []
        self.sightings = 0
        self._messages: list[str] = []
        self._cleanup = ExitStack()
        self._connection: psycopg.Connection[Any] | None = None
        self._turn = itertools.count()

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

    def bind(self, *, on: bool = True) -> None:
        """Bind the stranger's queue to every event, or take its binding away."""
        with pika.BlockingConnection(pika.URLParameters(self.broker_url)) as connection:
            channel = connection.channel()
            channel.exchange_declare(EXCHANGE, "topic", durable=True)
            channel.queue_declare(QUEUE, durable=True)
            (channel.queue_bind if on else channel.queue_unbind)(QUEUE, EXCHANGE, "#")

    def received(self) -> list[str]:
        """Return the ids of all events that have come, in order, repeats among them."""
        with pika.BlockingConnection(pika.URLParameters(self.broker_url)) as connection:
            channel = connection.channel()
            while True:
                method, properties, _ = channel.basic_get(QUEUE, auto_ack=True)
                if method is None or properties is None:
                    return list(self._messages)
                self._messages.append(str(properties.message_id))

    # ---- the database ---------------------------------------------------------------------------

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, past the product. A connection that a restart has broken is made anew."""
        for attempt in range(100):
            try:
                if self._connection is None or self._connection.closed:
                    url = self.machines.postgres.url(self.database)
                    self._connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
                cursor = self._connection.execute(query.encode(), values)
                return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                if attempt == 99:
                    raise
                if self._connection is not None:
                    self._connection.close()
                time.sleep(0.1)
        raise AssertionError("unreachable")

    def number(self, query: str, *values: Any) -> int:
        """Ask for one number."""
        return int(self.sql(query, *values)[0][0])

    OPEN = """
        SELECT (SELECT count(*) FROM integrations_outboxmessage
                WHERE delivered_at IS NULL AND given_up_at IS NULL)
             + (SELECT count(*) FROM integrations_inboxmessage WHERE status = 'received')
             + (SELECT count(*) FROM scraping_scrapejob WHERE status IN ('pending', 'running'))
             + (SELECT count(*) FROM listings_productlisting WHERE deadline_at < now())
    """

    def open(self) -> int:
        """Count what is not done yet: calls and events to go out, webhooks to process, jobs to end."""
        return self.number(self.OPEN)

    def wait(self, happened: Callable[[], object], seconds: float = START_SECONDS) -> bool:
        """Wait until something is true; return whether it became so."""
        return until(happened, seconds) is not None

    def settle(self, seconds: float = 30.0) -> bool:
        """Wait until nothing is open; return whether it came to that."""
        return self.wait(lambda: not self.open(), seconds)

    # ---- what it is asked -----------------------------------------------------------------------

    def url(self) -> str:
        """Return a web's address, each in its turn."""
        return self.urls[next(self._turn) % len(self.urls)]

    def post(self, path: str, body: Any, *, key: str, url: str = "", timeout: float = 20.0) -> int:
        """Call a webhook; return the status, or 0 where no answer came."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                headers = {"X-API-Key": key}
                answer = session.post((url or self.url()) + path, json=body, headers=headers, timeout=timeout)
            except requests.RequestException:
                return 0
            return answer.status_code

    def post_job(
        self,
        count: int = 1,
        *,
        job_id: str = "",
        items: Sequence[int] = (),
        url: str = "",
        sure: bool = True,
    ) -> int:
        """Deliver a job of so many new items, as ScraperV2 does, once; return the status (0: no answer).

        Where it is not `sure` to be heard, it counts as told only if we have said that we took it.
        """
        numbers = list(items) or [self.new_item() for _ in range(count)]
        body = {
            "job_id": job_id or a_number(),
            "brands": ["Sony"],
            "matches": [a_match(number) for number in numbers],
        }
        new = [number for number in numbers if number not in self.told]
        self.told += new if sure else []
        self.sightings += len(new)
        path = "/webhooks/scraper/job-complete"
        status = self.post(path, body, key=self.keys.scraper_webhook_key, url=url)
        self.told += new if not sure and 200 <= status < 300 else []
        return status

    def api(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Call the admin API as staff.

        Raises:
            requests.RequestException: no answer came.
        """
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                self.url() + path,
                json=body,
                headers={"Authorization": f"Token {self.token}"},
                timeout=20,
                **options,
            )

    def trigger(self, brand: str = "Sony") -> str:
        """Have staff start a scrape; return our id of it."""
        body = {"brand": brand, "search": f"{brand} cameras"}
        answer = self.api("POST", "/admin/scrape/trigger", body)
        answer.raise_for_status()
        return str(answer.json()["job_id"])

    def move(self, listing_id: str, to_state: str, **told: Any) -> int:
        """Have staff take an arrow; return the status."""
        return self.api(
            "POST", f"/admin/listings/{listing_id}/transition", {"to_state": to_state, **told}
        ).status_code

    def new_item(self) -> int:
        """Return the number of an item that nobody has seen yet."""
        return next(_items)

    def found(self, count: int = 1) -> list[str]:
        """Return the ids of so many new listings, found by one job and waited for."""
        items = [self.new_item() for _ in range(count)]
        self.post_job(items=items)
        urls = [f"https://www.facebook.com/marketplace/item/{item}/" for item in items]
        query = "SELECT id::text FROM listings_productlisting WHERE marketplace_url = ANY(%s) ORDER BY id"
        self.wait(lambda: len(self.sql(query, urls)) == count, 20)
        return [str(row[0]) for row in self.sql(query, urls)]

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


def a_number() -> str:
    """Return a job's id."""
    return str(uuid.uuid4())


def a_match(item: int) -> dict[str, Any]:
    """Return a match as ScraperV2 sends it, of the item with that number."""
    return {
        "listing": {
            "url": f"https://www.facebook.com/marketplace/item/{item}/?ref=search&tracking=abc%3A{item}",
            "title": f"Sony A6400 no. {item}",
            "price": 400.0,
            "location": "Edinburgh",
        },
        "product": {"id": 230, "brand": "Sony", "model": "a6400", "full_name": "Sony a6400"},
        "confidence": 95.0,
        "reasons": ["Exact model match: 'a6400'"],
        "potential_profit": 100.0,
    }


def answers(url: str) -> bool:
    """Say whether a web serves."""
    try:
        return requests.get(f"{url}/health/live", timeout=2).status_code == 200
    except requests.RequestException:
        return False
