"""A PostgreSQL and a RabbitMQ of our own, from the machine's binaries, gone when the run is over."""

import glob
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

POSTGRES_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
# Debian's wrapper in sbin insists on its own user and log; the program behind it does not.
RABBITMQ_FOLDERS = ("/usr/lib/rabbitmq/bin", "/opt/homebrew/opt/rabbitmq/sbin")
START_SECONDS = 90
STOP_SECONDS = 30
# It may lose everything when the machine stops: that is what makes it fast.
FORGETFUL = "-c fsync=off -c full_page_writes=off"


@contextmanager
def postgres() -> Iterator[str | None]:
    """Start a cluster on a free port and give its URL, or None where there are no binaries."""
    initdb = find_program("initdb", *POSTGRES_FOLDERS)
    if initdb is None:
        yield None
        return
    with own_folder() as folder:
        port, cluster, log = free_port(), folder / "cluster", folder / "log"
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= {FORGETFUL}"
        pg_ctl = [str(initdb.with_name("pg_ctl")), "-D", str(cluster), "-w", "-t", str(START_SECONDS)]
        try:
            run(
                [str(initdb), "-D", str(cluster), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
                folder,
            )
            run([*pg_ctl, "-l", str(log), "-o", options, "start"], folder)
        except subprocess.SubprocessError as error:
            print(f"PostgreSQL did not start: {error} {tail(log)}")
            yield None
            return
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run([*pg_ctl, "-m", "immediate", "stop"], folder)


@contextmanager
def rabbitmq(can_log_in: Callable[[str], bool]) -> Iterator[str | None]:
    """Start a broker on a free port and give its URL, or None where there are no binaries."""
    server = find_program("rabbitmq-server", *RABBITMQ_FOLDERS)
    if server is None:
        yield None
        return
    with own_folder() as folder:
        port, log = free_port(), folder / "log"
        epmd_before = listens(4369)
        with log.open("wb") as output:
            broker = subprocess.Popen(
                [str(server)],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **as_nobody_special(folder, broker_environment(folder, port)),
            )
        try:
            url = f"amqp://guest:guest@127.0.0.1:{port}/"
            started = wait_for(lambda: broker.poll() is not None or can_log_in(url), START_SECONDS)
            if not started or broker.poll() is not None:
                print(f"RabbitMQ did not start: {tail(log)}")
                yield None
                return
            yield url
        finally:
            stop(broker)
            if not epmd_before:
                stop_epmd()


def free_port() -> int:
    """Return a port that nobody uses just now, and that the kernel gives to nobody else before our server is there."""
    for port in random.sample(range(10_000, 32_000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 10000 and 32000")


def find_program(name: str, *folders: str) -> Path | None:
    """Find a program in the folders given, newest version first, or on the PATH."""
    found = [Path(path) for folder in folders for path in glob.glob(f"{folder}/{name}")]
    found.sort(key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))], reverse=True)
    on_path = shutil.which(name)
    return found[0] if found else Path(on_path).resolve() if on_path else None


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder that belongs to whom the servers run as, and delete it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="aetos-servers-"))
    if owner := _unprivileged():
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd | None:
    """Return whom root lends its servers to, since PostgreSQL refuses root; None if we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known.get("rabbitmq") or known["nobody"]


def as_nobody_special(folder: Path, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what makes subprocess run a server in its folder, and not as root."""
    options: dict[str, Any] = {
        "cwd": folder,
        "env": {**os.environ, "HOME": str(folder), **(environment or {})},
    }
    if owner := _unprivileged():
        options |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    return options


def run(command: list[str], folder: Path) -> None:
    # To a file, not a pipe: the server inherits it, and a pipe would be waited for as long as it lives.
    with (folder / "output").open("ab") as output:
        subprocess.run(
            command,
            stdout=output,
            stderr=output,
            check=True,
            timeout=START_SECONDS + 10,
            **as_nobody_special(folder),
        )


def broker_environment(folder: Path, port: int) -> dict[str, str]:
    """Return a node that shares nothing with another on this machine: name, ports, folders, plugins."""
    (folder / "none").write_text("")
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.local = 127.0.0.1:{port}\n")
    (folder / "plugins").write_text("[].\n")
    return {
        "RABBITMQ_NODENAME": f"aetos_test_{os.getpid()}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }


def stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        if wait_for(lambda: process.poll() is not None, STOP_SECONDS):
            break
    process.wait()


def stop_epmd() -> None:
    """End Erlang's port mapper, which our broker started; it refuses while it knows another node."""
    if epmd := shutil.which("epmd"):
        subprocess.run([epmd, "-kill"], capture_output=True, timeout=STOP_SECONDS)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def tail(log: Path) -> str:
    return log.read_text(errors="replace")[-600:] if log.exists() else ""
