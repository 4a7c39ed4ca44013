"""Callbacks that could not be true: staff apply them, or dismiss them with a reason, once."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from integrations.models import InboxMessage
from listings import conflicts, lifecycle
from listings.models import Note, ProductListing
from listings.states import State
from tests.buying.conftest import arrows, fresh, last_inbox, stranger
from tests.factories import make_listing, rows
from tests.races import PATIENCE, at_once, failures

pytestmark = pytest.mark.django_db

Status = InboxMessage.Status
Tell = Callable[..., Any]


def conflict(tell: Tell, kind: str, listing: ProductListing, **told: Any) -> InboxMessage:
    assert tell(kind, listing_id=str(listing.pk), **told).status_code == 409
    return last_inbox()


def shown(client: Client) -> list[str]:
    answer = client.get("/admin/listings?needs_attention=true")
    return [each["id"] for each in answer.json()["listings"]]


def settled(message: InboxMessage) -> InboxMessage:
    return InboxMessage.objects.get(pk=message.pk)


def test_a_deal_on_a_cancelled_listing_is_booked(tell: Tell, viewer: Client) -> None:
    listing = make_listing(State.CANCELLED)
    message = conflict(tell, "deal-confirmed", listing, agreed_price="380.005", shipping_cost="7.95")
    assert shown(viewer) == [str(listing.pk)]
    words = "Books 380.01 as the price agreed and paid, and leaves the listing Cancelled"
    remedy = conflicts.remedy(message)
    assert remedy and remedy.words == words
    assert conflicts.apply(message.pk, by="user:ann") == words

    now = fresh(listing)
    assert now.state == State.CANCELLED
    assert (now.negotiated_price, now.purchase_price) == (Decimal("380.01"), Decimal("380.01"))
    assert now.shipping_cost == Decimal("7.95")
    after = settled(message)
    assert (after.status, after.settled_by) == (Status.PROCESSED, "user:ann")
    assert after.detail == f"{message.detail} Applied: {words}."
    assert Note.objects.filter(listing=listing, by="user:ann", text=after.detail).exists()
    assert shown(viewer) == []


def test_another_price_is_booked_and_the_profit_restated(tell: Tell) -> None:
    listing = make_listing(State.MESSAGING)
    tell("deal-confirmed", listing_id=str(listing.pk), agreed_price=380, shipping_cost=5)
    lifecycle.walk(listing.pk, State.SOLD, by="user:ann", ebay_sold_price=Decimal(500), ebay_fees=Decimal(60))
    assert fresh(listing).final_profit == Decimal("55.00")
    message = conflict(tell, "deal-confirmed", listing, agreed_price=390, shipping_cost=5)
    assert conflicts.apply(message.pk, by="user:ann") == "Books 390.00 as the price agreed and paid"

    now = fresh(listing)
    assert (now.purchase_price, now.shipping_cost) == (
        Decimal(390),
        Decimal(5),
    )  # the postage is not paid twice
    assert now.final_profit == Decimal("45.00")
    assert tell("deal-confirmed", listing_id=str(listing.pk), agreed_price=390).status_code == 200


def test_a_deal_that_failed_after_all_is_cancelled(tell: Tell, viewer: Client) -> None:
    listing = make_listing(State.PURCHASED)
    message = conflict(tell, "deal-failed", listing, reason="sold to a friend")
    assert conflicts.apply(message.pk, by="user:ann") == "Cancels the purchase"

    last = listing.history.latest("sequence")
    assert (last.to_state, last.triggered_by) == ("CANCELLED", "user:ann")
    assert last.metadata["reason"] == "the deal failed after all, as Chatterbot told us"
    assert settled(message).status == Status.PROCESSED
    assert shown(viewer) == []


@pytest.mark.parametrize("kind", ["message-sent", "seller-replied"])
def test_what_came_too_late_is_taken_note_of(tell: Tell, kind: str) -> None:
    listing = make_listing(State.CANCELLED)
    message = conflict(tell, kind, listing)
    was = ProductListing.objects.values().get(pk=listing.pk)
    assert conflicts.apply(message.pk, by="user:ann") == "Takes note of it, and leaves the listing Cancelled"
    assert ProductListing.objects.values().get(pk=listing.pk) == was
    assert settled(message).status == Status.PROCESSED
    assert Note.objects.filter(listing=listing).count() == 1


@pytest.mark.parametrize("state", [State.RECEIVED, State.LISTED, State.SOLD])
def test_a_deal_that_failed_when_the_camera_is_here_can_only_be_dismissed(tell: Tell, state: State) -> None:
    listing = make_listing(state)
    message = conflict(tell, "deal-failed", listing)
    before = rows()
    assert conflicts.remedy(message) is None
    with pytest.raises(conflicts.CannotSettle, match="Dismiss it"):
        conflicts.apply(message.pk, by="user:ann")
    assert rows() == before
    assert settled(message).status == Status.CONFLICT


def test_two_names_of_two_listings_can_only_be_dismissed(tell: Tell) -> None:
    from listings.models import Lead

    one, other = make_listing(State.MESSAGING), make_listing(State.MESSAGING)
    Lead.objects.filter(listing=other).update(order_id=5)
    message = conflict(tell, "deal-confirmed", one, order_id=5, agreed_price=380)
    with pytest.raises(conflicts.CannotSettle):
        conflicts.apply(message.pk, by="user:ann")
    assert fresh(one).purchase_price is None
    conflicts.dismiss(message.pk, by="user:ann", reason="asked them: it was a test")
    assert settled(message).status == Status.DISMISSED


def test_dismissed_with_a_reason(tell: Tell, viewer: Client) -> None:
    listing = make_listing(State.CANCELLED)
    message = conflict(tell, "deal-confirmed", listing, agreed_price=380)
    conflicts.dismiss(message.pk, by="user:ann", reason="Nothing was paid")

    after = settled(message)
    assert (after.status, after.settled_by) == (Status.DISMISSED, "user:ann")
    assert after.detail == f"{message.detail} Dismissed: Nothing was paid"
    assert Note.objects.get(listing=listing).text == after.detail
    assert fresh(listing).purchase_price is None
    assert shown(viewer) == []


def test_a_parked_one_can_be_dismissed_but_not_applied(tell: Tell) -> None:
    tell("deal-confirmed", listing_id=stranger(), agreed_price=380)
    message = last_inbox()
    with pytest.raises(conflicts.CannotSettle):
        conflicts.apply(message.pk, by="user:ann")
    conflicts.dismiss(message.pk, by="user:ann", reason="of another shop")
    assert settled(message).status == Status.DISMISSED
    from integrations.tasks import process_inbox

    assert process_inbox() == 0


SETTLED: list[Callable[[int, str], Any]] = [
    lambda pk, by: conflicts.apply(pk, by=by),
    lambda pk, by: conflicts.dismiss(pk, by=by, reason="no"),
]


@pytest.mark.parametrize("first", SETTLED, ids=["applied", "dismissed"])
@pytest.mark.parametrize("second", SETTLED, ids=["apply", "dismiss"])
def test_settled_once(tell: Tell, first: Any, second: Any) -> None:
    listing = make_listing(State.PURCHASED)
    message = conflict(tell, "deal-failed", listing)
    first(message.pk, "user:ann")
    before, was, log = rows(), settled(message).detail, arrows(listing)
    with pytest.raises(conflicts.CannotSettle, match="settled already"):
        second(message.pk, "user:bob")
    assert rows() == before
    assert (settled(message).detail, arrows(listing)) == (was, log)


def test_a_processed_callback_is_no_conflict(tell: Tell) -> None:
    listing = make_listing(State.MESSAGING)
    tell("seller-replied", listing_id=str(listing.pk))
    for settle in SETTLED:
        with pytest.raises(conflicts.CannotSettle):
            settle(last_inbox().pk, "user:ann")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_by_many_people_at_once_it_is_settled_by_one(tell: Tell) -> None:
    for _ in range(5):
        listing = make_listing(State.PURCHASED)
        message = conflict(tell, "deal-failed", listing)
        results = at_once(6, lambda number, pk=message.pk: SETTLED[number % 2](pk, f"user:{number}"))
        lost = failures(results)
        assert len(lost) == 5
        assert {type(each) for each in lost} == {conflicts.CannotSettle}
        (winner,) = [number for number, each in enumerate(results) if not isinstance(each, Exception)]
        assert settled(message).settled_by == f"user:{winner}"
        assert fresh(listing).state == (State.PURCHASED if winner % 2 else State.CANCELLED)
        assert Note.objects.filter(listing=listing).count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_it_would_be_settled_twice(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    listing = make_listing(State.CANCELLED)
    message = conflict(tell, "deal-confirmed", listing, agreed_price=380)
    both = threading.Barrier(2)

    def unlocked(message_id: int) -> InboxMessage:
        found = InboxMessage.objects.get(pk=message_id)
        both.wait(PATIENCE)
        return found

    monkeypatch.setattr(conflicts, "_open", unlocked)
    results = at_once(2, lambda number: conflicts.apply(message.pk, by=f"user:{number}"))
    assert not failures(results)
    assert Note.objects.filter(listing=listing, text__contains="Applied").count() == 2
