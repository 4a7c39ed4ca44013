"""The list of listings: what a row says, what it can be asked, and what it costs."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from listings.models import ProductListing
from scraping import jobs
from tests.backoffice.pages import LISTINGS, queries
from tests.factories import a_match, make_listing

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]


def found(client: Client, **query: Any) -> list[str]:
    """Return the titles that the list shows, in its order."""
    response = client.get(LISTINGS, query)
    assert response.status_code == 200
    return [row.title for row in response.context["cl"].result_list]


def test_a_row_can_be_read(viewer: Client) -> None:
    listing = make_listing(title="Sony A6400 boxed", price=1400.0, potential_profit=-25.5)
    html = viewer.get(LISTINGS).content.decode()
    for part in (
        'class="ae-state ae-found"',
        '<span class="ae-tile" aria-hidden="true">F</span>',
        "£1,400.00",
        "−£25.50",
        "Sony A6400 boxed",
        f'href="{LISTINGS}{listing.pk}/change/"',
        listing.short_code,
        "under a minute",
    ):
        assert part in html
    assert f'href="{listing.marketplace_url}" rel="noopener noreferrer nofollow"' in html


def test_a_price_that_is_not_known_is_a_dash_and_one_of_zero_is_zero(viewer: Client) -> None:
    make_listing(price=None, potential_profit=None)
    html = viewer.get(LISTINGS).content.decode()
    assert html.count("ae-none") == 2
    assert "£0.00" not in html
    ProductListing.objects.update(asking_price=0)
    assert "£0.00" in viewer.get(LISTINGS).content.decode()


def test_the_time_left_is_told_in_words_and_warms(viewer: Client) -> None:
    listing = make_listing("MESSAGING")
    assert "7 days" not in viewer.get(LISTINGS).content.decode()  # a moment of them is gone
    assert "6 days left" in viewer.get(LISTINGS).content.decode()
    now = timezone.now()
    for hours, warmth in ((13, 3), (11, 4), (-1, 4)):
        ProductListing.objects.filter(pk=listing.pk).update(
            deadline_at=now + timedelta(hours=hours, minutes=5)
        )
        assert f"ae-warm-{warmth}" in viewer.get(LISTINGS).content.decode()
    assert "overdue" in viewer.get(LISTINGS).content.decode()


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"state": "MESSAGING"}, ["messaged"]),
        ({"brand": "canon"}, ["cheap"]),
        ({"min_price": "500"}, ["dear"]),
        ({"max_price": "100"}, ["cheap"]),
        ({"min_profit": "150"}, ["dear"]),
        ({"max_profit": "0"}, ["cheap"]),
        ({"min_confidence": "99"}, ["sure"]),
        ({"ends": "on"}, ["messaged"]),
        ({"attention": "on"}, ["sure", "messaged"]),
        ({"found": "today"}, ["sure", "dear", "cheap"]),
        ({"found": "week"}, ["sure", "dear", "cheap"]),
        ({"state": "FOUND", "min_profit": "50", "brand": "sony"}, ["sure", "dear"]),
        ({"q": "DEAR"}, ["dear"]),
        ({"q": "a6400 cheap"}, ["cheap"]),
        ({"q": "item/5000001"}, ["dear"]),
        ({"q": "https://m.facebook.com/marketplace/item/5000001?ref=x"}, ["dear"]),
        ({"q": "nobody"}, []),
    ],
)
def test_the_questions_of_staff(operator: Client, query: dict[str, str], titles: list[str]) -> None:
    messaged = make_listing("MESSAGING", title="messaged", number=5000000)
    make_listing(title="dear", price=600.0, potential_profit=200.0, number=5000001)
    make_listing(title="cheap", price=50.0, potential_profit=-5.0, number=5000002)
    ProductListing.objects.filter(title="cheap").update(brand="Canon")
    sure = make_listing(title="sure", confidence=100, number=5000003)
    now = timezone.now()
    last_month = now - timedelta(days=31)
    ProductListing.objects.filter(pk=messaged.pk).update(
        deadline_at=now + timedelta(hours=5), created_at=last_month
    )
    ProductListing.objects.filter(pk=sure.pk).update(error_message="x", error_occurred_at=now)
    assert sorted(found(operator, **query)) == sorted(titles)


def test_a_short_code_is_found_in_either_case(viewer: Client) -> None:
    listing = make_listing(title="this one")
    make_listing(title=f"another, {listing.short_code}")
    assert found(viewer, q=listing.short_code.lower()) == ["this one"]


@pytest.mark.parametrize(("column", "field"), [(3, "price"), (4, "potential_profit")])
def test_sorting_by_money_keeps_what_is_not_known_last(operator: Client, column: int, field: str) -> None:
    for title, value in (("little", 10.0), ("unknown", None), ("much", 900.0)):
        match: dict[str, Any] = {field: value}
        make_listing(title=title, **match)
    assert found(operator, o=f"-{column}") == ["much", "little", "unknown"]


def test_sorting_by_confidence_and_age(operator: Client) -> None:
    old = make_listing(title="old", confidence=99)
    make_listing(title="new", confidence=90)
    ProductListing.objects.filter(pk=old.pk).update(state_changed_at=timezone.now() - timedelta(days=3))
    assert found(operator) == ["new", "old"]
    assert found(operator, o="-5") == ["old", "new"]
    assert found(operator, o="6") == ["old", "new"]


@pytest.mark.parametrize(
    "query",
    [
        {"min_price": "cheap"},
        {"min_price": "NaN"},
        {"max_profit": "1e400"},
        {"state": "STOLEN"},
        {"min_confidence": "101"},
        {"job": "x"},
        {"brand": "x" * 101},
        {"p": "x"},
        {"p": "99999999999999999999"},
        {"o": "99"},
        {"o": "x.y"},
        {"q": "%" * 300},
        {"q": "http://[::1"},
        {"all": "1"},
    ],
)
def test_what_cannot_be_understood_is_no_error_of_ours(viewer: Client, query: dict[str, str]) -> None:
    make_listing()
    assert viewer.get(LISTINGS, query, follow=True).status_code == 200


def test_a_wrong_number_is_named_and_filters_nothing(viewer: Client) -> None:
    make_listing()
    html = viewer.get(LISTINGS, {"min_price": "cheap"}).content.decode()
    assert "Enter a number." in html
    assert "1–1 of 1" in html


def test_no_lookup_can_be_made_up(viewer: Client) -> None:
    make_listing()
    response = viewer.get(LISTINGS, {"history__triggered_by": "x"})
    assert response.status_code in (302, 400)


def fill(count: int) -> None:
    """Bring in listings at once."""
    jobs.complete(uuid.uuid4(), brands=["Sony"], matches=[a_match() for _ in range(count)])


def test_fifty_rows_cost_the_statements_of_five(operator: Client) -> None:
    fill(5)
    few = queries(operator, LISTINGS)
    fill(100)
    assert queries(operator, LISTINGS) == few
    assert queries(operator, f"{LISTINGS}?p=2&o=-4") == few
    assert few < 15


def test_pages_are_counted_no_further_than_a_thousand_ahead(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.admin.paging.AHEAD", 20)
    fill(130)
    asked = {"min_confidence": "1"}
    first = viewer.get(LISTINGS, asked).content.decode()
    assert "1–50 of 70 or more" in first
    assert "p=2" in first
    last = viewer.get(LISTINGS, {**asked, "p": "3"}).content.decode()
    assert "101–130 of 130" in last
    assert "or more" not in last


def test_by_state_and_brand_the_number_is_known(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.admin.paging.AHEAD", 20)
    fill(130)
    for asked in ({}, {"state": "FOUND"}, {"brand": "sony"}, {"brand": "sony", "state": "FOUND", "o": "3"}):
        assert "1–50 of 130<" in viewer.get(LISTINGS, asked).content.decode()
    for asked in ({"state": "SOLD"}, {"brand": "leica"}):
        assert "<span>none</span>" in viewer.get(LISTINGS, asked).content.decode()


def test_empty_lists_say_what_to_do(viewer: Client) -> None:
    assert "Run a scrape" in viewer.get(LISTINGS).content.decode()
    make_listing()
    assert "Nothing fits these filters" in viewer.get(LISTINGS, {"state": "SOLD"}).content.decode()


def test_saved_questions_lead_to_lists(viewer: Client) -> None:
    links = viewer.get(LISTINGS).context["saved_questions"]
    assert len(links) > 5
    for each in links:
        response = viewer.get(each["url"])
        assert response.status_code == 200
        assert [one["words"] for one in response.context["saved_questions"] if one["active"]] == [
            each["words"]
        ]
