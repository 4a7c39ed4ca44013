"""`python -m bench.aging`: whether partitions or an archive would pay for the log, the outbox and the inbox.

On the database of a million listings each of the three is copied twice, as it
is and in partitions of a month, with the same indexes (a unique one must hold
the partition's key beside its own). Both are written and read as the product
does, by turns; then the oldest month is let go of in three ways.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import django
import psycopg

from bench import databases, table
from bench.databases import ROOT
from tests.services import find_postgres, with_path

MARK, PAGE = "aging", ROOT / "docs" / "performance.md"
RUNS, READS, ROWS = 5, 200, 1000
PLAIN, PARTED, ARCHIVE = "aging.plain", "aging.parted", "aging.archive"
Connection = psycopg.Connection


@dataclass(frozen=True)
class Kept:
    """A table: its name, the time that it would be parted by, what is new in a copied row, and how it is read most."""

    name: str
    time: str
    new: str
    question: str
    reads: str


OUTBOX = Kept(
    "integrations_outboxmessage",
    "created_at",
    "event_id = gen_random_uuid(), created_at = now(), next_attempt_at = now(), delivered_at = NULL",
    "SELECT id, key FROM {table} WHERE channel = 'events' AND delivered_at IS NULL AND given_up_at IS NULL "
    "AND next_attempt_at <= now() ORDER BY next_attempt_at, id LIMIT 500",
    "what is due",
)
LOG = Kept(
    "listings_transitionlog",
    "transitioned_at",
    "event_id = gen_random_uuid(), listing_id = gen_random_uuid(), transitioned_at = now()",
    "SELECT * FROM {table} WHERE listing_id = %(one)s ORDER BY sequence",
    "a listing's history",
)
INBOX = Kept(
    "integrations_inboxmessage",
    "received_at",
    "received_at = now()",
    "SELECT id, status, detail FROM {table} WHERE partner = 'scraper' ORDER BY id DESC LIMIT 50",
    "a partner's last fifty",
)


def copies(connection: Connection, kept: Kept) -> None:
    """Make both copies, filled."""
    connection.execute("DROP SCHEMA IF EXISTS aging CASCADE; CREATE SCHEMA aging")
    connection.execute(f"CREATE TABLE {PLAIN} (LIKE {kept.name} INCLUDING ALL)")
    connection.execute(
        f"CREATE TABLE {PARTED} (LIKE {kept.name} INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING CONSTRAINTS) "
        f"PARTITION BY RANGE ({kept.time})"
    )
    months = connection.execute(
        f"SELECT to_char(month, 'YYYYMM'), month, month + interval '1 month' FROM generate_series("
        f"(SELECT date_trunc('month', min({kept.time})) FROM {kept.name}), now() + interval '1 month', '1 month') month"
    ).fetchall()
    for name, begin, end in months:
        connection.execute(
            f"CREATE TABLE {PARTED}_{name} PARTITION OF {PARTED} FOR VALUES FROM ('{begin}') TO ('{end}')"
        )
    for (definition,) in connection.execute(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass", [kept.name]
    ).fetchall():
        head, _, columns = definition.partition(" USING btree (")
        unique = "UNIQUE" in head
        if unique:
            columns = f"{columns.removesuffix(')')}, {kept.time})"
        connection.execute(f"CREATE {'UNIQUE' if unique else ''} INDEX ON {PARTED} USING btree ({columns}")
    for copy in (PLAIN, PARTED):
        connection.execute(f"INSERT INTO {copy} OVERRIDING SYSTEM VALUE SELECT * FROM {kept.name}")
        connection.execute(f"SELECT setval(pg_get_serial_sequence('{copy}', 'id'), max(id)) FROM {copy}")
        connection.execute(f"VACUUM ANALYZE {copy}")
    # What a row of this table looks like, to be written again and again as a new one.
    connection.execute(
        f"CREATE TEMP TABLE fresh AS SELECT * FROM {kept.name} ORDER BY id DESC LIMIT {ROWS}; "
        f"UPDATE fresh SET {kept.new}; ALTER TABLE fresh DROP COLUMN id"
    )


def milliseconds(act: Callable[[], object]) -> float:
    """Return how long it takes."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def written(connection: Connection, kept: Kept, copy: str) -> float:
    """Insert a thousand new rows; return the milliseconds."""
    names = ", ".join(
        column.name for column in connection.execute("SELECT * FROM fresh LIMIT 0").description or ()
    )
    connection.execute(f"UPDATE fresh SET {kept.new}")
    return milliseconds(lambda: connection.execute(f"INSERT INTO {copy} ({names}) SELECT {names} FROM fresh"))


def read(connection: Connection, kept: Kept, copy: str) -> float:
    """Ask the question that is asked most; return the milliseconds of one."""
    one = connection.execute(f"SELECT * FROM {copy} LIMIT 1")
    named = dict(zip([column.name for column in one.description or ()], one.fetchone() or (), strict=True))
    question, values = kept.question.format(table=copy), {"one": named.get("listing_id")}

    def ask() -> None:
        for _ in range(READS):
            connection.execute(question, values, prepare=True).fetchall()

    ask()
    return milliseconds(ask) / READS


def both(
    measure: Callable[[Connection, Kept, str], float], connection: Connection, kept: Kept
) -> tuple[float, float]:
    """Measure both copies by turns; return their medians."""
    figures = [
        (measure(connection, kept, PLAIN), measure(connection, kept, PARTED)) for _ in range(RUNS + 1)
    ][1:]
    plain, parted = zip(*figures, strict=True)
    return statistics.median(plain), statistics.median(parted)


def let_go(connection: Connection, kept: Kept) -> tuple[int, float, float, float]:
    """Let go of the oldest whole month; return how many rows, and the milliseconds: deleted, archived, dropped."""
    name, count = connection.execute(
        f"SELECT tableoid::regclass::text, count(*) FROM {PARTED} GROUP BY 1 ORDER BY 1 OFFSET 1 LIMIT 1"
    ).fetchone() or ("", 0)
    until = f"{kept.time} <= (SELECT max({kept.time}) FROM {name})"

    def delete() -> None:
        connection.execute(f"DELETE FROM {PLAIN} WHERE {until}")
        connection.execute(f"VACUUM {PLAIN}")

    def archive() -> None:
        connection.execute(
            f"WITH gone AS (DELETE FROM {PLAIN} WHERE {until} RETURNING *) INSERT INTO {ARCHIVE} SELECT * FROM gone"
        )
        connection.execute(f"VACUUM {PLAIN}")

    deleted = milliseconds(delete)
    connection.execute(f"INSERT INTO {PLAIN} OVERRIDING SYSTEM VALUE SELECT * FROM {name}")
    connection.execute(f"VACUUM ANALYZE {PLAIN}")
    connection.execute(f"CREATE TABLE {ARCHIVE} (LIKE {PLAIN}, PRIMARY KEY (id))")
    archived = milliseconds(archive)
    dropped = milliseconds(
        lambda: connection.execute(f"ALTER TABLE {PARTED} DETACH PARTITION {name}; DROP TABLE {name}")
    )
    return int(count), deleted, archived, dropped


def lines(connection: Connection, tables: tuple[Kept, ...]) -> list[str]:
    """Measure; return the table in Markdown."""
    text = [
        "| table | what | as it is | by months | ratio |",
        "|" + "---|" * 5,
    ]
    for kept in tables:
        print(f"copying {kept.name} ...", flush=True)
        copies(connection, kept)
        for words, measure in ((f"{ROWS:,} rows written", written), (f"read: {kept.reads}", read)):
            plain, parted = both(measure, connection, kept)
            text.append(
                f"| {kept.name} | {words} | {plain:.2f} ms | {parted:.2f} ms | {parted / plain:.2f} |"
            )
        count, deleted, archived, dropped = let_go(connection, kept)
        text.append(
            f"| | {count:,} rows of a month let go | deleted {deleted:,.0f} ms, archived {archived:,.0f} ms | "
            f"dropped {dropped:.0f} ms | {dropped / deleted:.3f} |"
        )
        connection.execute("DROP TABLE fresh")
        print("\n".join(text[-3:]), flush=True)
    connection.execute("DROP SCHEMA aging CASCADE")
    return text


def main() -> int:
    """Measure on the seeded database, put the table into the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.aging", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 listings, and no page: to see it work")
    quick, named = parser.parse_args().quick, dict(os.environ)
    size = 10_000 if quick else 1_000_000
    with ExitStack() as stack:
        server = find_postgres(named, stack)
        if server is None:
            print("This needs PostgreSQL: name it by DATABASE_URL.")
            return 2
        beside = server.url if "DATABASE_URL" in named else with_path(server.url, "aetos_bench")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aetos-bench-")))
        os.environ.update(databases.environment(databases.url(beside, size), folder))
        django.setup()
        databases.ready(beside, size)
        with psycopg.connect(databases.url(beside, size), autocommit=True) as connection:
            text = lines(connection, (OUTBOX, LOG, INBOX))
    if not quick:
        table.put(PAGE, MARK, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
