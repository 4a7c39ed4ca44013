"""A listing enters MESSAGING: its lead goes to Chatterbot, once, in the words that Chatterbot understands."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from integrations import chatterbot
from integrations.http import PermanentError
from integrations.models import OutboxMessage
from integrations.simulators import Simulators
from listings import lifecycle, outreach
from listings.models import Lead, ProductListing
from listings.states import State
from tests.buying.conftest import call_row, calls, fresh, posted, serve
from tests.factories import make_listing, rows

pytestmark = pytest.mark.django_db


def by_the_api(listing: ProductListing, client: Client) -> None:
    path = f"/admin/listings/{listing.pk}/transition"
    answer = client.post(path, {"to_state": "MESSAGING"}, content_type="application/json")
    assert answer.status_code == 200


def by_the_verb(listing: ProductListing, client: Client) -> None:
    lifecycle.message_seller(listing.pk, by="user:ann")


def by_the_queue(listing: ProductListing, client: Client) -> None:
    outreach.approve(listing.pk, by="user:ann")
    assert outreach.run() == [listing.pk]


@pytest.mark.parametrize("way", [by_the_api, by_the_verb, by_the_queue])
def test_each_way_into_messaging_sends_one_lead(sims: Simulators, operator: Client, way: Any) -> None:
    listing = make_listing()
    way(listing, operator)
    row = call_row(listing)

    assert (row.channel, row.body, row.state) == ("chatterbot", {"listing_id": str(listing.pk)}, "waiting")
    assert not calls(sims)  # nothing leaves before the commit
    assert (serve(), serve()) == (1, 0)
    assert [(each.method, each.path) for each in calls(sims)] == [("POST", "/leads")]
    assert call_row(listing).state == "delivered"
    lead = Lead.objects.get(listing=listing)
    assert lead.accepted_at and lead.order_id in sims.chatterbot.leads.rows


def test_the_call_and_the_arrow_are_one_transaction() -> None:
    listing = make_listing()
    before = rows()

    class Interrupted(Exception):
        pass

    def interrupted() -> None:
        with transaction.atomic():
            lifecycle.message_seller(listing.pk, by="user:ann")
            raise Interrupted

    with pytest.raises(Interrupted):
        interrupted()

    assert rows() == before
    assert fresh(listing).state == State.FOUND


def test_the_body_is_the_contracts(sims: Simulators) -> None:
    listing = make_listing(State.MESSAGING, number=123, title="Sony A6400 “as new” 📷", confidence=88.38)
    serve()
    request = calls(sims)[0]

    assert request.headers["authorization"] == f"Bearer {sims.keys.chatterbot_api_key}"
    assert request.content_type == "application/json"
    assert request.json() == {
        "session_id": listing.session_id,
        "camera_id": 230,
        "camera_name": "Sony a6400",
        "url": "https://www.facebook.com/marketplace/item/123/",
        "title": "Sony A6400 “as new” 📷",
        "price": 400.0,
        "confidence": 0.8838,
        "savings": 100.0,
        "listing_id": str(listing.pk),
    }
    assert isinstance(request.json()["session_id"], int)


def test_what_is_not_known_is_left_out_or_zero(sims: Simulators) -> None:
    make_listing(State.MESSAGING, price=None, potential_profit=None, confidence=100)
    serve()

    (body,) = posted(sims)
    assert "price" not in body
    assert (body["savings"], body["confidence"]) == (0, 1)
    assert len(sims.chatterbot.leads.rows) == 1


def test_a_free_item_has_a_price(sims: Simulators) -> None:
    make_listing(State.MESSAGING, price=0, confidence=0)
    serve()
    assert (posted(sims)[0]["price"], posted(sims)[0]["confidence"]) == (0, 0)


def test_chatterbots_own_callback_sends_nothing_back(sims: Simulators, tell: Any) -> None:
    listing = make_listing()
    answer = tell("message-sent", listing_id=str(listing.pk), order_id=77)

    assert answer.json() == {"id": str(listing.pk), "state": "MESSAGING"}
    assert not OutboxMessage.objects.filter(channel="chatterbot").exists()
    assert (serve(), calls(sims)) == (0, [])
    lead = Lead.objects.get(listing=listing)
    assert lead.accepted_at and lead.order_id == 77


SOUND: dict[str, Any] = {
    "session_id": 17,
    "camera_id": 230,
    "camera_name": "Sony a6400",
    "url": "https://www.facebook.com/marketplace/item/1/",
    "title": "Sony",
    "price": Decimal(400),
    "confidence": Decimal(95),
    "savings": Decimal(100),
    "listing_id": "1",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session_id", 2**31),
        ("session_id", -1),
        ("camera_id", 2**31),
        ("camera_id", -1),
        ("camera_name", ""),
        ("url", ""),
        ("title", ""),
        ("confidence", Decimal("100.01")),
        ("confidence", Decimal("-0.01")),
    ],
)
def test_what_chatterbot_would_choke_on_is_refused_here(
    settings: Any, sims: Simulators, name: str, value: Any
) -> None:
    assert chatterbot.send_lead(chatterbot.Lead(**SOUND))
    before = len(calls(sims))
    with pytest.raises(PermanentError, match=name):
        chatterbot.send_lead(chatterbot.Lead(**{**SOUND, name: value}))
    assert len(calls(sims)) == before


def test_a_lead_that_cannot_be_sent_is_shown_to_staff(sims: Simulators) -> None:
    listing = make_listing(State.MESSAGING)
    ProductListing.objects.filter(pk=listing.pk).update(title="")
    assert serve() == 0

    assert not calls(sims)
    assert call_row(listing).state == "given up"
    assert fresh(listing).error_message == "The seller was not messaged: Not sent: title is empty."
    assert fresh(listing).error_occurred_at is not None
