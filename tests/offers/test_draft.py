"""The draft: shown, edited and held against what eBay takes, by the API."""

from typing import Any

import pytest

from listings import offers
from listings.models import ProductListing
from listings.states import State
from tests.factories import make_listing, rows
from tests.offers.conftest import notes, ready

pytestmark = pytest.mark.django_db


def test_a_draft_is_prepared_from_what_is_known(ebay: Any) -> None:
    listing = make_listing(State.RECEIVED, title="Sony A6400 no. 7")
    before = rows()
    shown = ebay("get", listing).json()
    expected = {
        "state": "RECEIVED",
        "title": "Sony A6400 no. 7",
        "brand": "Sony",
        "model": "a6400",
        "condition": "Used",
        "price": "500.00",
        "photos": [],
        "blockers": [{"field": "photos", "words": "There is no photo. Add one."}],
        "problems": {},
        "pending": None,
        "url": "",
        "requested_at": None,
        "ended_at": None,
    }
    assert {name: shown[name] for name in expected} == expected
    assert rows() == before


def test_what_staff_edit_is_kept_and_what_they_leave_stays(ebay: Any) -> None:
    listing = ready()
    response = ebay("patch", listing, title="Sony A6400, as new", price=None)
    assert (response.status_code, response.json()["title"]) == (200, "Sony A6400, as new")
    assert response.json()["price"] == "500.00"
    shown = ebay("patch", listing, condition="Open box", price="450").json()
    assert (shown["title"], shown["condition"], shown["price"]) == (
        "Sony A6400, as new",
        "Open box",
        "450.00",
    )
    assert ebay("patch", listing, price=None).json()["price"] == "500.00"
    assert notes(listing) == [
        "Edited for eBay: title.",
        "Edited for eBay: condition, price.",
        "Edited for eBay: price.",
    ]
    before = rows()
    ebay("patch", listing, title="Sony A6400, as new", price="500.00")
    assert rows() == before


BLOCKED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no title": ({"title": " "}, "title", "The title is empty. Write one."),
    "a long title": ({"title": "x" * 83}, "title", "The title is 3 too long: eBay takes 80 characters."),
    "no condition": ({"condition": ""}, "condition", "No condition is chosen. Choose one."),
    "no description": ({"description": ""}, "description", "The description is empty. Write one."),
    "a long description": (
        {"description": "x" * 4001},
        "description",
        "The description is over 4,000 characters. Shorten it.",
    ),
    "a price of zero": ({"price": "0"}, "price", "The price is zero. Give what the camera is to bring."),
}


@pytest.mark.parametrize("name", BLOCKED)
def test_what_keeps_it_from_ebay_is_kept_and_named(ebay: Any, ask: Any, name: str) -> None:
    told, field, words = BLOCKED[name]
    listing = ready()
    response = ebay("patch", listing, **told)
    assert response.status_code == 200
    assert response.json()["blockers"] == [{"field": field, "words": words}]
    before = rows()
    asked = ask(listing)
    field = "ebay_asking_price" if field == "price" else field
    assert (asked.status_code, asked.json()["detail"]) == (422, {field: [words]})
    assert rows() == before


def test_blockers_ask_the_database_for_nothing_where_all_came_along(
    django_assert_num_queries: Any,
) -> None:
    for _ in range(3):
        ready()
    listings = ProductListing.objects.select_related("ebay_offer").prefetch_related("photos")
    with django_assert_num_queries(2):
        assert [offers.blockers(each) for each in listings] == [[], [], []]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({"titel": "x"}, "titel"),
    "an unknown condition": ({"condition": "Mint"}, "condition"),
    "a negative price": ({"price": "-1"}, "price"),
    "no amount": ({"price": "lots"}, "price"),
    "a title without end": ({"title": "x" * 513}, "title"),
    "a description without end": ({"description": "x" * 20_001}, "description"),
    "a number as title": ({"title": ["x"]}, "title"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("state", [State.RECEIVED, State.LISTED])
def test_what_makes_no_sense_is_refused_by_field(ebay: Any, state: State, name: str) -> None:
    told, field = WRONG[name]
    listing = make_listing(state)
    before = rows()
    response = ebay("patch", listing, **told)
    assert (response.status_code, list(response.json()["detail"])) == (422, [field])
    assert rows() == before


@pytest.mark.parametrize("state", [each for each in State if each not in (State.RECEIVED, State.LISTED)])
def test_elsewhere_there_is_nothing_to_edit_or_to_end(ebay: Any, state: State) -> None:
    listing = make_listing(state)
    before = rows()
    for response in (ebay("patch", listing, title="x"), ebay("delete", listing)):
        assert (response.status_code, state.label in response.json()["detail"]) == (409, True)
    assert ebay("get", listing).status_code == 200
    assert rows() == before


def test_what_ebaylister_was_told_is_not_edited_until_it_answers(ebay: Any, ask: Any) -> None:
    listing = ready()
    ask(listing)
    before = rows()
    response = ebay("patch", listing, title="x")
    assert (response.status_code, "until it answers" in response.json()["detail"]) == (409, True)
    assert ebay("delete", listing).status_code == 409
    assert rows() == before
