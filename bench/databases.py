"""Databases of the bench: one for each number of listings, seeded once, with the server's own durability."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench import seed
from tests.services import with_path

ROOT = Path(__file__).resolve().parents[1]


def url(server: str, size: int) -> str:
    """Return the URL of the database of a size; `server` is a URL whose database's name stands before the size."""
    return with_path(server, _name(server, size))


def _name(server: str, size: int) -> str:
    return f"{urlsplit(server).path.strip('/')}_{size}"


def ready(server: str, size: int) -> None:
    """Make and seed the database of a size, unless it is there from an earlier run with the same tables."""
    name, digest = _name(server, size), _digest()
    with psycopg.connect(with_path(server, "postgres"), autocommit=True) as connection:
        found = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
        if found and found[0] == digest:
            return
        print(f"seeding {size:,} listings ...", flush=True)
        _drop(connection, name)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        _migrate(url(server, size))
        seed.fill(url(server, size), size)
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(digest))
        )


def drop(server: str, sizes: tuple[int, ...]) -> None:
    """Drop the databases of these sizes."""
    with psycopg.connect(with_path(server, "postgres"), autocommit=True) as connection:
        for size in sizes:
            _drop(connection, _name(server, size))


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _digest() -> str:
    """Name what the tables and their rows are made by: another migration or another seed makes them anew."""
    files = sorted([*ROOT.glob("*/migrations/*.py"), Path(seed.__file__), ROOT / "listings" / "guards.py"])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def environment(database: str, folder: Path, broker: str = "") -> dict[str, str]:
    """Return what a process of the bench is given: production's settings, and nothing of the developer's."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "aetos.settings",
        "SECRET_KEY": "for-the-bench-only-" + "x" * 40,
        "DEBUG": "false",
        "DATA_DIR": str(folder),
        "DATABASE_URL": database,
        "RABBITMQ_URL": broker,
        "PUBLIC_URL": "http://localhost:8000",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
        "LOG_LEVEL": "WARNING",
        "TELEGRAM_BOT_TOKEN": "",
    }


def _migrate(database: str) -> None:
    folder = ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env=environment(database, folder),
        check=True,
    )
