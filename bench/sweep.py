"""The sweep over what is overdue, against bare SQL statements that change the same rows in as large batches."""

import itertools
import time

import psycopg

from bench.rows import Bench, Sides, at_least, row
from bench.seed import listings_like
from bench.stored import unchanged
from listings import timeouts

# All in the server: no row travels.
BARE = """
WITH due AS (
    SELECT id, state, version, deadline_at, greatest(clock_timestamp(), state_changed_at) AS at, uuid_in(md5(
        random()::text || id)::cstring) AS event_id
    FROM listings_productlisting WHERE deadline_at <= now() ORDER BY deadline_at LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
), told AS (
    SELECT *, 'No answer in ' || initcap(state) || ' by ' || to_char(deadline_at, 'DD FMMonth HH24:MI') || ' UTC'
        AS reason
    FROM due
), changed AS (
    UPDATE listings_productlisting listing SET state = 'CANCELLED', deadline_at = NULL, version = listing.version + 1,
        cancelled_at = at, state_changed_at = at, updated_at = at FROM told WHERE listing.id = told.id
), logged AS (
    INSERT INTO listings_transitionlog (listing_id, sequence, event_id, from_state, to_state, transitioned_at,
        triggered_by, metadata)
    SELECT id, version + 1, event_id, state, 'CANCELLED', at, 'timeout', jsonb_build_object('reason', reason) FROM told
), announced AS (
    INSERT INTO integrations_outboxmessage (event_id, channel, topic, key, body, created_at, attempts, last_error)
    SELECT event_id, 'events', 'listing.state.cancelled', id::text, jsonb_build_object('listing_id', id, 'from_state',
        state, 'to_state', 'CANCELLED', 'triggered_by', 'timeout', 'reason', reason), at, 0, '' FROM told
)
INSERT INTO integrations_outboxmessage (event_id, channel, topic, key, body, created_at, attempts, last_error)
SELECT gen_random_uuid(), 'chatterbot', 'chatterbot.stop_lead', told.id::text,
    jsonb_build_object('listing_id', told.id), at, 0, '' FROM told
    JOIN listings_lead lead ON lead.listing_id = told.id AND lead.accepted_at IS NOT NULL
"""


def bare(connection: psycopg.Connection, count: int) -> None:
    """Cancel so many in batches, each in its own transaction."""
    done = 0
    while done < count:
        cancelled = connection.execute(BARE, {"batch": min(timeouts.BATCH, count - done)}).rowcount
        assert cancelled > 0
        done += cancelled


@row(
    "sweep",
    work="time-out sweep, a tenth of 100,000 overdue a run",
    against="SQL: the same rows in as large batches, nothing leaves the server",
    unit="listings/s",
    reach=at_least(0.40),
)
def sweep(bench: Bench) -> Sides:
    """Share the overdue, a tenth as many as there are listings, out to all runs of both sides."""
    count = max(bench.size // 10, 1000) // (2 * (bench.runs + 1))
    numbers = itertools.count()
    with unchanged(bench.url) as connection:
        for _ in range(2 * (bench.runs + 1)):
            listings_like(connection, count, tag=f"sweep{next(numbers)}-", overdue_hours=1)
        connection.execute("ANALYZE listings_productlisting")
        there = connection.execute(
            "SELECT count(*) FROM listings_productlisting WHERE deadline_at < now()"
        ).fetchone()
        share = int(there[0] if there else 0) // (2 * (bench.runs + 1))

        def ours() -> float:
            began = time.perf_counter()
            assert timeouts.cancel_overdue(limit=share) == share
            return share / (time.perf_counter() - began)

        def raw() -> float:
            began = time.perf_counter()
            bare(connection, share)
            return share / (time.perf_counter() - began)

        return bench.interleave(ours, raw)
