"""The board over HTTP: its columns, its pages, and every move that it allows or refuses."""

import json
import re
import uuid
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations.models import OutboxMessage
from listings.models import Photo, ProductListing
from listings.states import ARROWS, State
from scraping import jobs
from tests import factories

FACTS: dict[State, dict[str, str]] = {
    State.PURCHASED: {"purchase_price": "350"},
    State.LISTED: {"ebay_listing_id": "110099", "ebay_asking_price": "500"},
    State.SOLD: {"ebay_sold_price": "500", "ebay_fees": "60"},
    State.CANCELLED: {"reason": "too dear"},
}


def shown(html: str) -> list[str]:
    """Return the ids of the cards, in order."""
    return re.findall(r'data-listing="([0-9a-f-]{36})"', html)


def column(html: str, state: str) -> str:
    """Return what stands between a column's beginning and the next one's."""
    return html.split(f'data-state="{state}"', 1)[1].split("data-state=", 1)[0]


def a_photo(listing: ProductListing, position: int = 0) -> Photo:
    """Give a listing a photo without a file: the board writes its address only."""
    return Photo.objects.create(
        listing=listing, position=position, image="a", thumbnail="b", width=8, height=6, size=9, added_by="x"
    )


def move(client: Client, listing: ProductListing, to: str, **fields: str) -> Any:
    """Post a move as board.js does."""
    return client.post(f"/staff/board/{listing.pk}/{to}/", {"seen": listing.state, **fields})


def test_a_card_stands_in_its_column_with_its_figures(operator: Client) -> None:
    listing = factories.make_listing(State.MESSAGING, price=190.0)
    html = operator.get("/staff/board/").content.decode()
    messaging = column(html, "MESSAGING")
    assert shown(messaging) == [str(listing.pk)]
    assert "£190.00" in messaging and "asking" in messaging and " left" in messaging


def test_no_card_is_lost_or_doubled_while_listings_arrive(operator: Client) -> None:
    before = {str(factories.make_listing().pk) for _ in range(35)}
    html = operator.get("/staff/board/").content.decode()
    seen = shown(html)
    factories.make_listing()
    while found := re.search(r'hx-get="([^"]+)"', html):
        html = operator.get(found[1].replace("&amp;", "&")).content.decode()
        seen += shown(html)
    assert len(seen) == len(set(seen)) and set(seen) == before


@pytest.mark.parametrize("to", State.values)
@pytest.mark.parametrize("origin", State.values)
def test_every_move_is_taken_or_refused_with_a_reason(operator: Client, origin: str, to: str) -> None:
    listing = factories.make_listing(origin)
    before = factories.rows()
    answer = move(operator, listing, to, **FACTS.get(State(to), {}))
    listing.refresh_from_db()
    if (State(origin), State(to)) in ARROWS:
        assert answer.status_code == 200 and answer.json()["state"] == listing.state == to
        assert OutboxMessage.objects.filter(key=str(listing.pk)).exists()
    else:
        assert answer.status_code == 409 and answer.json()["words"].startswith("Not saved")
        assert listing.state == origin and factories.rows() == before


def test_a_stale_board_a_wrong_form_and_a_viewer_change_nothing(operator: Client, viewer: Client) -> None:
    listing = factories.make_listing(State.NEGOTIATING)
    before = factories.rows()
    stale = operator.post(f"/staff/board/{listing.pk}/PURCHASED/", {"seen": "MESSAGING"})
    wrong = move(operator, listing, "PURCHASED", purchase_price="twelve")
    refused = move(viewer, listing, "PURCHASED")
    assert stale.status_code == 409 and "moved this to Negotiating" in stale.json()["words"]
    assert wrong.status_code == 422 and 'value="twelve"' in wrong.json()["form"]
    assert refused.status_code == 403 and viewer.get(f"/staff/board/{listing.pk}/").status_code == 403
    assert factories.rows() == before
    assert "You can look" in viewer.get("/staff/board/").content.decode()


def test_the_sheet_lists_what_cannot_be_done_and_why(operator: Client) -> None:
    listing = factories.make_listing(State.MESSAGING)
    html = operator.get(f"/staff/board/{listing.pk}/").content.decode()
    assert 'data-to="NEGOTIATING"' in html and 'data-to="PURCHASED"' not in html
    assert "First Negotiating." in html


def test_what_ebay_is_asked_stays_in_received_and_says_so(operator: Client) -> None:
    listing = factories.make_listing(State.RECEIVED)
    a_photo(listing)
    answer = move(operator, listing, "LISTED", ebay_asking_price="500")
    html = operator.get("/staff/board/").content.decode()
    received = column(html, "RECEIVED")
    assert answer.status_code == 200 and answer.json()["state"] == "RECEIVED"
    assert "Received until it is confirmed" in answer.json()["words"]
    assert "ebay.create_listing" in answer.json()["words"]
    assert shown(received) == [str(listing.pk)] and "Pending: eBay is asked to list it" in received


def test_what_ebay_would_refuse_is_said_in_the_form(operator: Client) -> None:
    listing = factories.make_listing(State.RECEIVED)
    before = factories.rows()
    answer = move(operator, listing, "LISTED", ebay_asking_price="500")
    assert answer.status_code == 422 and "There is no photo." in answer.json()["form"]
    assert factories.rows() == before


def test_each_columns_count_and_money_are_those_of_the_list_that_it_leads_to(operator: Client) -> None:
    for state in (State.FOUND, State.FOUND, State.PURCHASED, State.SOLD, State.SOLD, State.CANCELLED):
        factories.make_listing(state, price=200.0)
    html = operator.get("/staff/board/").content.decode()
    heads = {
        state: re.search(r'class="bo-count" href="([^"]+)"[^>]*>(\d+)<', column(html, state))
        for state in State
    }
    for state, found in heads.items():
        assert found is not None
        assert int(found[2]) == ProductListing.objects.filter(state=state).count()
        if state not in (State.FOUND, State.SOLD):
            continue
        listed = operator.get(found[1].replace("&amp;", "&")).content.decode()
        assert listed.count('name="_selected_action"') == int(found[2])
    assert "£400.00</span></b> asking" in column(html, "FOUND")
    assert "£350.00</span></b> paid" in column(html, "PURCHASED")
    assert "£160.00</span></b> profit" in column(html, "SOLD")


def test_a_camera_is_shown_by_its_first_photo(operator: Client) -> None:
    listing = factories.make_listing(State.RECEIVED)
    second, first = a_photo(listing, 1), a_photo(listing, 0)
    html = column(operator.get("/staff/board/").content.decode(), "RECEIVED")
    assert str(first.pk) in html and str(second.pk) not in html and "2 photos" in html


def test_the_filters_leave_what_they_say(operator: Client) -> None:
    error = factories.make_listing(title="Broken", product=_product("Nikon"))
    ends = factories.make_listing(State.MESSAGING, title="Ending", product=_product("Canon"))
    later = factories.make_listing(State.MESSAGING, title="Later", product=_product("Canon"))
    ProductListing.objects.filter(pk=error.pk).update(error_message="503", error_occurred_at=error.created_at)
    soon = ends.state_changed_at + timedelta(hours=30)
    ProductListing.objects.filter(pk=ends.pk).update(deadline_at=soon)
    found = {
        query: set(shown(operator.get(f"/staff/board/?{query}").content.decode()))
        for query in (
            "show=attention",
            "show=deadline",
            "brand=canon",
            "q=Later",
            "brand=canon&q=Broken",
            "show=x",
        )
    }
    everything = {str(each.pk) for each in (error, ends, later)}
    assert found == {
        "show=attention": {str(error.pk)},
        "show=deadline": {str(ends.pk)},
        "brand=canon": {str(ends.pk), str(later.pk)},
        "q=Later": {str(later.pk)},
        "brand=canon&q=Broken": set(),
        "show=x": everything,
    }


def test_a_refresh_brings_as_many_cards_as_the_browser_has(operator: Client) -> None:
    for _ in range(45):
        factories.make_listing()
    part = operator.get("/staff/board/?part=1&n_FOUND=40").content.decode()
    assert len(shown(part)) == 40 and "<html" not in part
    assert len(shown(operator.get("/staff/board/?part=1&n_FOUND=x").content.decode())) == 30


def test_sixty_cards_take_as_many_queries_as_one(operator: Client) -> None:
    a_photo(factories.make_listing())
    operator.get("/staff/board/")  # content types and the like are read once
    counts = []
    for times in (0, 59):
        matches = [factories.a_match() for _ in range(times)]
        jobs.complete(uuid.uuid4(), brands=["Sony"], matches=matches)
        for listing in list(ProductListing.objects.filter(photos=None)):
            a_photo(listing)
        with CaptureQueriesContext(connection) as queries:
            html = operator.get("/staff/board/?n_FOUND=60").content.decode()
        counts.append((len(shown(html)), len(queries)))
    assert counts == [(1, counts[0][1]), (60, counts[0][1])]


@pytest.mark.parametrize("path", ["", "column/FOUND/", "{pk}/", "{pk}/CANCELLED/"])
def test_who_may_not_look_sees_nothing_of_it(db: None, path: str) -> None:
    listing = factories.make_listing(title="A secret")
    answer = factories.signed_in("zoe").get(f"/staff/board/{path.format(pk=listing.pk)}")
    assert answer.status_code == 403 and "A secret" not in answer.content.decode()


def _product(brand: str) -> dict[str, Any]:
    return {"id": 7, "brand": brand, "model": "M", "full_name": f"{brand} M"}


def test_a_step_that_writes_to_a_stranger_is_shown_before_it_goes(operator: Client) -> None:
    listing = factories.make_listing()
    html = operator.get("/staff/board/").content.decode()
    moves = json.loads(unescape(html.split("data-moves='", 1)[1].split("'", 1)[0]))
    before = factories.rows()
    form = operator.get(f"/staff/board/{listing.pk}/MESSAGING/?seen=FOUND").content.decode()
    assert moves["FOUND"]["MESSAGING"]["writes"] and not moves["MESSAGING"]["NEGOTIATING"]["writes"]
    assert "Chatterbot gets the lead" in form and ">Message the seller</button>" in form
    assert factories.rows() == before
