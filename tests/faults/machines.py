"""PostgreSQL and RabbitMQ as the harness needs them: its own, on fixed ports, to be broken and started again."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pika
import psycopg

from tests import throwaway

WAIT_SECONDS = 180.0
ENDED = threading.Event()  # by Ctrl-C: whoever waits gives up


class Ended(Exception):
    """The run was ended while something was waited for."""


class NotThere(Exception):
    """The programs of a server are not installed."""


# What commits without waiting for the disk is not saved by luck: nothing is written meanwhile.
FORGETFUL = (
    f"-c wal_writer_delay=10s -c wal_writer_flush_after=1GB -c wal_buffers=64MB -c bgwriter_lru_maxpages=0 "
    f"-c autovacuum=off {throwaway.FORGETFUL}"
)
WRITER_DIES_SECONDS = 0.7


class Postgres:
    """A cluster that can be restarted as after a crash. What it committed is on its disk when it says so."""

    def __init__(self, folder: Path) -> None:
        initdb = throwaway.find_program("initdb", *throwaway.POSTGRES_FOLDERS)
        if initdb is None:
            raise NotThere("PostgreSQL is not installed (initdb was not found).")
        self._folder, self._cluster = folder, folder / "cluster"
        self.port = throwaway.free_port()
        self._pg_ctl = [str(initdb.with_name("pg_ctl")), "-D", str(self._cluster), "-w", "-t", "60"]
        command = [str(initdb), "-D", str(self._cluster), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        throwaway.run([*command, "--no-sync"], folder)
        self._ways = FORGETFUL
        self.start()

    def url(self, database: str = "postgres") -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it; return when it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= "
            f"-c max_connections=300 {self._ways}"
        )
        throwaway.run([*self._pg_ctl, "-l", str(self._folder / "log"), "-o", options, "start"], self._folder)

    @contextmanager
    def durable(self) -> Iterator[None]:
        """Have it wait for its disk, as everybody's does: for what is measured. It is started anew for it."""
        self._restart("")
        try:
            yield
        finally:
            self._restart(FORGETFUL)

    def _restart(self, ways: str) -> None:
        self.crash()
        self._ways = ways
        self.start()

    @contextmanager
    def about_to_crash(self) -> Iterator[None]:
        """Keep what nobody waits for from its disk until it has crashed: its writer sleeps, so luck saves nothing."""
        with psycopg.connect(self.url()) as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
            (writer,) = found.fetchone() or (0,)
        os.kill(writer, signal.SIGSTOP)
        try:
            yield
        finally:
            waking = threading.Timer(WRITER_DIES_SECONDS, os.kill, (writer, signal.SIGCONT))
            waking.start()  # it has been told to end by then, and does so as it wakes
            self.crash()
            waking.cancel()

    def crash(self) -> None:
        """Stop it as a power cut does: no checkpoint, no goodbye to clients."""
        throwaway.run([*self._pg_ctl, "-m", "immediate", "stop"], self._folder)

    def admin(self, statement: str) -> None:
        """Run one statement outside a transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def end(self) -> None:
        """Stop it for good."""
        if (self._cluster / "postmaster.pid").exists():
            self.crash()


class Rabbit:
    """A broker that can be stopped, killed, starved of disk, and started again with what it kept."""

    def __init__(self, folder: Path) -> None:
        server = throwaway.find_program("rabbitmq-server", *throwaway.RABBITMQ_FOLDERS)
        if server is None:
            raise NotThere("RabbitMQ is not installed (rabbitmq-server was not found).")
        self._server, self._folder = server, folder
        self.port = throwaway.free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        self._environment = throwaway.broker_environment(folder, self.port)
        self._environment["RABBITMQ_DIST_PORT"] = str(throwaway.free_port())
        self._environment["RABBITMQ_NODENAME"] = f"aetos_faults_{self.port}@localhost"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self, *, wait: bool = True) -> None:
        """Start it on what it kept; return when it lets us in."""
        with (self._folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                [str(self._server)],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **throwaway.as_nobody_special(self._folder, self._environment),
            )
        if wait and not throwaway.wait_for(self.answers, WAIT_SECONDS):
            raise RuntimeError(f"RabbitMQ did not start: {throwaway.tail(self._folder / 'log')}")

    def answers(self) -> bool:
        """Say whether it lets us in."""
        try:
            parameters = pika.URLParameters(f"{self.url}?socket_timeout=2&blocked_connection_timeout=2")
            pika.BlockingConnection(parameters).close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        return True

    def kill(self) -> None:
        """End it by SIGKILL, with all that it is doing."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it hang: connected, and deaf."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGSTOP)

    def stop(self) -> None:
        """End it in order, as an operator does."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        os.killpg(self._process.pid, number)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def disk_alarm(self, on: bool) -> None:
        """Let it believe that its disk is full: then it takes nothing from publishers."""
        self.control("set_disk_free_limit", "900000000000000" if on else "1000000")

    def control(self, *arguments: str) -> None:
        """Run `rabbitmqctl` on it."""
        program = shutil.which("rabbitmqctl", path=f"{self._server.parent}:{os.environ.get('PATH', '')}")
        # Debian's wrapper wants root or its own user; the program behind it wants only our cookie.
        real = self._server.with_name("rabbitmqctl")
        command = [str(real if real.exists() else program), "--quiet", *arguments]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=240,
            **throwaway.as_nobody_special(self._folder, self._environment),
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {arguments[0]}: {done.stderr or done.stdout}")

    def end(self) -> None:
        """Stop it for good."""
        self.kill()


@contextmanager
def port_mapper() -> Iterator[None]:
    """Leave no Erlang port mapper behind that was not there before."""
    was_there = throwaway.listens(4369)
    try:
        yield
    finally:
        if not was_there:
            throwaway.stop_epmd()


class Machines:
    """Both servers, for as long as the harness runs. Every stack has a database of its own in them."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as started:
            self.postgres = Postgres(started.enter_context(throwaway.own_folder()))
            started.callback(self.postgres.end)
            self.rabbit = Rabbit(started.enter_context(throwaway.own_folder()))
            started.callback(self.rabbit.end)
            self._stack = started.pop_all()
        return self

    def mend(self) -> None:
        """Bring the broker back to its senses: an alarm, a hang or an outage that was not ended."""
        self.rabbit.kill()
        self.rabbit.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def until(happened: Callable[[], object], seconds: float, *, every: float = 0.05) -> float | None:
    """Wait until a callable says yes; return how long that took, in seconds, or None where it did not.

    Raises:
        Ended: the run is over.
    """
    start = time.monotonic()
    while not happened():
        if time.monotonic() - start > seconds:
            return None
        if ENDED.wait(every):
            raise Ended
    return time.monotonic() - start
