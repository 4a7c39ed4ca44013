"""The arrow to Listed: without eBay's number eBayLister is asked, and the listing waits in Received."""

import pytest
from django.test import Client

from integrations.models import OutboxMessage
from listings import offers
from listings.models import ProductListing
from tests.backoffice.pages import nothing_written, said, step
from tests.backoffice_offers.received import received

pytestmark = pytest.mark.django_db


def asked(listing: ProductListing) -> list[str]:
    """Return the prices at which eBayLister is asked to list it."""
    rows = OutboxMessage.objects.filter(key=str(listing.pk), topic=offers.CREATE)
    return [row.body["offer"]["price"]["value"] for row in rows]


@pytest.mark.parametrize(("price", "sent"), [("", "500.00"), ("549.99", "549.99")])
def test_a_step_asks_ebaylister_and_the_listing_waits(operator: Client, price: str, sent: str) -> None:
    listing = received(price=400.0, potential_profit=100.0)
    for _ in range(2):  # pressed twice, asked once
        response = operator.post(step(listing, "LISTED"), {"seen": "RECEIVED", "ebay_asking_price": price})
        assert response.status_code == 302
        assert said(response)[-1].startswith(
            "Asked eBayLister to list it. It is Listed when that is confirmed."
        )
    assert asked(listing) == [sent]
    assert ProductListing.objects.get(pk=listing.pk).state == "RECEIVED"
    row = OutboxMessage.objects.get(topic=offers.CREATE)
    assert (row.body["requested_by"], row.channel) == ("user:ann", "ebaylister")


def test_what_blocks_it_is_said_in_the_form(operator: Client) -> None:
    listing = received(photo=False, price=None)
    with nothing_written():
        response = operator.post(step(listing, "LISTED"), {"seen": "RECEIVED"})
    assert response.status_code == 422
    [form] = [each["form"] for each in response.context["steps"] if each["open"]]
    assert form.errors == {
        "__all__": ["There is no photo. Add one."],
        "ebay_asking_price": ["Asking price or estimate is not known. Give a price."],
    }


def test_the_board_says_that_it_waits_and_what_blocks(operator: Client) -> None:
    ready, bare = received(), received(photo=False)
    told = operator.post(f"/staff/board/{ready.pk}/LISTED/", {"seen": "RECEIVED"})
    assert (told.status_code, told.json()["state"]) == (200, "RECEIVED")
    assert "asked for Listed, Received until it is confirmed" in told.json()["words"]
    assert asked(ready) == ["500.00"]
    with nothing_written():
        refused = operator.post(f"/staff/board/{bare.pk}/LISTED/", {"seen": "RECEIVED"})
    assert refused.status_code == 422 and "There is no photo. Add one." in refused.json()["form"]


def test_by_hand_nobody_is_asked(operator: Client) -> None:
    listing = received(photo=False)
    given = {"by_hand": "on", "ebay_listing_id": "110099", "ebay_asking_price": "480"}
    operator.post(step(listing, "LISTED"), given)
    listed = ProductListing.objects.get(pk=listing.pk)
    assert (listed.state, listed.ebay_listing_id) == ("LISTED", "110099")
    assert asked(listing) == []
