"""The board over HTTP: its columns, its pages, and every move that it allows or refuses."""

import re
from typing import Any

import pytest
from django.test import Client

from integrations.models import OutboxMessage
from listings.models import ProductListing
from listings.states import ARROWS, State
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


def move(client: Client, listing: ProductListing, to: str, **fields: str) -> Any:
    """Post a move as board.js does."""
    return client.post(f"/staff/board/{listing.pk}/{to}/", {"seen": listing.state, **fields})


def test_a_card_stands_in_its_column_with_its_figures(operator: Client) -> None:
    listing = factories.make_listing(State.MESSAGING, price=190.0)
    html = operator.get("/staff/board/").content.decode()
    column = html.split('data-state="MESSAGING"', 1)[1].split('data-state="NEGOTIATING"', 1)[0]
    assert shown(column) == [str(listing.pk)]
    assert "£190.00" in column and "asking" in column and " left" in column


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
