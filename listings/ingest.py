"""Offers become listings, set-based: a job of a thousand costs as many statements as one of two hundred.

It gives the same rows as taking the offers one by one in their order: the
first offer of an item that is new creates the listing, every further one is a
re-sighting.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction

from integrations import bulk, outbox
from integrations.ids import uuid7
from integrations.prepared import Prepared, among
from listings import announcements, lifecycle, telegram
from listings.models import ProductListing, Sighting, new_short_code
from listings.resighted import Groups, Offer, Stored, lock, resight, stored_of
from listings.states import State

CODE_TRIES = 20
# A few are tried at once, and looked at where one was left out; of many it is asked first which are there already.
MANY = 20
# Among a million listings one new short code in seven hundred is taken: so many are worth a look before.
CODES_FROM = 200
# So many items at once: what a job of five thousand takes of memory is what a process keeps.
PART = 1000

_Row = dict[str, Any]
Build = Callable[[list[Offer], str], _Row]


@dataclass(frozen=True)
class Result:
    """What became of the offers: `created` + `resighted` = how many there were."""

    created: int
    resighted: int


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
    groups: Groups = {}
    for offer in offers:
        groups.setdefault(offer.item.identity, []).append(offer)
    total = sum(map(len, groups.values()))
    build = partial(_build, scraper_job_id=scraper_job_id, session_id=session_id, at=at)
    new: list[Stored] = []
    cheaper: list[tuple[Stored, Decimal]] = []
    # Two jobs that share items take their locks in one order, or they would deadlock.
    keys = sorted(groups)
    for start in range(0, len(keys), PART):
        part = {key: groups.pop(key) for key in keys[start : start + PART]}
        created, got_cheaper = _take(part, build, scraper_job_id=scraper_job_id, at=at)
        new += created
        cheaper += got_cheaper
    outbox.put(telegram.digest_rows(new, cheaper, job_number=session_id))
    return Result(len(new), total - len(new))


def _take(
    groups: Groups, build: Build, *, scraper_job_id: uuid.UUID, at: datetime
) -> tuple[list[Stored], list[tuple[Stored, Decimal]]]:
    """Take in the offers of some items, in the order of the items; return what is new and what got cheaper."""
    keys = list(groups)
    known = _present("identity", keys) if len(keys) >= MANY else set()
    written, events = _insert([groups[key] for key in keys if key not in known], build)
    lifecycle.found([listing.id for listing in written], events, at=at)
    created = {listing.identity: listing for listing in written}
    listings = created | lock([key for key in keys if key not in created])
    cheaper = resight(listings, groups, created=created.keys(), at=at)
    told = {"scraper_job_id": scraper_job_id, "seen_at": at}
    seen = ((listings[key].id, offer.price) for key in keys for offer in groups[key])
    bulk.insert(Sighting, ({"listing_id": pk, "price": price, **told} for pk, price in seen))
    return written, cheaper


# ---- what is new --------------------------------------------------------------------------------


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


def _insert(fresh: list[list[Offer]], build: Build) -> tuple[list[Stored], list[_Row]]:
    """Insert what nobody else has inserted before or meanwhile; return what is ours, and the event of each.

    Many are nearly always all ours: then it is one COPY, whose rows and events
    are made while PostgreSQL takes in those before.

    Raises:
        IntegrityError: of many, another job has just created an item, or taken a short code. Nothing is lost: the call
            is begun anew (integrations/webhooks.py), and then sees it.
    """
    codes = _codes(len(fresh))
    if len(fresh) >= MANY:
        written: list[Stored] = []
        events: list[_Row] = []
        bulk.insert(ProductListing, _noted(map(build, fresh, codes), written, events))
        return written, events
    ours = _insert_around(list(map(build, fresh, codes)))
    return [Stored(*stored_of(row)) for row in ours], list(map(announcements.created, ours))


def _noted(made: Iterable[_Row], written: list[Stored], events: list[_Row]) -> Iterator[_Row]:
    for row in made:
        written.append(Stored(*stored_of(row)))
        events.append(announcements.created(row))
        yield row


def _present(name: str, values: list[str]) -> set[str]:
    return {value for (value,) in _PRESENT[name].all(values)}


_PRESENT = {
    name: Prepared(
        lambda asked, name=name: (
            ProductListing.objects.order_by()  # type: ignore[misc]
            .filter(**{f"{name}__among": asked})
            .values_list(name)
        ),
        among(ProductListing._meta.get_field(name)),
    )
    for name in ("identity", "short_code")
}


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
