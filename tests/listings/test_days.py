"""Far pages of all listings: begun at the day in which they lie, whose number is kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from listings import days, guards, tally
from listings.audit import RULES
from listings.models import ListingDay, ProductListing
from tests.factories import make_listing, signed_in
from tests.listings.test_tally import make_copy

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 3, 1, 23, 59, 59, 999_000, tzinfo=UTC)


@pytest.fixture
def a_week(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make listings on four days of a week, some at the very ends of a day; return their ids, the oldest first."""
    monkeypatch.setattr(days, "WORTH", -100)
    moments = [
        *(FIRST, FIRST, FIRST + timedelta(milliseconds=1)),
        *(FIRST + timedelta(days=2, hours=number) for number in range(4)),
        *(FIRST + timedelta(days=4), FIRST + timedelta(days=6, minutes=1)),
    ]
    for moment in moments:
        ProductListing.objects.filter(pk=make_listing().pk).update(created_at=moment)
    return [
        str(pk) for pk in ProductListing.objects.order_by("created_at", "id").values_list("pk", flat=True)
    ]


@pytest.fixture
def page() -> Callable[..., dict[str, Any]]:
    """Return what asks the API for a page."""
    client = signed_in("ann", group="Operators")

    def ask(**query: Any) -> dict[str, Any]:
        answer = client.get("/admin/listings", query)
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    return ask


@pytest.mark.parametrize("order", ["created_at", "-created_at"])
def test_each_page_is_the_slice_of_the_whole_list(
    a_week: list[str], page: Callable[..., dict[str, Any]], order: str
) -> None:
    whole = a_week if order == "created_at" else a_week[::-1]
    for offset in range(len(whole) + 2):
        for limit in (1, 4, 20):
            shown = page(ordering=order, offset=offset, limit=limit)
            assert [row["id"] for row in shown["listings"]] == whole[offset : offset + limit], (offset, limit)
            assert shown["total"] == len(whole)


@pytest.mark.usefixtures("a_week")
def test_a_far_page_begins_at_its_day() -> None:
    place = days.place(8, descending=False)
    assert place.skip == 0
    assert ProductListing.objects.filter(place.rows).count() == 1
    assert days.place(4, descending=True).skip == 2


def gone(listing: ProductListing) -> None:
    ProductListing.objects.bulk_create([make_copy(listing, 1)])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM listings_productlisting WHERE identity LIKE 'copy:%'")
        assert cursor.rowcount == 1


def moved(listing: ProductListing) -> None:
    ProductListing.objects.filter(pk=listing.pk).update(created_at=FIRST + timedelta(days=1))


def changed(listing: ProductListing) -> None:
    ProductListing.objects.filter(pk=listing.pk).update(title="Another", created_at=listing.created_at)


@pytest.mark.parametrize("change", [gone, moved, changed], ids=lambda each: each.__name__)
def test_no_change_goes_uncounted(a_week: list[str], change: Callable[[ProductListing], None]) -> None:
    change(make_listing())
    assert days.differences() == []


@pytest.mark.usefixtures("a_week")
def test_folding_changes_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "FOLD_FROM", 1)
    rows = ListingDay.objects.count()
    assert days.fold() == rows - ListingDay.objects.count() > 0
    assert days.differences() == []
    assert sum(ListingDay.objects.values_list("listings", flat=True)) == ProductListing.objects.count()


def test_without_the_triggers_the_audit_sees_it_and_a_count_mends_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    guards.remove(connection)
    listing = make_listing()
    assert days.differences() == [(str(listing.created_at.astimezone(UTC).date()), -1)]
    call_command("recount_listings")
    assert f"{listing.created_at.astimezone(UTC).date()}: -1 listings too many" in capsys.readouterr().out
    assert days.differences() == []
    guards.install(connection)


def test_a_day_that_is_wrong_is_found_by_the_audit() -> None:
    ListingDay.objects.create(day=FIRST.date(), listings=2)
    (rule,) = [rule for rule in RULES if rule.name == "the tally is right"]
    (finding,) = rule.broken(timedelta())
    assert "+2 listings too many" in finding.detail
