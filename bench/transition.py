"""One arrow over the API, eight callers at once, against bare psycopg with the same lock, update and inserts."""

import http.client
import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.rows import SIZES, Bench, Sides, at_least, bare_server, row
from bench.seed import listings_like
from bench.stored import unchanged

AT_ONCE = 8
UPDATE = (
    "UPDATE listings_productlisting SET state = 'CANCELLED', cancelled_at = %(at)s, state_changed_at = %(at)s, "
    "updated_at = %(at)s, version = version + 1 WHERE id = %(id)s"
)
LOG = (
    "INSERT INTO listings_transitionlog (sequence, event_id, from_state, to_state, transitioned_at, triggered_by, "
    "metadata, listing_id) VALUES (2, %(event)s, 'FOUND', 'CANCELLED', %(at)s, 'user:bench', %(reason)s, %(id)s)"
)
EVENT = (
    "INSERT INTO integrations_outboxmessage (event_id, channel, topic, key, body, created_at, attempts, last_error) "
    "VALUES (%(event)s, 'events', 'listing.state.cancelled', %(key)s, %(body)s, %(at)s, 0, '')"
)


def bare(connection: psycopg.Connection, listing_id: uuid.UUID) -> None:
    """Take FOUND → CANCELLED in SQL, in one transaction."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM listings_productlisting WHERE id = %s FOR UPDATE", [listing_id])
        cursor.fetchone()
        key, reason = str(listing_id), json.dumps({"reason": "bench"})
        body = json.dumps(
            {"listing_id": key, "from_state": "FOUND", "to_state": "CANCELLED", "triggered_by": "user:bench"}
            | {"reason": "bench"}
        )
        values = {"id": listing_id, "at": datetime.now(UTC), "event": uuid.uuid4(), "key": key}
        values |= {"reason": reason, "body": body}
        for statement in (UPDATE, LOG, EVENT):
            cursor.execute(statement, values)


def at_once(work: list[uuid.UUID], act: Callable[[list[uuid.UUID]], None]) -> float:
    """Share the work out to eight threads; return how much of it was done in a second."""
    shares = [work[number::AT_ONCE] for number in range(AT_ONCE)]
    failed: list[BaseException] = []

    def run(share: list[uuid.UUID]) -> None:
        try:
            act(share)
        except BaseException as error:  # noqa: BLE001  told below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(share,)) for share in shares]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return len(work) / (time.perf_counter() - began)


def token() -> str:
    """Return the API token of a superuser named bench."""
    from django.contrib.auth.models import User
    from rest_framework.authtoken.models import Token

    user, _ = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    return str(Token.objects.get_or_create(user=user)[0].key)


def _called(bench: Bench, url: str) -> Sides:
    """Cancel listings that were just found: over the API of a server, and in SQL."""
    count = 200 if bench.quick else 800
    headers = {"Authorization": f"Token {token()}", "Content-Type": "application/json"}
    address = urlsplit(url).netloc
    body = json.dumps({"to_state": "CANCELLED", "reason": "bench"})
    numbers = itertools.count()

    with unchanged(bench.url) as connection:

        def found() -> list[Any]:
            return listings_like(connection, count, tag=f"transition{next(numbers)}")

        def call(share: list[uuid.UUID]) -> None:
            line = http.client.HTTPConnection(address, timeout=60)
            for listing_id in share:
                line.request("POST", f"/admin/listings/{listing_id}/transition", body, headers)
                answer = line.getresponse()
                if (text := answer.read()) and answer.status != 200:
                    raise RuntimeError(f"{answer.status}: {text[:200]!r}")

        def write(share: list[uuid.UUID]) -> None:
            with psycopg.connect(bench.url, autocommit=True) as own:
                for listing_id in share:
                    bare(own, listing_id)

        return bench.interleave(lambda: at_once(found(), call), lambda: at_once(found(), write))


AGAINST = f"psycopg: the same lock, update and inserts, {AT_ONCE} at once"


@row(
    "transition",
    work=f"one transition over the API, {AT_ONCE} at once",
    against=AGAINST,
    unit="transitions/s",
    reach=at_least(0.35),
)
def transition(bench: Bench) -> Sides:
    """Take an arrow as a client does."""
    return _called(bench, bench.web.url)


@row(
    "transition-floor",
    work=f"the framework alone: the same SQL in a bare DRF view, {AT_ONCE} at once",
    against=AGAINST,
    unit="transitions/s",
    reach=at_least(0.35),
    sizes=SIZES[:1],
)
def floor(bench: Bench) -> Sides:
    """Have a view write what the raw side writes: what is left is HTTP, middleware, sign-in and JSON."""
    with bare_server(bench) as url:
        return _called(bench, url)
