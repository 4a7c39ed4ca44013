"""Listings as the API shows them: what `ListingSerializer` says of each, a dozen times as fast.

A page is half work of the database, and was nearly all work of the serializer,
which asks every field of every row anew what it is. Here each column is asked once;
times and ids are left to who writes the JSON (integrations/jsontext.py).
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import DecimalField

from integrations.prepared import Prepared, among
from listings import offers
from listings.api.serializers import ListingSerializer
from listings.models import ProductListing
from listings.states import State, allowed_from

_EXCLUDED = ListingSerializer.Meta.exclude
_FIELDS = [field for field in ProductListing._meta.concrete_fields if field.name not in _EXCLUDED]
COLUMNS = [field.attname for field in _FIELDS]
_AMOUNTS = [field.attname for field in _FIELDS if isinstance(field, DecimalField)]
_ID, _STATE = COLUMNS.index("id"), COLUMNS.index("state")
_ALLOWED = {state.value: allowed_from(state) for state in State}
# What has never been received is in no call to eBayLister.
_ASKED_OF_EBAY = {State.RECEIVED.value, State.LISTED.value, State.SOLD.value}


def known(ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Return listings as the API shows them, in the order of their ids."""
    found = {row[_ID]: row for row in _ROWS.all(ids)}
    return many(found[pk] for pk in ids if pk in found)


_ROWS = Prepared(
    lambda asked: ProductListing.objects.order_by().filter(pk__among=asked).values_list(*COLUMNS),
    among(ProductListing._meta.pk),
)


def many(rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return rows of `COLUMNS` as the API shows them; one query more, for what eBayLister was asked."""
    rows = list(rows)
    pending = offers.pending_of([row[_ID] for row in rows if row[_STATE] in _ASKED_OF_EBAY])
    return [_shown(row, pending) for row in rows]


def _shown(row: tuple[Any, ...], pending: dict[str, dict[str, Any]]) -> dict[str, Any]:
    told = dict(zip(COLUMNS, row, strict=True))
    for name in _AMOUNTS:
        if (value := told[name]) is not None:
            told[name] = f"{value:.2f}"  # a value that was just set may be written with fewer places
    told["allowed_transitions"] = _ALLOWED[row[_STATE]]
    told["pending"] = pending.get(str(row[_ID])) if pending else None
    return told


def one(listing: ProductListing) -> dict[str, Any]:
    """Return a listing as the API shows it."""
    (told,) = many([tuple(getattr(listing, name) for name in COLUMNS)])
    return told
