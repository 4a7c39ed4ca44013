"""What a row adds to the database is taken away after it, so that the next one finds as many listings as it names."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from bench.seed import recount

# In this order nothing is left without what it points at.
BY_ID = (
    "listings_transitionlog",
    "listings_sighting",
    "listings_lead",
    "integrations_deliveryattempt",
    "integrations_outboxmessage",
    "integrations_inboxmessage",
    "scraping_invalidmatch",
    "scraping_scrapejob",
)
LISTING = "listings_productlisting"


@contextmanager
def unchanged(url: str) -> Iterator[psycopg.Connection]:
    """Give a connection in autocommit; afterwards delete every row that came in meanwhile, and vacuum."""
    with psycopg.connect(url, autocommit=True) as connection:
        since = connection.execute("SELECT now()").fetchone()
        last = {table: _last(connection, table) for table in BY_ID}
        try:
            yield connection
        finally:
            connection.execute("SET session_replication_role = replica")  # the log lets nobody delete
            for table, number in last.items():
                connection.execute(f"DELETE FROM {table} WHERE id > %s", [number])
            connection.execute(f"DELETE FROM {LISTING} WHERE created_at >= %s", since)
            recount(connection)
            for table in (*BY_ID, LISTING):
                connection.execute(f"VACUUM ANALYZE {table}")


def _last(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()
    return int(row[0]) if row else 0
