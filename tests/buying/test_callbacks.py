"""What Chatterbot tells us: early, late, repeated, about two listings, or what cannot be."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from integrations.models import InboxMessage, OutboxMessage
from listings import lifecycle
from listings.models import Lead, ProductListing
from listings.states import State
from tests.buying.conftest import arrows, events, fresh, last_inbox
from tests.conftest import SCRAPER_KEY
from tests.factories import make_listing, rows

pytestmark = pytest.mark.django_db

Status = InboxMessage.Status
KINDS = ["message-sent", "seller-replied", "deal-confirmed", "deal-failed"]


def about(listing: ProductListing, **told: Any) -> dict[str, Any]:
    return {"listing_id": str(listing.pk), **told}


def days_left(listing: ProductListing) -> float:
    deadline = fresh(listing).deadline_at
    assert deadline
    return (deadline - datetime.now(UTC)) / timedelta(days=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_each_kind_answers_with_the_state(tell: Any, kind: str, slash: str) -> None:
    listing = make_listing(State.NEGOTIATING)
    answer = tell(kind + slash, **about(listing, agreed_price=380))
    assert answer.status_code == 200
    assert answer.json() == {"id": str(listing.pk), "state": fresh(listing).state}


@pytest.mark.parametrize("kind", KINDS)
def test_whose_key_it_must_be(tell: Any, kind: str) -> None:
    listing = make_listing(State.MESSAGING)
    before = rows()
    told = about(listing, agreed_price=380)
    assert tell(kind, key=SCRAPER_KEY, **told).status_code == 403
    assert tell(kind, key="unknown", **told).status_code == 401
    assert tell(kind, key="", **told).status_code == 401
    assert rows() == before
    assert fresh(listing).state == State.MESSAGING


@pytest.mark.parametrize("kind", KINDS)
def test_told_twice_it_counts_once(tell: Any, kind: str) -> None:
    listing = make_listing(State.MESSAGING)
    told = about(listing, agreed_price="380.00", shipping_cost="5.00", occurred_at="2026-01-01T10:00:00Z")
    first = tell(kind, **told)
    was, log, said = ProductListing.objects.values().get(pk=listing.pk), arrows(listing), events(listing)
    again = tell(kind, **told)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert ProductListing.objects.values().get(pk=listing.pk) == was
    assert (arrows(listing), events(listing)) == (log, said)


def test_a_deal_on_messaging_walks_each_arrow(tell: Any) -> None:
    listing = make_listing(State.MESSAGING)
    told = about(listing, agreed_price=380.5, shipping_cost="7.95", conversation_thread_id="t_1")
    assert tell("deal-confirmed", **told, seller_messenger_id="42").json()["state"] == "PURCHASED"

    assert arrows(listing) == ["FOUND", "MESSAGING", "NEGOTIATING", "PURCHASED"]
    now = fresh(listing)
    assert (now.negotiated_price, now.purchase_price) == (Decimal("380.50"), Decimal("380.50"))
    assert now.shipping_cost == Decimal("7.95")
    lead = Lead.objects.get(listing=listing)
    assert (lead.conversation_thread_id, lead.seller_messenger_id) == ("t_1", "42")
    last = listing.history.latest("sequence")
    assert (last.triggered_by, last.metadata) == ("chatterbot", {"reason": "deal confirmed"})


def test_a_failed_deal_keeps_its_reason(tell: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    tell("deal-failed", **about(listing, reason="Sold to someone else"))
    last = listing.history.latest("sequence")
    assert (last.to_state, last.triggered_by) == ("CANCELLED", "chatterbot")
    assert last.metadata["reason"] == "deal failed: Sold to someone else"


def test_a_listing_is_found_by_its_order(tell: Any) -> None:
    listing = make_listing(State.MESSAGING)
    Lead.objects.filter(listing=listing).update(order_id=9)
    assert tell("seller-replied", order_id=9).json() == {"id": str(listing.pk), "state": "NEGOTIATING"}
    assert tell("seller-replied", order_id=9, listing_id=str(listing.pk)).status_code == 200


# ---- message-sent and the seven days ------------------------------------------------------------


def test_a_message_restarts_the_seven_days_once(tell: Any) -> None:
    listing = make_listing(State.MESSAGING)
    first, second = "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"
    for at, restarts in [(first, True), (first, False), (second, True), (first, False), (second, False)]:
        ProductListing.objects.update(deadline_at=F("deadline_at") - timedelta(days=1))
        ProductListing.objects.update(warned_deadline=F("deadline_at"))
        before = days_left(listing)
        assert tell("message-sent", **about(listing, occurred_at=at)).status_code == 200
        assert days_left(listing) == pytest.approx(7 if restarts else before, abs=0.01)
        assert (fresh(listing).warned_deadline is None) == restarts
    sent = Lead.objects.get(listing=listing).message_sent_at
    assert sent == datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert arrows(listing) == ["FOUND", "MESSAGING"]


def test_a_message_told_late_does_not_touch_the_fourteen_days(tell: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    before = fresh(listing).deadline_at
    assert tell("message-sent", **about(listing)).json()["state"] == "NEGOTIATING"
    assert fresh(listing).deadline_at == before


def test_a_message_that_started_it_is_not_counted_twice(tell: Any) -> None:
    listing = make_listing()
    told = about(listing, occurred_at="2026-01-01T10:00:00Z")
    tell("message-sent", **told)
    ProductListing.objects.update(deadline_at=F("deadline_at") - timedelta(days=1))
    tell("message-sent", **told)
    assert days_left(listing) == pytest.approx(6, abs=0.01)


# ---- what cannot be -----------------------------------------------------------------------------


def conflicts(client: Client) -> set[str]:
    return {each["id"] for each in client.get("/admin/listings?needs_attention=true").json()["listings"]}


@pytest.mark.parametrize("state", [State.PURCHASED, State.RECEIVED, State.LISTED, State.SOLD])
def test_the_same_deal_at_another_price(tell: Any, viewer: Client, state: State) -> None:
    listing = make_listing(State.MESSAGING)
    tell("deal-confirmed", **about(listing, agreed_price=380))
    for step in (State.RECEIVED, State.LISTED, State.SOLD):
        if fresh(listing).state != state:
            verb: Any = lifecycle.VERBS[step]
            verb(listing.pk, by="user:ann")
    was = ProductListing.objects.values().get(pk=listing.pk)
    assert tell("deal-confirmed", **about(listing, agreed_price="380.00")).status_code == 200
    answer = tell("deal-confirmed", **about(listing, agreed_price=390))

    assert answer.status_code == 409
    assert answer.json() == {"detail": "Deal confirmed at GBP 390.00, but GBP 380.00 was agreed before."}
    assert ProductListing.objects.values().get(pk=listing.pk) == was
    assert conflicts(viewer) == {str(listing.pk)}


@pytest.mark.parametrize("state", [State.PURCHASED, State.RECEIVED, State.LISTED, State.SOLD])
def test_a_deal_that_failed_too_late(tell: Any, viewer: Client, state: State) -> None:
    listing = make_listing(state)
    answer = tell("deal-failed", **about(listing, reason="kept it"))
    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        f"The deal failed (kept it), but the listing is {State(state).label} already."
    )
    assert fresh(listing).state == state
    assert conflicts(viewer) == {str(listing.pk)}


def test_a_deal_completes_a_price_that_was_missing(tell: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    lifecycle.purchase(listing.pk, by="user:ann")
    assert tell("deal-confirmed", **about(listing, agreed_price=380, shipping_cost=5)).status_code == 200
    now = fresh(listing)
    assert (now.negotiated_price, now.purchase_price, now.shipping_cost) == (380, 380, 5)
    assert listing.notes.get().by == "chatterbot"
    assert tell("deal-confirmed", **about(listing, agreed_price=380, shipping_cost=5)).status_code == 200
    assert fresh(listing).shipping_cost == 5


def test_a_deal_completes_the_profit_of_a_sale(tell: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    lifecycle.walk(listing.pk, State.SOLD, by="user:ann", ebay_sold_price=Decimal(500), ebay_fees=Decimal(60))
    assert fresh(listing).final_profit is None
    tell("deal-confirmed", **about(listing, agreed_price=380, shipping_cost=10))
    assert fresh(listing).final_profit == Decimal("50.00")


def test_a_price_for_a_purchase_that_was_cancelled_without_one(tell: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    lifecycle.purchase(listing.pk, by="user:ann")
    lifecycle.cancel(listing.pk, by="user:ann")
    assert tell("deal-confirmed", **about(listing, agreed_price=380)).status_code == 409
    assert fresh(listing).purchase_price is None


def test_a_purchase_that_was_cancelled_was_confirmed_all_the_same(tell: Any) -> None:
    listing = make_listing(State.MESSAGING)
    tell("deal-confirmed", **about(listing, agreed_price=380))
    lifecycle.cancel(listing.pk, by="user:ann")
    assert tell("deal-confirmed", **about(listing, agreed_price=380)).json()["state"] == "CANCELLED"
    assert tell("deal-confirmed", **about(listing, agreed_price=300)).status_code == 409


def test_two_names_of_two_listings(tell: Any) -> None:
    one, other = make_listing(State.MESSAGING), make_listing(State.MESSAGING)
    Lead.objects.filter(listing=one).update(order_id=1)
    Lead.objects.filter(listing=other).update(order_id=2)
    before = ProductListing.objects.values_list("state", "updated_at", "version")
    was = list(before)
    for order in (2, 3):
        answer = tell("deal-confirmed", listing_id=str(one.pk), order_id=order, agreed_price=380)
        assert answer.status_code == 409
        assert answer.json() == {"detail": f"Order {order} and listing {one.pk} do not belong together."}
        assert last_inbox().status == Status.CONFLICT
    assert list(before.all()) == was
    assert Lead.objects.get(listing=one).order_id == 1


def test_a_conflict_is_said_in_telegram_where_that_is_on(settings: Any, tell: Any) -> None:
    listing = make_listing(State.PURCHASED)
    tell("deal-failed", **about(listing))
    assert not OutboxMessage.objects.filter(channel="telegram").exists()

    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "123:abc", "77"
    tell("deal-failed", **about(listing, reason="kept it"))
    (row,) = OutboxMessage.objects.filter(channel="telegram")
    assert "The deal failed (kept it), but the listing is Purchased already." in str(row.body)
