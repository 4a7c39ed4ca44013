"""A sale that cannot be is kept with its reason, and one that is not known yet is parked; neither changes anything."""

import uuid
from typing import Any

import pytest

from integrations.models import InboxMessage
from integrations.tasks import process_inbox
from listings import lifecycle
from listings.models import ProductListing
from listings.states import State
from tests.factories import make_listing, rows
from tests.selling.sales import Tell, fresh, kept, last_inbox, said, sale

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ebay_and_chat")]

Status = InboxMessage.Status
NOBODYS = "2f7c1d7e-5a0b-4a4e-9a51-0c6b8f3f2f10"


def refused(tell: Tell, listing: ProductListing, body: dict[str, Any]) -> str:
    """Tell what cannot be; hold that it is kept, that staff are told, and that nothing else came of it."""
    before, told_before = kept(listing), said()
    answer = tell(body)
    assert answer.status_code == 409
    assert kept(listing) == before
    row = last_inbox()
    assert (row.status, row.detail, row.subject) == (Status.CONFLICT, answer.json()["detail"], listing.pk)
    *earlier, alert = said()
    assert earlier == told_before
    assert alert.startswith("Conflict, please look: ")
    return row.detail


def test_another_order_is_a_double_sale(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    words = refused(tell, listing, sale(listing, order_id="99-1", sold_price=480))
    assert words == (
        "Sold twice: eBay order 99-1 for £480.00, but order 12-34567-89012 has bought it. "
        "Cancel order 99-1 on eBay, then dismiss this."
    )
    tell(sale(listing, order_id="99-1", sold_price=480))
    assert len(said()) == 2  # what waits in the same words is not told again


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sold_price": 480}, "price £480.00 instead of £500.00"),
        ({"ebay_fees": "60"}, "fees £60.00 instead of £64.30"),
        ({"shipping_cost": "0"}, "postage £0.00 instead of £7.95"),
        ({"sold_price": 480, "order_id": None}, "price £480.00 instead of £500.00"),
        (
            {"sold_price": 480, "ebay_fees": 1},
            "price £480.00 instead of £500.00, fees £1.00 instead of £64.30",
        ),
    ],
)
def test_the_same_order_with_another_amount(tell: Tell, change: dict[str, Any], words: str) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    said_now = refused(tell, listing, sale(listing, **change))
    assert said_now == f"The same sale is told with another amount: {words}."


def test_sold_by_hand_at_another_price(tell: Tell) -> None:
    listing = make_listing(State.SOLD)
    refused(tell, listing, sale(listing, sold_price=510, ebay_fees=None, shipping_cost=None))


def test_on_a_cancelled_listing(tell: Tell) -> None:
    listing = make_listing(State.CANCELLED)
    words = refused(tell, listing, sale(listing))
    assert words.startswith(
        "eBay order 12-34567-89012 sold it for £500.00, but the listing was cancelled on "
    )


@pytest.mark.parametrize("state", [State.FOUND, State.MESSAGING, State.NEGOTIATING])
def test_before_it_was_bought(tell: Tell, state: State) -> None:
    listing = make_listing(state)
    words = refused(tell, listing, sale(listing, order_id=None))
    assert words == (
        f"eBay sold it for £500.00, but it is only {state.label} here. Move it to Purchased with what was "
        "paid, then apply this; or cancel the order on eBay."
    )


def test_two_names_of_two_listings(tell: Tell) -> None:
    one, other = make_listing(State.LISTED), make_listing(State.LISTED)
    before = kept(other)
    words = refused(tell, one, sale(one, sku=str(other.pk)))
    assert words == f"A sale names eBay listing {one.ebay_listing_id}, which is not sku {other.pk}'s."
    assert kept(other) == before
    refused(tell, one, sale(one, sku=str(uuid.uuid4())))


def test_a_sku_whose_listing_has_another_number(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    words = refused(tell, listing, sale(listing, listing_id="999"))
    assert words == f"A sale names eBay listing 999, but this is eBay listing {listing.ebay_listing_id}."


def test_a_number_with_a_sku_that_is_not_ours(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    assert tell(sale(listing, sku="SHELF-12")).status_code == 200


@pytest.mark.parametrize(
    "names",
    [
        {"listing_id": "999"},
        {"sku": "SHELF-12"},
        {"sku": NOBODYS},
        {"listing_id": 999, "sku": "SHELF-12"},
        {"listing_id": "999", "sku": NOBODYS},
    ],
    ids=str,
)
def test_what_nobody_knows_is_parked(tell: Tell, names: dict[str, Any]) -> None:
    make_listing(State.LISTED)
    before = rows()
    answer = tell({"sold_price": "500.00", **names})
    assert (answer.status_code, answer.json()) == (202, {"status": "parked"})
    assert rows() == before | {"InboxMessage": before["InboxMessage"] + 1}
    assert last_inbox().status == Status.PARKED
    assert "which we do not know (yet)" in last_inbox().detail


def test_parked_until_the_number_is_known(tell: Tell) -> None:
    listing = make_listing(State.RECEIVED)
    tell(sale(listing, sku=..., listing_id="110555"))
    process_inbox()
    assert fresh(listing).state == State.RECEIVED
    lifecycle.list_on_ebay(listing.pk, by="user:ann", ebay_listing_id="110555")
    process_inbox()
    assert fresh(listing).state == State.SOLD
    assert last_inbox().status == Status.PROCESSED
