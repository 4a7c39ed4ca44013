"""A network of machines in namespaces: a PostgreSQL, three RabbitMQs as a cluster, and room for the product's nodes."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests import throwaway
from tests.aetos.processes import wait_for

BRIDGE, NET = "aetosbench", "10.77.0"
GATE = f"{NET}.1"
BROKERS = {f"aetosmq{number}": f"{NET}.{20 + number}" for number in (1, 2, 3)}
NODES = {f"aetosnode{number}": f"{NET}.{30 + number}" for number in (1, 2)}
RABBIT_USER = "aetos"


def ip(*arguments: str) -> None:
    """Run `ip`, and fail as it does."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def network() -> Iterator[None]:
    """Hold the bridge and a namespace for each machine, for as long as the block runs."""
    try:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{GATE}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number, (name, address) in enumerate({**BROKERS, **NODES}.items()):
            ip("netns", "add", name)
            ip("link", "add", f"av{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"av{number}", "master", BRIDGE, "up")
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", name, "link", "set", device, "up")
        yield
    finally:
        for name in (*BROKERS, *NODES):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", BRIDGE], check=False, capture_output=True)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Hold a PostgreSQL with its own durability at the bridge; give its URL."""
    initdb = throwaway.find_program("initdb", *throwaway.POSTGRES_FOLDERS)
    if initdb is None:
        raise SystemExit("PostgreSQL is not installed (initdb was not found).")
    cluster = folder / "cluster"
    pg_ctl = [str(initdb.with_name("pg_ctl")), "-D", str(cluster), "-w"]
    throwaway.run([str(initdb), "-D", str(cluster), "-U", "postgres", "-A", "trust", "-E", "UTF8"], folder)
    with (cluster / "pg_hba.conf").open("a") as allowed:
        allowed.write(f"host all all {NET}.0/24 trust\n")
    options = f"-c listen_addresses={GATE} -c unix_socket_directories= -c max_connections=200"
    throwaway.run([*pg_ctl, "-l", str(folder / "log"), "-o", options, "start"], folder)
    try:
        yield f"postgresql://postgres@{GATE}:5432"
    finally:
        throwaway.run([*pg_ctl, "-m", "immediate", "stop"], folder)


@contextmanager
def brokers(folder: Path) -> Iterator[str]:
    """Hold a RabbitMQ cluster of three; give its URL, which names all three."""
    server = throwaway.find_program("rabbitmq-server", *throwaway.RABBITMQ_FOLDERS)
    if server is None:
        raise SystemExit("RabbitMQ is not installed (rabbitmq-server was not found).")
    started = []
    try:
        for name, address in BROKERS.items():
            started.append(_broker(server, folder / name, name, address))
        url = ";".join(f"amqp://{RABBIT_USER}:{RABBIT_USER}@{address}:5672//" for address in BROKERS.values())
        wait_for(lambda: _clustered(server, folder), "a cluster of three", seconds=120)
        yield url
    finally:
        for process in started:
            end(process, signal.SIGKILL)
        for name in BROKERS:  # each namespace has the port mapper that its node has started
            found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
            for pid in found.stdout.split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def _broker(server: Path, home: Path, name: str, address: str) -> subprocess.Popen[bytes]:
    """Start one member of the cluster in its namespace."""
    home.mkdir()
    cookie = home / ".erlang.cookie"
    cookie.write_text("aetosbench")
    cookie.chmod(0o400)
    lines = [
        f"listeners.tcp.1 = {address}:5672",
        "loopback_users = none",
        f"default_user = {RABBIT_USER}",
        f"default_pass = {RABBIT_USER}",
        "cluster_formation.peer_discovery_backend = classic_config",
        *(f"cluster_formation.classic_config.nodes.{at[-1]} = rabbit@{at}" for at in BROKERS.values()),
    ]
    (home / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
    given = os.environ | {
        "HOME": str(home),
        "RABBITMQ_NODENAME": f"rabbit@{address}",
        "RABBITMQ_USE_LONGNAME": "true",
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": str(home / "none"),  # the machine's own may keep it to the loopback
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
    }
    command = ["ip", "netns", "exec", name, str(server)]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=home, env=given, stdout=log, stderr=log, start_new_session=True)


def _clustered(server: Path, folder: Path) -> bool:
    """Say whether each of the three sees the other two."""
    name, address = next(iter(BROKERS.items()))
    given = os.environ | {"HOME": str(folder / name), "RABBITMQ_USE_LONGNAME": "true"}
    given["RABBITMQ_CONF_ENV_FILE"] = str(folder / "none")
    command = [
        "ip",
        "netns",
        "exec",
        name,
        str(server.with_name("rabbitmqctl")),
        "--longnames",
        "-n",
        f"rabbit@{address}",
    ]
    done = subprocess.run(
        [*command, "cluster_status"], env=given, capture_output=True, text=True, check=False
    )
    running = done.stdout.partition("Running Nodes")[2].partition("Versions")[0]
    return all(f"rabbit@{each}" in running for each in BROKERS.values())


def end(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal a process group that we have started, and wait for its end."""
    if process.poll() is None:
        os.killpg(process.pid, number)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
