"""One match among good ones: what makes it a listing, and what makes it invalid, costing only itself."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.models import InboxMessage, OutboxMessage
from listings.models import ProductListing, Sighting, TransitionLog
from scraping import matches
from scraping.models import InvalidMatch, ScrapeJob
from tests.factories import a_job, a_match

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]

NAN, INFINITY = float("nan"), float("inf")
URL = "https://www.facebook.com/marketplace/item/1/"
DEEP: Any = "x"
for _ in range(50):
    DEEP = [DEEP]


def without(name: str, inner: str = "") -> dict[str, Any]:
    match = a_match()
    (match[name] if inner else match).pop(inner or name)
    return match


def product(**changes: Any) -> dict[str, Any]:
    match = a_match()
    match["product"] |= changes
    return match


BAD_PRICES: list[Any] = [
    -1, -0.01, 1_000_000.01, 1_000_001, 2**63, 10**300, "", "free", "£400", "1e3", "NaN", "Infinity",
    "٤٠٠", "1_000", "4" * 50, True, False, [400], {"amount": 400},
]  # fmt: skip
BAD_URLS: list[Any] = [
    None, "", " ", 1, [], "facebook.com/marketplace/item/1", "/marketplace/item/1", "https://", "https:///x",
    "javascript:alert(1)", "data:text/html,x", "ftp://www.facebook.com/marketplace/item/1/",
    "file:///etc/passwd", "https://[::1", "https://example.com:99999/x", "https://exa mple.com/",
    "https://example.com/a\nb", "https://example.com/\t/b",
    "https://" + "a" * 3000 + ".com/", "https://example.com/" + "a" * 2029,
    "http://localhost/x", "http://db/x", "http://router.local/x", "http://127.0.0.1/x", "http://127.1/",
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/", "http://10.1.2.3/",
    "http://192.168.0.1/", "http://172.16.0.1/", "http://169.254.169.254/", "http://100.64.0.1/",
    "http://0/", "http://0.0.0.0/", "http://[::1]/", "http://[fd00::1]/", "http://[fe80::1%25eth0]/",
    "http://[::ffff:10.0.0.1]/", "http://[::ffff:7f00:1]/", "http://224.0.0.1/", "http://255.255.255.255/",
    "http://127.0.0.1./", "http://①②⑦.0.0.1/", "http://１２７.0.0.1/", "http://localhost./",
    "http://user@127.0.0.1/", "http://www.facebook.com@10.0.0.1/marketplace/item/1/", "http://10.0.0.1:8000/",
    "http://[64:ff9b::10.0.0.1]/", "http://[2002:7f00:1::]/", "http://localhost\\@example.com/",
]  # fmt: skip
# What a match is called here begins with the field that the answer must name.
INVALID: dict[str, Any] = {
    **{f"match: {value!r}": value for value in (None, [], [[]], "text", 1, True, NAN)},
    "match: nested 50 deep": a_match(reasons=DEEP),
    "match: NaN where nobody looks": a_match(match_breakdown={"title_score": NAN}),
    "match: 1e400 where nobody looks": a_match(unknown=INFINITY),
    "match: NUL in the title": a_match(title="Sony \0"),
    "match: NUL in a name": a_match(unknown={"\0": 1}),
    "match: a lone surrogate in the title": a_match(title="Sony \ud83d"),
    "match: a lone surrogate where nobody looks": a_match(reasons=["\udcff"]),
    "match: NaN as price": a_match(price=NAN),
    "match: Infinity as price": a_match(price=INFINITY),
    "match: NaN as confidence": a_match(confidence=NAN),
    "match: -Infinity as profit": a_match(potential_profit=-INFINITY),
    "listing: missing": without("listing"),
    "listing: null": a_match() | {"listing": None},
    "listing: a list": a_match() | {"listing": []},
    "product: missing": without("product"),
    "product: a text": a_match() | {"product": "Sony"},
    "confidence: missing": without("confidence"),
    **{
        f"confidence: {value!r}": a_match(confidence=value)
        for value in (None, -1, -0.01, 100.01, 101, 10**30, "95%", "NaN", "", True, [95], {})
    },
    **{f"listing.price: {value!r}": a_match(price=value) for value in BAD_PRICES},
    **{
        f"potential_profit: {value!r}": a_match(potential_profit=value)
        for value in (-1_000_001, 1_000_001, 2**64, "lots", True, [])
    },
    **{f"listing.title: {value!r}": a_match(title=value) for value in (None, "", "  \n", 1, [], {}, True)},
    "listing.title: missing": without("listing", "title"),
    "listing.url: missing": without("listing", "url"),
    **{f"listing.url {str(url)[:60]!r}": a_match(url=url) for url in BAD_URLS},
    **{
        f"product.id: {value!r}": product(id=value)
        for value in (None, "230", 230.0, -1, 2**31, 2**63, 2**64, True, [])
    },
    **{f"product.brand: {value!r}": product(brand=value) for value in (None, "", 1)},
    **{f"product.model: {value!r}": product(model=value) for value in (None, " ", [])},
}


@pytest.mark.parametrize("name", list(INVALID))
def test_a_bad_match_costs_only_itself(post_job: Callable[..., Any], name: str) -> None:
    answer = post_job(a_job(a_match(), INVALID[name], a_match()))

    assert answer.status_code == 202
    body = answer.json()
    errors = body.pop("errors")
    assert body == {"accepted": True, "created_listings": 2, "skipped": 1, "resighted": 0, "invalid": 1}
    assert [error["index"] for error in errors] == [1]
    field = name.partition(":")[0].partition(" ")[0]
    assert errors[0]["detail"].startswith(f"{field}: ")
    assert ProductListing.objects.count() == TransitionLog.objects.count() == Sighting.objects.count() == 2
    kept = InvalidMatch.objects.get()
    assert (kept.index, kept.detail, kept.inbox_id) == (1, errors[0]["detail"], InboxMessage.objects.get().pk)
    assert json.dumps(json.loads(kept.raw)) == json.dumps(INVALID[name])


def only(post_job: Callable[..., Any], match: dict[str, Any]) -> ProductListing:
    answer = post_job(a_job(match)).json()
    assert (answer["created_listings"], answer["invalid"]) == (1, 0), answer
    return ProductListing.objects.get()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (0, "0.00"),
        (0.0, "0.00"),
        ("0", "0.00"),
        (-0.0, "0.00"),
        (400, "400.00"),
        (400.0, "400.00"),
        ("400", "400.00"),
        ("400.5", "400.50"),
        (0.005, "0.01"),
        (2.675, "2.68"),
        (1.005, "1.01"),
        (1_000_000, "1000000.00"),
        (0.1 + 0.2, "0.30"),
    ],
)
def test_a_price_is_kept_to_the_penny(post_job: Callable[..., Any], value: Any, kept: str | None) -> None:
    listing = only(post_job, a_match(price=value))
    assert listing.asking_price == (None if kept is None else Decimal(kept))
    event = OutboxMessage.objects.get(topic="listing.created")
    assert event.body["asking_price"] == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [(0, "0"), (100, "100"), (95, "95"), (95.5, "95.5"), ("95", "95"), (99.999, "100"), (0.005, "0.01")],
)
def test_a_confidence_from_0_to_100_is_kept(post_job: Callable[..., Any], value: Any, kept: str) -> None:
    assert only(post_job, a_match(confidence=value)).confidence_score == Decimal(kept)


@pytest.mark.parametrize("value", [None, 0, -250.5, 100])
def test_a_loss_or_no_estimate_is_kept(post_job: Callable[..., Any], value: Any) -> None:
    listing = only(post_job, a_match(potential_profit=value))
    assert listing.estimated_profit == (None if value is None else Decimal(str(value)))


def test_a_price_and_estimate_that_are_missing_are_null(post_job: Callable[..., Any]) -> None:
    match = a_match()
    del match["listing"]["price"], match["listing"]["location"], match["potential_profit"], match["reasons"]
    listing = only(post_job, match)
    assert (listing.asking_price, listing.estimated_profit, listing.location) == (None, None, "")


@pytest.mark.parametrize(("length", "kept"), [(1, 1), (512, 512), (513, 512), (100_000, 512)])
def test_a_long_title_is_cut(post_job: Callable[..., Any], length: int, kept: int) -> None:
    listing = only(post_job, a_match(title="é" * length))
    assert listing.title == "é" * kept
    assert listing.raw_match["listing"]["title"] == "é" * length


@pytest.mark.parametrize(
    "title",
    ["Sony\u00a0A6400 📷 <b>\"'&", "=HYPERLINK(1)", "кинокамера", "👩‍👩‍👧", "\u202etfel", "a\u0301\x7f\x1b"],
)
def test_a_title_is_kept_as_it_is(post_job: Callable[..., Any], title: str) -> None:
    assert only(post_job, a_match(title=title)).title == title


def test_unknown_fields_are_kept_with_the_raw_match(post_job: Callable[..., Any]) -> None:
    match = a_match(seller={"name": "Zoë", "rating": 4.5, "big": 2**70}, unknown=[1, None, True])
    assert only(post_job, match).raw_match == match


@pytest.mark.parametrize(
    "url", [URL + "?x=" + "a" * (2048 - len(URL) - 3), "https://a.example/" + "b" * 2030]
)
def test_a_url_of_2048_characters_is_taken(post_job: Callable[..., Any], url: str) -> None:
    assert len(url) == 2048
    assert only(post_job, a_match(url=url)).raw_url == url


def test_the_facts_of_a_match_are_the_listings(post_job: Callable[..., Any]) -> None:
    body = a_job(a_match(123, location="Edinburgh"), brands=["Sony", "Canon"])
    post_job(body)
    listing, job = ProductListing.objects.get(), ScrapeJob.objects.get()
    assert (listing.product_id, listing.brand, listing.model) == (230, "Sony", "a6400")
    assert (listing.location, listing.product_name) == ("Edinburgh", "Sony a6400")
    assert (listing.state, listing.version, listing.session_id) == ("FOUND", 1, job.pk)
    assert str(listing.scraper_job_id) == body["job_id"] == str(job.scraper_job_id)
    assert listing.marketplace_url == "https://www.facebook.com/marketplace/item/123/"
    assert listing.raw_url == body["matches"][0]["listing"]["url"]
    assert OutboxMessage.objects.get(topic="listing.created").body == {
        "listing_id": str(listing.pk),
        "product_id": 230,
        "scraper_job_id": body["job_id"],
        "brand": "Sony",
        "model": "a6400",
        "marketplace_url": listing.marketplace_url,
        "asking_price": "400.00",
        "confidence_score": "95.00",
        "estimated_profit": "100.00",
    }


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=3), anything, max_size=3), st.integers(0, 20))
def test_one_look_at_the_text_finds_what_a_look_at_each_value_finds(
    match: dict[str, Any], depth: int
) -> None:
    nested: Any = "x"
    for _ in range(depth):
        nested = [nested]
    match = {**match, "nested": nested, "text": "\\u0000 is no NUL"}

    def refused(check: Callable[[Any], Any]) -> str:
        try:
            check(match)
        except matches.Invalid as error:
            return str(error)
        return ""

    assert refused(matches._storable) == refused(matches._refuse_unstorable)
