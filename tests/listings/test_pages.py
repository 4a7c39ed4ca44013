"""Pages of any order: together they are the whole list, each row once; and many rows are shown as one is."""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from integrations import paging
from integrations.paging import window
from integrations.rest import JSONRenderer
from listings import offers
from listings.api import show
from listings.api.serializers import SORTABLE, ListingSerializer
from listings.models import ProductListing
from listings.states import State
from tests.factories import make_listing, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> Client:
    return signed_in("Vera", group="Viewers")


@pytest.fixture
def eleven() -> None:
    """Listings of which some share a price and some have none."""
    for price in (300, None, 100, 200, None, 200, 100, 0, None, 250, 300):
        make_listing(price=price, potential_profit=price and price / 10, confidence=50 + (price or 7) % 40)


@pytest.fixture(params=[3, paging.FAR], ids=["far from the second page on", "near"])
def far(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "FAR", request.param)


def all_pages(viewer: Client, ordering: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for offset in range(0, 15, limit):
        page = viewer.get(
            "/admin/listings", {"ordering": ordering, "limit": str(limit), "offset": str(offset)}
        ).json()
        assert page["total"] == 11
        assert len(page["listings"]) == max(0, min(limit, 11 - offset))
        found += page["listings"]
    return found


@pytest.mark.parametrize("limit", [1, 4, 11])
@pytest.mark.parametrize("ordering", [sign + name for name in SORTABLE for sign in ("", "-")])
@pytest.mark.usefixtures("eleven", "far")
def test_pages_in_any_order_are_the_list(viewer: Client, ordering: str, limit: int) -> None:
    rows = all_pages(viewer, ordering, limit)
    assert len({row["id"] for row in rows}) == 11
    descending, name = ordering.startswith("-"), ordering.lstrip("-")
    if name in ("asking_price", "estimated_profit"):
        assert [row[name] is None for row in rows] == [False] * 8 + [True] * 3  # nulls last both ways
    keys = [(_key(row[name]), row["id"]) for row in rows if row[name] is not None]
    assert all(one > two if descending else one < two for one, two in pairwise(keys))


def _key(value: str) -> Any:
    # Not as text: a time on the full second is written without a fraction, and sorts behind those that have one.
    return datetime.fromisoformat(value) if "T" in value else Decimal(value)


@pytest.mark.parametrize("nulls", ["nulls_first", "nulls_last"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.usefixtures("eleven", "far")
def test_a_window_is_the_slice_that_the_database_would_give(direction: str, nulls: str) -> None:
    order = getattr(F("asking_price"), direction)(**{nulls: True})
    rows = ProductListing.objects.order_by(order, "-created_at", "-id")
    whole = list(rows)
    for start in range(13):
        for size in (1, 4, 20):
            assert window(rows, start, size) == whole[start : start + size], (start, size)


@pytest.mark.usefixtures("eleven")
def test_far_pages_read_what_is_skipped_from_the_index_alone(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Callable[[int], Any]
) -> None:
    rows = ProductListing.objects.order_by("-created_at", "-id")
    with django_assert_num_queries(1):
        window(rows, 4, 4)
    monkeypatch.setattr(paging, "FAR", 4)
    with django_assert_num_queries(2) as asked:
        assert len(window(rows, 4, 4)) == 4
    assert "title" not in asked.captured_queries[0]["sql"]


def test_many_are_shown_as_one_is() -> None:
    listings = [make_listing(state) for state in State]
    make_listing(price=None, potential_profit=None, title="Żorki 🎞 <b>")
    make_listing(price=0, potential_profit=-0.5, confidence=0)
    received = next(listing for listing in listings if listing.state == State.RECEIVED)
    offers.calls.ask(_with_clock(received), offers.CREATE, {}, by="user:test")
    rows = ProductListing.objects.order_by("created_at", "id")
    together = json.loads(JSONRenderer().render(show.many(rows.values_list(*show.COLUMNS))))
    one_by_one = [dict(ListingSerializer(row).data) for row in rows]
    assert together == one_by_one
    assert [row["id"] for row in together if row["pending"]] == [str(received.pk)]


def _with_clock(listing: ProductListing) -> ProductListing:
    listing.db_now = listing.state_changed_at
    return listing
