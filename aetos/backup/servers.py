"""The two databases' own ways to be copied and put back."""

import glob
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, transaction

COUNTED = (
    "listings_productlisting",
    "listings_transitionlog",
    "listings_ledgerline",
    "integrations_inboxmessage",
    "integrations_outboxmessage",
    "scraping_scrapejob",
)
PHOTOS = "SELECT image, thumbnail FROM listings_photo"
FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


class ProgramFailed(Exception):
    """pg_dump or pg_restore is missing, or has failed; the text has its words."""


class Snapshot:
    """The database as of one moment: what it holds, and its copy."""

    def __init__(self, rows: dict[str, int], photos: set[str]) -> None:
        self.rows, self.photos = rows, photos


def file_name() -> str:
    """Return how the copy is called."""
    return "database.dump" if connection.vendor == "postgresql" else "database.sqlite3"


def copy(into: Path) -> Snapshot:
    """Copy the database while it is used, and count what the copy holds.

    Raises:
        ProgramFailed.
    """
    return _copy_postgresql(into) if connection.vendor == "postgresql" else _copy_sqlite(into)


def check(file: Path) -> None:
    """Read a copy from its first byte to its last.

    Raises:
        ProgramFailed: it cannot be read, or is damaged.
    """
    if file.suffix == ".dump":
        _run("pg_restore", "--file", os.devnull, str(file))
        return
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            (found,) = database.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.DatabaseError as error:
        raise ProgramFailed(f"SQLite: {error}") from None
    if found != "ok":
        raise ProgramFailed(f"SQLite: {found}")


def is_empty() -> bool:
    """Say whether the database that is configured has no table yet."""
    return not connection.introspection.table_names()


def put_back(file: Path) -> None:
    """Fill the empty database from a copy, all or nothing.

    Raises:
        ProgramFailed.
    """
    if connection.vendor == "postgresql":
        name = str(connection.settings_dict["NAME"])
        options = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges")
        _run("pg_restore", *options, "--dbname", name, str(file))
    else:
        connection.ensure_connection()
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source:
            source.backup(connection.connection)
    connection.close()


def holds() -> Snapshot:
    """Count what the configured database holds now."""
    with connection.cursor() as cursor:
        return _counted(cursor)


# ---- PostgreSQL ---------------------------------------------------------------------------------


def _copy_postgresql(into: Path) -> Snapshot:
    # pg_dump reads in our snapshot: what is counted here is what it copies, whoever writes meanwhile.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
        counted = _counted(cursor)
        name = str(connection.settings_dict["NAME"])
        options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        _run("pg_dump", *options, "--file", str(into), name)
    return counted


def _run(name: str, *arguments: str) -> None:
    program = shutil.which(name) or _newest(name)
    if program is None:
        raise ProgramFailed(f"{name} is not installed: it comes with PostgreSQL's client programs.")
    done = subprocess.run([program, *arguments], env=_login(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProgramFailed(f"{name}: {done.stderr.strip()[-2000:]}")


def _newest(name: str) -> str | None:
    found = [path for folder in FOLDERS for path in glob.glob(f"{folder}/{name}")]
    return max(found, key=lambda path: [int(number) for number in re.findall(r"\d+", path)], default=None)


def _login() -> dict[str, str]:
    """Return the environment with the login: an argument could be read by everybody on the machine."""
    given = connection.settings_dict
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
    login = {variable: str(given[name]) for name, variable in names.items() if given.get(name)}
    options = given.get("OPTIONS") or {}
    login |= {
        f"PG{name.upper()}": str(options[name]) for name in ("sslmode", "sslrootcert") if name in options
    }
    return {**os.environ, **login}


# ---- SQLite -------------------------------------------------------------------------------------


def _copy_sqlite(into: Path) -> Snapshot:
    connection.ensure_connection()
    with closing(sqlite3.connect(into)) as target:
        connection.connection.backup(target)  # in one step, and so as of one moment
        target.execute("PRAGMA journal_mode=DELETE")
        with closing(target.cursor()) as cursor:
            return _counted(cursor)


def _counted(cursor: Any) -> Snapshot:
    rows = {}
    for table in COUNTED:
        cursor.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608  our own names
        rows[table] = int(cursor.fetchone()[0])
    cursor.execute(PHOTOS)
    return Snapshot(rows, {str(name) for row in cursor.fetchall() for name in row})


@contextmanager
def readable_by_us_alone() -> Iterator[None]:
    """Make files and folders inside the block that nobody else on the machine can read."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
