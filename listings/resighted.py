"""What a further sighting of a listing that is known changes: its title, price and estimate, while it is FOUND."""

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection

from integrations import outbox
from integrations.bulk import JsonText
from listings import announcements
from listings.identity import Item
from listings.models import ProductListing
from listings.states import State

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


@dataclass(slots=True)
class Stored:
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
stored_of = itemgetter(*_STORED)
Groups = dict[str, list[Offer]]


def lock(keys: list[str]) -> dict[str, Stored]:
    if not keys:
        return {}
    rows = ProductListing.objects.filter(identity__among=keys).select_for_update().order_by("identity")
    return {row[1]: Stored(*row) for row in rows.values_list(*_STORED)}


def resight(
    listings: dict[str, Stored], groups: Groups, *, created: Collection[str], at: datetime
) -> list[tuple[Stored, Decimal]]:
    """Let listings that are still FOUND follow; return those that got cheaper, each with the price before."""
    cheaper: list[tuple[Stored, Decimal]] = []
    changed: list[Stored] = []
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


def _save(changed: list[Stored]) -> None:
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


def _follow(listing: Stored, offer: Offer, at: datetime) -> list[dict[str, Any]]:
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
