"""Offers become listings, set-based: a job of a thousand costs as many statements as one of two hundred.

It gives the same rows as taking the offers one by one in their order: the
first offer of an item that is new creates the listing, every further one is a
re-sighting.
"""

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, transaction

from integrations import bulk, outbox
from integrations.bulk import JsonText
from integrations.ids import uuid7
from listings import announcements, lifecycle, telegram
from listings.identity import Item
from listings.models import ProductListing, Sighting, new_short_code
from listings.states import State

CODE_TRIES = 20
# A few are tried at once, and looked at where one was left out; of many it is asked first which are there already.
MANY = 20
# Among a million listings one new short code in seven hundred is taken: so many are worth a look before.
CODES_FROM = 200
_FOLLOWING = ("title", "asking_price", "estimated_profit", "updated_at")


class Offer(NamedTuple):
    """One valid match: an item on the marketplace, and the product that it was taken for."""

    item: Item
    raw_url: str
    title: str
    price: Decimal | None
    location: str
    product_id: int
    brand: str
    model: str
    product_name: str
    confidence: Decimal
    estimated_profit: Decimal | None
    raw: JsonText


@dataclass(frozen=True)
class Result:
    """What became of the offers: `created` + `resighted` = how many there were."""

    created: int
    resighted: int


@dataclass(slots=True)
class _Stored:
    """Of a listing in the database, what a further sighting may change, and what decides whether it does."""

    id: uuid.UUID
    identity: str
    state: str
    product_id: int
    title: str
    asking_price: Decimal | None
    estimated_profit: Decimal | None
    updated_at: datetime

    @property
    def pk(self) -> uuid.UUID:
        """Return its id under the name that a model's instance has for it."""
        return self.id


_STORED = ("id", "identity", "state", "product_id", *_FOLLOWING)
_stored = itemgetter(*_STORED)
_Groups = dict[str, list[Offer]]


@transaction.atomic(savepoint=False)
def ingest(offers: Iterable[Offer], *, scraper_job_id: uuid.UUID, session_id: int, at: datetime) -> Result:
    """Create what is new and re-sight what is known.

    Args:
        offers: in the order in which the job names them.
        scraper_job_id: ScraperV2's id of the job.
        session_id: our serial number of it.
        at: the database's time, of this transaction.

    Returns:
        How many listings were created, and how many offers were re-sightings.
    """
    groups: _Groups = {}
    for offer in offers:
        groups.setdefault(offer.item.identity, []).append(offer)
    if not groups:
        return Result(0, 0)
    # Two jobs that share items take their locks in one order, or they would deadlock.
    keys = sorted(groups)
    known = _present("identity", keys) if len(keys) >= MANY else set()
    build = partial(_build, scraper_job_id=scraper_job_id, session_id=session_id, at=at)
    written, events = _insert([groups[key] for key in keys if key not in known], build)
    lifecycle.found([listing.id for listing in written], events, at=at)
    created = {listing.identity: listing for listing in written}
    listings = created | _lock([key for key in keys if key not in created])
    cheaper = _resight(listings, groups, created=created.keys(), at=at)
    outbox.put(telegram.digest_rows(list(created.values()), cheaper, job_number=session_id))
    told = {"scraper_job_id": scraper_job_id, "seen_at": at}
    seen = ((listings[key].id, offer.price) for key in keys for offer in groups[key])
    bulk.insert(Sighting, ({"listing_id": pk, "price": price, **told} for pk, price in seen))
    total = sum(map(len, groups.values()))
    return Result(len(created), total - len(created))


# ---- what is new --------------------------------------------------------------------------------


_Row = dict[str, Any]
Build = Callable[[list[Offer], str], _Row]


def _build(
    group: list[Offer], short_code: str, *, scraper_job_id: uuid.UUID, session_id: int, at: datetime
) -> dict[str, Any]:
    first, best = group[0], max(group, key=lambda offer: offer.confidence)
    return {
        "id": uuid7(),
        "identity": first.item.identity,
        "short_code": short_code,
        "state": State.FOUND.value,
        "marketplace_url": first.item.url,
        "raw_url": first.raw_url,
        "title": first.title,
        "location": first.location,
        "asking_price": first.price,
        "product_id": best.product_id,
        "brand": best.brand,
        "model": best.model,
        "product_name": best.product_name,
        "confidence_score": best.confidence,
        "estimated_profit": best.estimated_profit,
        "raw_match": best.raw,
        "scraper_job_id": scraper_job_id,
        "session_id": session_id,
        "created_at": at,
        "updated_at": at,
        "state_changed_at": at,
        "found_at": at,
    }


def _insert(fresh: list[list[Offer]], build: Build) -> tuple[list[_Stored], list[_Row]]:
    """Insert what nobody else has inserted before or meanwhile; return what is ours, and the event of each.

    Many are nearly always all ours: then it is one COPY, whose rows and events
    are made while PostgreSQL takes in those before. It fails as a whole where
    another job has just created an item, or taken a short code.
    """
    codes = _codes(len(fresh))
    if len(fresh) >= MANY:
        written: list[_Stored] = []
        events: list[_Row] = []
        try:
            with transaction.atomic():
                bulk.insert(ProductListing, _noted(map(build, fresh, codes), written, events))
            return written, events
        except IntegrityError:
            pass  # one by one, then: only that tells which
    ours = _insert_around(list(map(build, fresh, codes)))
    return [_Stored(*_stored(row)) for row in ours], list(map(announcements.created, ours))


def _noted(made: Iterable[_Row], written: list[_Stored], events: list[_Row]) -> Iterator[_Row]:
    for row in made:
        written.append(_Stored(*_stored(row)))
        events.append(announcements.created(row))
        yield row


def _present(name: str, values: list[str]) -> set[str]:
    # A set, which Django does not search for expressions as it does a list.
    rows = ProductListing.objects.order_by().filter(**{f"{name}__among": set(values)})
    return set(rows.values_list(name, flat=True))


def _codes(count: int) -> list[str]:
    """Draw short codes; where many are wanted, such as are free at this moment."""
    codes = [new_short_code() for _ in range(count)]
    taken = _present("short_code", codes) if count >= CODES_FROM else set()
    for place in range(count):
        while codes[place] in taken:
            codes[place] = new_short_code()
    return codes


def _insert_around(fresh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Insert what can be, leaving out the rest.

    A row is left out for one of two reasons: the item is there already, or the
    random short code is taken. The second kind is tried again.
    """
    ours: list[dict[str, Any]] = []
    for _ in range(CODE_TRIES):
        if not fresh:
            return ours
        inserted = bulk.insert_new(ProductListing, fresh)
        ours += [row for row in fresh if row["id"] in inserted]
        fresh = [row for row in fresh if row["id"] not in inserted]
        if fresh:
            there = _present("identity", [row["identity"] for row in fresh])
            fresh = [row for row in fresh if row["identity"] not in there]
        for row in fresh:
            row["short_code"] = new_short_code()
    raise RuntimeError(f"No free short code in {CODE_TRIES} tries.")


# ---- what is known ------------------------------------------------------------------------------


def _lock(keys: list[str]) -> dict[str, _Stored]:
    if not keys:
        return {}
    rows = ProductListing.objects.filter(identity__among=keys).select_for_update().order_by("identity")
    return {row[1]: _Stored(*row) for row in rows.values_list(*_STORED)}


def _resight(
    listings: dict[str, _Stored], groups: _Groups, *, created: Collection[str], at: datetime
) -> list[tuple[_Stored, Decimal]]:
    """Let listings that are still FOUND follow; return those that got cheaper, each with the price before."""
    cheaper: list[tuple[_Stored, Decimal]] = []
    changed: list[_Stored] = []
    events: list[dict[str, Any]] = []
    for key, listing in listings.items():
        if key in created and len(groups[key]) == 1:
            continue  # nearly all of them: nothing to follow
        before = (listing.title, listing.asking_price, listing.estimated_profit)
        if listing.state == State.FOUND:
            for offer in groups[key][1:] if key in created else groups[key]:
                events += _follow(listing, offer, at)
        if before != (listing.title, listing.asking_price, listing.estimated_profit):
            listing.updated_at = max(at, listing.updated_at)
            changed.append(listing)
        old, price = before[1], listing.asking_price
        if key not in created and old and price is not None and price < old:
            cheaper.append((listing, old))
    if changed:
        _save(changed)
    outbox.put_rows(events)
    return cheaper


def _save(changed: list[_Stored]) -> None:
    """Write what has followed, in one statement that joins the rows to their new values.

    `bulk_update` would ask each row about every other one: five thousand took
    it twenty seconds, and ScraperV2 waits for thirty.
    """
    fields = [field for field in ProductListing._meta.concrete_fields if field.name in ("id", *_FOLLOWING)]
    values = [
        {
            field.column: field.get_db_prep_save(getattr(listing, field.attname), connection)
            for field in fields
        }
        for listing in changed
    ]
    if connection.vendor == "postgresql":
        types = ", ".join(f"{field.column} {field.db_type(connection)}" for field in fields)
        source = f"jsonb_to_recordset(%s::jsonb) AS new({types})"
    else:
        parts = ", ".join(f"json_extract(value, '$.{column}') AS {column}" for column in values[0])
        source = f"(SELECT {parts} FROM json_each(%s)) AS new"  # noqa: S608  our own names
    table = connection.ops.quote_name(ProductListing._meta.db_table)
    assignments = ", ".join(f"{column} = new.{column}" for column in _FOLLOWING)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {assignments} FROM {source} WHERE {table}.id = new.id",  # noqa: S608  our own names
            [json.dumps(values, default=str)],
        )


def _follow(listing: _Stored, offer: Offer, at: datetime) -> list[dict[str, Any]]:
    """Take over title, price and estimate; return the event of a changed price.

    A price that is not told this time never overwrites a known one, and an
    estimate that was made for another product says nothing about this one.
    """
    listing.title = offer.title
    if offer.price is None:
        return []
    old, listing.asking_price = listing.asking_price, offer.price
    if offer.product_id == listing.product_id and (old != offer.price or offer.estimated_profit is not None):
        listing.estimated_profit = offer.estimated_profit
    if old == offer.price:
        return []
    listing.updated_at = max(at, listing.updated_at)
    return [announcements.price_changed(listing.id, old=old, new=offer.price, at=listing.updated_at)]
