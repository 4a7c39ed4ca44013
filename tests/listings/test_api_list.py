"""`GET /admin/listings`: what it answers, its filters and orders, its pages, and every wrong question."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations.models import InboxMessage
from listings.models import ProductListing
from listings.states import State
from tests.factories import a_job, a_match, make_listing

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]

FIELDS = [
    "id",
    "product_id",
    "marketplace_url",
    "title",
    "asking_price",
    "state",
    "brand",
    "model",
    "confidence_score",
    "estimated_profit",
    "scraper_job_id",
    "created_at",
    "updated_at",
    "state_changed_at",
    "found_at",
    "messaged_at",
    "negotiating_at",
    "purchased_at",
    "received_at",
    "listed_at",
    "sold_at",
    "cancelled_at",
    "negotiated_price",
    "purchase_price",
    "shipping_cost",
    "ebay_fees",
    "final_profit",
    "ebay_listing_id",
    "ebay_asking_price",
    "ebay_sold_price",
    "profit_is_provisional",
    "deadline_at",
    "short_code",
    "error_message",
    "error_occurred_at",
    "allowed_transitions",
]


@pytest.fixture
def ask(viewer: Client) -> Callable[..., list[str]]:
    """Ask for listings; return the titles, in order."""

    def get(query: str = "") -> list[str]:
        answer = viewer.get(f"/admin/listings{query}")
        assert answer.status_code == 200, answer.content
        page = answer.json()
        assert list(page) == ["listings", "total", "limit", "offset"]
        return [listing["title"] for listing in page["listings"]]

    return get


@pytest.fixture
def four(post_job: Callable[..., Any]) -> None:
    """Four listings, made one after another."""
    cameras: list[tuple[str, str, int, dict[str, Any]]] = [
        ("Sony one", "Sony", 1, {"price": 100, "potential_profit": 10, "confidence": 60}),
        ("Canon two", "Canon", 2, {"price": None, "potential_profit": None, "confidence": 70}),
        ("Sony three", "SONY", 1, {"price": 300, "potential_profit": -5, "confidence": 80}),
        ("Żorki four", "Żorki", 4, {"price": 200, "potential_profit": 99.99, "confidence": 90}),
    ]
    for title, brand, product, facts in cameras:
        match = a_match(title=title, **facts)
        match["product"] = {"id": product, "brand": brand, "model": f"m{product}", "full_name": title}
        assert post_job(a_job(match)).status_code == 202


def test_a_listing_has_every_field_of_the_contract(viewer: Client) -> None:
    listing = make_listing(State.SOLD)
    (shown,) = viewer.get("/admin/listings").json()["listings"]
    assert set(FIELDS) <= set(shown)
    assert not {"raw_match", "identity"} & set(shown)
    assert shown["id"] == str(listing.pk)
    money = {
        "asking_price": "400.00",
        "purchase_price": "350.00",
        "ebay_sold_price": "500.00",
        "ebay_fees": "60.00",
    }
    assert {name: shown[name] for name in money} == money
    assert (shown["final_profit"], shown["confidence_score"]) == ("80.00", "95.00")
    assert shown["created_at"].endswith("Z")
    assert len(shown["short_code"]) == 6


def test_newest_first(four: None, ask: Callable[..., list[str]]) -> None:
    assert ask() == ["Żorki four", "Sony three", "Canon two", "Sony one"]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("state=FOUND", ["Żorki four", "Sony three", "Canon two", "Sony one"]),
        ("state=SOLD", []),
        ("brand=Sony", ["Sony three", "Sony one"]),
        ("brand=sONY", ["Sony three", "Sony one"]),
        ("brand=Son", []),
        ("brand=", ["Żorki four", "Sony three", "Canon two", "Sony one"]),
        ("q=THREE", ["Sony three"]),
        ("q=o", ["Żorki four", "Sony three", "Canon two", "Sony one"]),
        ("q=m2", ["Canon two"]),
        ("q=%25", []),
        ("q=_", []),
        ("q=%27%3B--", []),
        ("q=\\", []),
        ("q=" + "x" * 2048, []),
        ("product_id=1", ["Sony three", "Sony one"]),
        ("min_profit=10", ["Żorki four", "Sony one"]),
        ("min_profit=-5.00", ["Żorki four", "Sony three", "Sony one"]),
        ("min_profit=99.99", ["Żorki four"]),
        ("min_confidence=80", ["Żorki four", "Sony three"]),
        ("min_confidence=80.01", ["Żorki four"]),
        ("brand=sony&min_confidence=70", ["Sony three"]),
        ("created_after=2020-01-01T00:00:00Z", ["Żorki four", "Sony three", "Canon two", "Sony one"]),
        ("created_before=2020-01-01T00:00:00%2B02:00", []),
        ("needs_attention=true", []),
        ("needs_attention=false", ["Żorki four", "Sony three", "Canon two", "Sony one"]),
        ("ordering=created_at", ["Sony one", "Canon two", "Sony three", "Żorki four"]),
        ("ordering=asking_price", ["Sony one", "Żorki four", "Sony three", "Canon two"]),
        ("ordering=-asking_price", ["Sony three", "Żorki four", "Sony one", "Canon two"]),
        ("ordering=estimated_profit", ["Sony three", "Sony one", "Żorki four", "Canon two"]),
        ("ordering=-estimated_profit", ["Żorki four", "Sony one", "Sony three", "Canon two"]),
        ("ordering=-confidence_score", ["Żorki four", "Sony three", "Canon two", "Sony one"]),
        ("ordering=state_changed_at", ["Sony one", "Canon two", "Sony three", "Żorki four"]),
        ("limit=2", ["Żorki four", "Sony three"]),
        ("limit=2&offset=3", ["Sony one"]),
        ("offset=2147483647", []),
        ("limit=200", ["Żorki four", "Sony three", "Canon two", "Sony one"]),
    ],
)
def test_a_question_is_answered(
    four: None, ask: Callable[..., list[str]], query: str, titles: list[str]
) -> None:
    assert ask(f"?{query}") == titles


def test_a_brand_beyond_ascii_is_found_by_its_own_spelling(four: None, ask: Callable[..., list[str]]) -> None:
    assert ask(f"?brand={quote('Żorki')}") == ["Żorki four"]


def test_the_short_code_and_the_url_are_searched(four: None, ask: Callable[..., list[str]]) -> None:
    listing = ProductListing.objects.get(title="Canon two")
    assert ask(f"?q={listing.short_code.lower()}") == ["Canon two"]
    assert ask(f"?q={listing.short_code[:5]}") == []
    number = listing.identity.partition(":")[2]
    assert ask(f"?q=item/{number}") == ["Canon two"]


def test_the_total_counts_what_fits_not_what_is_shown(four: None, viewer: Client) -> None:
    page = viewer.get("/admin/listings?brand=sony&limit=1&offset=1").json()
    assert (page["total"], page["limit"], page["offset"], len(page["listings"])) == (2, 1, 1, 1)
    page = viewer.get("/admin/listings").json()
    assert (page["total"], page["limit"], page["offset"]) == (4, 50, 0)


def test_pages_of_equal_rows_show_each_once(post_job: Callable[..., Any], viewer: Client) -> None:
    post_job(a_job(*(a_match(price=100) for _ in range(25))))  # one moment, one price
    for ordering in ("-created_at", "asking_price", "-asking_price", "state_changed_at"):
        seen = []
        for offset in range(0, 25, 4):
            page = viewer.get(f"/admin/listings?limit=4&offset={offset}&ordering={ordering}").json()
            seen += [listing["id"] for listing in page["listings"]]
        assert len(seen) == len(set(seen)) == 25


def test_fifty_listings_cost_as_many_statements_as_one(post_job: Callable[..., Any], viewer: Client) -> None:
    counts = []
    for count in (1, 49):
        post_job(a_job(*(a_match() for _ in range(count))))
        with CaptureQueriesContext(connection) as captured:
            viewer.get("/admin/listings?q=sony&needs_attention=false")
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_what_needs_attention(viewer: Client, ask: Callable[..., list[str]]) -> None:
    make_listing(title="nothing wrong")
    failing, parked = make_listing(title="an error"), make_listing(title="a callback")
    soon = make_listing(State.MESSAGING, title="time is nearly up")
    ProductListing.objects.filter(pk=failing.pk).update(
        error_message="x", error_occurred_at=failing.created_at
    )
    InboxMessage.objects.create(
        partner="chatterbot", kind="deal-confirmed", body=b"{}", status="conflict", subject=parked.pk
    )
    near = soon.state_changed_at + timedelta(hours=23)
    ProductListing.objects.filter(pk=soon.pk).update(deadline_at=near)
    assert ask("?needs_attention=true") == ["time is nearly up", "a callback", "an error"]
    assert ask("?needs_attention=false") == ["nothing wrong"]


WRONG = {
    **{
        f"{name}={value}": name
        for name, values in {
            "limit": ["0", "-1", "201", "1" + "0" * 20, "1" * 5000, "ten", "", "1.5", "1e1", "0x10", "NaN", "é"],
            "offset": ["-1", "2147483648", "1" + "0" * 20, "x", ""],
            "state": ["found", "GONE", "", "FOUND,SOLD"],
            "product_id": ["-1", "2147483648", "1" + "0" * 30, "x", "1.5"],
            "min_profit": ["lots", "NaN", "Infinity", "1e400", "1" * 500],
            "min_confidence": ["-1", "101", "NaN", "inf", "1e400", "x"],
            "needs_attention": ["maybe", "2", "", "null"],
            "ordering": ["title", "--created_at", "-", "", "created_at,id", "raw_match", "version"],
            "created_after": [
                "yesterday", "", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00",
                "10000-01-01T00:00:00Z", "2026-01-01T00:00:00%2B99:00", "1" * 50,
            ],
            "created_before": ["0000-00-00", "9999-12-31T23:59:59-23:59", "-1"],
            "q": ["x" * 2049],
            "brand": ["x" * 101],
        }.items()
        for value in values
    },
    "unknown=1": "unknown",
    "State=FOUND": "State",
    "title=x": "title",
    "page=2": "page",
    "id__in=1": "id__in",
    "state=FOUND&state=SOLD": "state",
    "q=a&q=a": "q",
}  # fmt: skip


@pytest.mark.parametrize("query", list(WRONG))
def test_a_wrong_question_is_422_and_names_the_parameter(viewer: Client, query: str) -> None:
    answer = viewer.get(f"/admin/listings?{query}")
    assert (answer.status_code, list(answer.json()["detail"])) == (422, [WRONG[query]])


@pytest.mark.parametrize("query", ["q=%00", "brand=%00x", "%00=1", "state=FOUND%00", "x=1;%00"])
@pytest.mark.parametrize("path", ["/admin/listings", "/admin/scrape/jobs", "/health", "/staff/login/"])
def test_a_nul_in_a_question_is_400(viewer: Client, path: str, query: str) -> None:
    answer = viewer.get(f"{path}?{query}")
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize("path", ["/admin/listings/%00", "/%00", "/admin/listings/x%00y/history"])
def test_a_nul_in_a_path_is_400(viewer: Client, path: str) -> None:
    assert viewer.get(path).status_code == 400


@pytest.mark.parametrize("cookie", ["sessionid", "csrftoken", "messages", "other"])
def test_a_nul_in_a_cookie_is_400(client: Client, cookie: str) -> None:
    for value in ("\0", '"\\000"', "a\\000b"):
        answer = client.get("/admin/listings", headers={"cookie": f"{cookie}={value}"})
        assert answer.status_code in (400, 401)
        answer = client.get("/staff/login/", headers={"cookie": f"{cookie}={value}"})
        assert answer.status_code in (200, 400)


@pytest.mark.parametrize(
    "query", ["q=%ff%fe", "q=%ed%a0%80", "brand=%c3", "q=" + "%F0%9F%93%B7", "q=%E2%80%AE"]
)
def test_bytes_that_are_no_text_find_nothing_and_break_nothing(
    four: None, ask: Callable[..., list[str]], query: str
) -> None:
    assert ask(f"?{query}") == []


@pytest.mark.parametrize("number", ["1", "x", "0" * 31, "../..", "%F0%9F%93%B7", "G" * 36])
def test_an_id_that_is_none_is_404(viewer: Client, number: str) -> None:
    for path in (
        f"/admin/listings/{number}",
        f"/admin/listings/{number}/history",
        f"/admin/scrape/jobs/{number}",
    ):
        answer = viewer.get(path)
        assert (answer.status_code, list(answer.json())) == (404, ["detail"])


def test_a_signed_in_browser_gets_pages_and_a_program_json(viewer: Client, four: None) -> None:
    page = viewer.get("/admin/listings", headers={"accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Żorki four" in page.content.decode()
    for accept in ("application/json", "*/*", "application/json;q=0.9", ""):
        answer = viewer.get("/admin/listings", headers={"accept": accept})
        assert answer.headers["Content-Type"] == "application/json"
    assert viewer.get("/admin/listings", headers={"accept": "image/png"}).status_code == 406
