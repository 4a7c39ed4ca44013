"""Find PostgreSQL and RabbitMQ for the tests: named by the environment, listening already, or started here."""

import getpass
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from kombu import Connection

from tests import throwaway

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 15
POSTGRES = "127.0.0.1:5432"
RABBITMQ = "127.0.0.1:5672"


class NotUsable(Exception):
    """A server that the environment names can't be used. Guessing another would test the wrong thing."""


@dataclass(frozen=True)
class Found:
    """A server to test with, and how it was come by."""

    url: str
    how: str


def find_postgres(environment: dict[str, str], stack: ExitStack) -> Found | None:
    """Return a PostgreSQL where databases can be made; the stack ends what was started for it."""
    named = environment.get("DATABASE_URL", "")
    if named.startswith(("postgres://", "postgresql://")):
        if not can_make_databases(named):
            raise NotUsable("DATABASE_URL names a PostgreSQL that lets us in to make no database.")
        return Found(named, "named by DATABASE_URL")
    for login in ("postgres", quote(getpass.getuser()), "aetos:aetos", "postgres:postgres"):
        url = f"postgresql://{login}@{POSTGRES}/postgres"
        if can_make_databases(url):
            stack.callback(drop_databases, url, own_database())
            return Found(with_path(url, own_database()), f"listening on {POSTGRES}")
    if own := stack.enter_context(throwaway.postgres()):
        return Found(with_path(own, own_database()), "started for this run")
    return None


def find_rabbitmq(environment: dict[str, str], stack: ExitStack) -> Found | None:
    """Return a RabbitMQ that lets us in; the stack ends and deletes what was made for it."""
    if named := environment.get("RABBITMQ_URL", ""):
        if not can_log_in(named):
            raise NotUsable("RABBITMQ_URL names a RabbitMQ that does not let us in.")
        return Found(named, "named by RABBITMQ_URL")
    for user in ("guest", "aetos"):
        url = f"amqp://{user}:{user}@{RABBITMQ}/"
        if can_log_in(url):
            return Found(stack.enter_context(own_vhost(url, user)), f"listening on {RABBITMQ}")
    if own := stack.enter_context(throwaway.rabbitmq(can_log_in)):
        return Found(own, "started for this run")
    return None


def own_database() -> str:
    """Name the database that this run may call its own; Django puts `test_` before it."""
    return f"aetos_{os.getpid()}"


def with_path(url: str, path: str) -> str:
    """Take a URL, return it with another path."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def can_make_databases(url: str) -> bool:
    """Return whether that PostgreSQL really lets us in, as somebody who may make databases."""
    try:
        # The database of a named URL need not exist: Django makes its own through this one.
        with psycopg.connect(with_path(url, "postgres"), connect_timeout=PATIENCE_SECONDS) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            return bool(row and row[0])
    except psycopg.Error:
        return False


def drop_databases(url: str, name: str) -> None:
    """Drop what a run that was cut short has left behind."""
    try:
        with psycopg.connect(url, connect_timeout=PATIENCE_SECONDS, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "test_{name}" WITH (FORCE)')
    except psycopg.Error as error:
        print(f"test_{name} could not be dropped: {error}")


def can_log_in(url: str) -> bool:
    """Return whether that RabbitMQ really lets us in."""
    patience = {"connect_timeout": PATIENCE_SECONDS, "read_timeout": PATIENCE_SECONDS}
    try:
        with Connection(url, connect_timeout=PATIENCE_SECONDS, transport_options=patience) as connection:
            connection.ensure_connection(max_retries=1, timeout=PATIENCE_SECONDS)
            return True
    except Exception as error:  # noqa: BLE001  sockets, TLS, AMQP and kombu each raise their own
        log.debug("%s: %s", type(error).__name__, urlsplit(url).hostname)
        return False


@contextmanager
def own_vhost(url: str, user: str) -> Iterator[str]:
    """Make a virtual host for this run where `rabbitmqctl` lets us; else give the one of the URL."""
    name = f"aetos_test_{os.getpid()}"
    if not _rabbitmqctl("add_vhost", name):
        yield url
        return
    try:
        own = with_path(url, name)
        allowed = _rabbitmqctl("set_permissions", "-p", name, user, ".*", ".*", ".*")
        # A node of that name may be another one than the one that listens.
        yield own if allowed and can_log_in(own) else url
    finally:
        _rabbitmqctl("delete_vhost", name)


def _rabbitmqctl(*arguments: str) -> bool:
    if not shutil.which("rabbitmqctl"):
        return False
    command = ["rabbitmqctl", "--quiet", *arguments]
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
