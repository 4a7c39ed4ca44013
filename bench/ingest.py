"""Jobs of ScraperV2 over HTTP, against bare psycopg that copies the same listing, log and outbox rows."""

import http.client
import itertools
import json
import random
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.rows import SIZES, Bench, Sides, at_least, bare_server, row
from bench.stored import unchanged
from integrations.ids import uuid7
from tests.aetos.processes import KEYS

LISTING_COLUMNS = (
    "id, identity, short_code, state, version, marketplace_url, raw_url, title, location, product_id, brand, model, "
    "product_name, confidence_score, raw_match, scraper_job_id, session_id, asking_price, estimated_profit, "
    "profit_is_provisional, created_at, updated_at, state_changed_at, found_at"
)
LOG_COLUMNS = "sequence, event_id, to_state, transitioned_at, triggered_by, metadata, listing_id"
OUTBOX_COLUMNS = "event_id, channel, topic, key, body, created_at, next_attempt_at, attempts, last_error"
AGAINST = "psycopg: COPY of the same listing, log and outbox rows"
ONE = "psycopg: the same rows by INSERT in one pipeline"
# Until both processes of the server have a connection with its statements prepared, as a server has that runs for days.
WARM = 4
_numbers = itertools.count(time.time_ns() // 1000 % 10**12 + 10**12)
_codes = itertools.count(
    random.randrange(26**6)
)  # the bare server has two processes, which begin at one moment


def matches(count: int) -> list[dict[str, Any]]:
    """Return matches of items that were never seen, as ScraperV2 writes them."""
    return [_match(number) for number in itertools.islice(_numbers, count)]


def _match(number: int) -> dict[str, Any]:
    return {
        "listing": {
            "url": f"https://www.facebook.com/marketplace/item/{number}/?ref=search&tracking=abc%3A{number}",
            "title": f"Sony A6400 mirrorless camera with 16-50 mm lens, no. {number}",
            "price": 100.0 + number % 900,
            "location": "Edinburgh",
        },
        "product": {"id": number % 1000, "brand": "Sony", "model": "a6400", "full_name": "Sony a6400"},
        "confidence": 95.0,
        "match_breakdown": {"title_score": 100.0, "price_score": 80.0},
        "reasons": ["Exact model match: 'a6400'", "Brand match: Sony"],
        "potential_profit": 100.0,
    }


def bodies(jobs: list[list[dict[str, Any]]]) -> list[bytes]:
    """Return the body of one delivery for each job."""
    return [
        json.dumps({"job_id": str(uuid.uuid4()), "brands": ["Sony"], "matches": job}).encode() for job in jobs
    ]


def line(url: str) -> http.client.HTTPConnection:
    """Return a connection to a web server.

    The library's own: what a richer client takes for itself would stand in our figures.
    """
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)


def deliver(connection: http.client.HTTPConnection, posts: list[bytes]) -> float:
    """Post the bodies one after another; return the seconds that it took."""
    headers = {"X-API-Key": KEYS["SCRAPER_WEBHOOK_KEY"], "Content-Type": "application/json"}
    connection.close()  # an idle one may have been closed at the other end
    connection.connect()
    began = time.perf_counter()
    for post in posts:
        connection.request("POST", "/webhooks/scraper/job-complete", post, headers)
        answer = connection.getresponse()
        if (text := answer.read()) and answer.status != 202:
            raise RuntimeError(f"{answer.status}: {text[:200]!r}")
    return time.perf_counter() - began


def _free_code() -> str:
    """Return a short code that no product's listing can have: the raw side does not try again."""
    number = next(_codes)
    return "".join("abcdefghijklmnopqrstuvwxyz"[number // 26**place % 26] for place in range(6))


Rows = tuple[list[list[Any]], list[list[Any]], list[list[Any]]]


def bare_rows(job: list[dict[str, Any]]) -> Rows:
    """Return the listing, log and outbox rows of a job in psycopg's terms, ready to be written."""
    at, scraper_job_id = datetime.now(UTC), uuid.uuid4()
    listings, logs, events = [], [], []
    for match in job:
        listing_id, event_id, listing = uuid7(), uuid7(), match["listing"]
        clean = listing["url"].partition("?")[0]
        product = match["product"]
        body = {
            "listing_id": str(listing_id),
            "product_id": product["id"],
            "scraper_job_id": str(scraper_job_id),
            "brand": product["brand"],
            "model": product["model"],
            "marketplace_url": clean,
            "asking_price": f"{listing['price']:.2f}",
            "confidence_score": "95.00",
            "estimated_profit": "100.00",
        }
        identity = f"facebook:{clean.rstrip('/').rpartition('/')[2]}"
        listings.append(
            [
                *(listing_id, identity, _free_code(), "FOUND", 1, clean, listing["url"], listing["title"]),
                *(
                    listing["location"],
                    product["id"],
                    product["brand"],
                    product["model"],
                    product["full_name"],
                ),
                *(match["confidence"], json.dumps(match), scraper_job_id, 1, listing["price"], 100, False),
                *(at, at, at, at),
            ]
        )
        logs.append([1, event_id, "FOUND", at, "scraper", "{}", listing_id])
        events.append(
            [event_id, "events", "listing.created", str(listing_id), json.dumps(body), at, at, 0, ""]
        )
    return listings, logs, events


def copy(connection: psycopg.Connection, jobs: list[Rows]) -> float:
    """Write each job in one transaction by COPY; return the seconds that it took."""
    began = time.perf_counter()
    for listings, logs, events in jobs:
        with connection.transaction(), connection.cursor() as cursor:
            for table, columns, rows in (
                ("listings_productlisting", LISTING_COLUMNS, listings),
                ("listings_transitionlog", LOG_COLUMNS, logs),
                ("integrations_outboxmessage", OUTBOX_COLUMNS, events),
            ):
                with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as target:
                    for each in rows:
                        target.write_row(each)
    return time.perf_counter() - began


def _insert(table: str, columns: str) -> str:
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * (columns.count(',') + 1))})"


INSERTS = (
    _insert("listings_productlisting", LISTING_COLUMNS),
    _insert("listings_transitionlog", LOG_COLUMNS),
    _insert("integrations_outboxmessage", OUTBOX_COLUMNS),
)


def insert(connection: psycopg.Connection, jobs: list[Rows]) -> float:
    """Write each job in one transaction, its statements in one pipeline: for a job of one, faster than COPY."""
    began = time.perf_counter()
    for job in jobs:
        with connection.pipeline(), connection.transaction(), connection.cursor() as cursor:
            for statement, rows in zip(INSERTS, job, strict=True):
                for each in rows:
                    cursor.execute(statement, each)
    return time.perf_counter() - began


def new_ones(bench: Bench, count: int, jobs: int, url: str = "") -> Sides:
    """Measure jobs of `count` new matches each, on both sides, in matches a second; `url` names another server."""
    write = copy if count > 1 else insert
    with unchanged(bench.url) as connection, closing(line(url or bench.web.url)) as web:

        def ours() -> float:
            posts = bodies([matches(count) for _ in range(jobs)])
            return count * jobs / deliver(web, posts)

        def raw() -> float:
            rows = [bare_rows(matches(count)) for _ in range(jobs)]
            return count * jobs / write(connection, rows)

        return bench.interleave(ours, raw, warm=WARM)


@row(
    "ingest-1000",
    work="ingest over HTTP, jobs of 1,000 new matches",
    against=AGAINST,
    unit="matches/s",
    reach=at_least(0.50),
)
def ingest_1000(bench: Bench) -> Sides:
    return new_ones(bench, 1000, 3)


@row("ingest-50", work="jobs of 50", against=AGAINST, unit="matches/s", reach=at_least(0.40))
def ingest_50(bench: Bench) -> Sides:
    return new_ones(bench, 50, 20)


@row(
    "ingest-1",
    work="jobs of 1",
    against=ONE,
    unit="matches/s",
    reach=at_least(0.30),
)
def ingest_1(bench: Bench) -> Sides:
    return new_ones(bench, 1, 100)


def _floor(name: str, work: str, count: int, jobs: int, reach: float) -> None:
    @row(
        name,
        work=f"the framework alone: {work} kept and written by a bare view",
        against=ONE if count == 1 else AGAINST,
        unit="matches/s",
        reach=at_least(reach),
        sizes=SIZES[:1],
    )
    def measure(bench: Bench) -> Sides:
        with bare_server(bench) as url:
            return new_ones(bench, count, jobs, url)


_floor("ingest-1000-floor", "jobs of 1,000", 1000, 3, 0.50)
_floor("ingest-50-floor", "jobs of 50", 50, 20, 0.40)
_floor("ingest-1-floor", "jobs of 1", 1, 100, 0.30)


@row(
    "resighted",
    work="jobs of 1,000 re-sightings only",
    against="our own ingest of 1,000 new ones",
    unit="matches/s",
    reach=at_least(1.5),
)
def resighted(bench: Bench) -> Sides:
    """Post jobs whose items are known and whose prices are the same."""
    with unchanged(bench.url), closing(line(bench.web.url)) as web:
        known = [matches(1000) for _ in range(3)]
        deliver(web, bodies(known))

        def again() -> float:
            return 3000 / deliver(web, bodies(known))

        def new() -> float:
            return 3000 / deliver(web, bodies([matches(1000) for _ in range(3)]))

        return bench.interleave(again, new, warm=WARM)
