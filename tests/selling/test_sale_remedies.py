"""What eBay told that could not be, settled in the back office: what Apply books, to the penny, and who may."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client

from integrations.models import InboxMessage
from listings import lifecycle
from listings.states import State
from tests.backoffice.pages import INBOX, nothing_written, said
from tests.factories import make_listing, rows
from tests.selling.remedies import (
    AS_TOLD,
    Status,
    _keys,
    applied,
    conflict,
    lines,
    only_dismissed,
    press,
    shown,
)
from tests.selling.sales import Tell, arrows, coherent, fresh, kept, last_inbox, sale

__all__ = ["_keys", "conflict"]  # fixtures

pytestmark = pytest.mark.django_db

D = Decimal


# ---- not sold here yet --------------------------------------------------------------------------


def test_before_it_was_bought_it_waits_until_it_is(
    operator: Client, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.NEGOTIATING)
    message = conflict(listing, listing_id="110555")
    assert shown(operator, message) == ""
    with nothing_written():
        assert said(press(operator, message))[-1] == AS_TOLD

    lifecycle.purchase(listing.pk, by="user:ann", purchase_price=D(350))
    applied(operator, message, "Sells it for £500.00, as eBay told us")
    now = fresh(listing)
    assert arrows(listing)[-4:] == ["PURCHASED", "RECEIVED", "LISTED", "SOLD"]
    assert (now.final_profit, now.ebay_listing_id, now.ebay_order_id) == (
        D("77.75"),
        "110555",
        "12-34567-89012",
    )
    assert [each[0] for each in lines(listing)] == ["purchase", "postage_out", "ebay_fees", "sale"]
    assert {log.triggered_by for log in listing.history.filter(sequence__gt=4)} == {"user:ann"}
    coherent(listing)


def test_what_staff_have_sold_meanwhile_is_completed_and_the_words_say_so(
    operator: Client, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.NEGOTIATING)
    message = conflict(listing, listing_id="110555")
    lifecycle.purchase(listing.pk, by="user:ann", purchase_price=D(350))
    lifecycle.walk(listing.pk, State.SOLD, by="user:ann")
    applied(operator, message, "Books £500.00 as the price and £64.30 as the fees and £7.95 as the postage")
    assert fresh(listing).final_profit == D("77.75")
    coherent(listing)


def test_where_ebays_number_became_anothers_it_can_only_be_dismissed(
    operator: Client, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.NEGOTIATING)
    message = conflict(listing, listing_id="110555")
    lifecycle.purchase(listing.pk, by="user:ann", purchase_price=D(350))
    other = make_listing(State.RECEIVED)
    lifecycle.list_on_ebay(other.pk, by="user:ann", ebay_listing_id="110555")
    before = kept(other)
    only_dismissed(operator, message)
    assert kept(other) == before
    assert fresh(listing).state == State.PURCHASED


# ---- what cannot be booked ----------------------------------------------------------------------


def test_a_double_sale_can_only_be_dismissed(
    operator: Client, tell: Tell, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    only_dismissed(operator, conflict(listing, order_id="99-1", sold_price=480))
    assert (fresh(listing).final_profit, fresh(listing).ebay_order_id) == (D("77.75"), "12-34567-89012")


def test_two_names_of_two_listings_can_only_be_dismissed(
    operator: Client, conflict: Callable[..., InboxMessage]
) -> None:
    one, other = make_listing(State.LISTED), make_listing(State.LISTED)
    before = kept(other)
    only_dismissed(operator, conflict(one, sku=str(other.pk)))
    assert kept(other) == before


def test_a_parked_one_can_only_be_dismissed(operator: Client, tell: Tell) -> None:
    assert tell({"listing_id": "999", "sold_price": 5}).status_code == 202
    only_dismissed(operator, last_inbox())


@pytest.mark.parametrize("bought", [True, False])
def test_on_a_cancelled_listing_apply_takes_note_and_books_nothing(
    operator: Client, conflict: Callable[..., InboxMessage], bought: bool
) -> None:
    listing = make_listing(State.PURCHASED if bought else State.FOUND)
    lifecycle.cancel(listing.pk, by="user:bob")
    message = conflict(listing)
    before = kept(listing)
    applied(operator, message, "Takes note of it, and leaves the listing Cancelled")
    now = kept(listing)
    assert len(now.pop("notes")) == len(before.pop("notes")) + 1
    assert now == before
    coherent(listing)


# ---- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize("do", ["apply", "dismiss"])
def test_viewers_see_it_and_may_not(
    viewer: Client, tell: Tell, conflict: Callable[..., InboxMessage], do: str
) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    message = conflict(listing, sold_price=480)
    page = viewer.get(f"{INBOX}{message.pk}/change/")
    assert "price £480.00 instead of £500.00" in page.content.decode()
    assert not page.context["decision"]["may_apply"]
    before = rows()
    with nothing_written():
        assert press(viewer, message, do, reason="x").status_code == 403
        assert press(Client(), message, do, reason="x").status_code == 302  # to the sign-in
    assert rows() == before
    assert InboxMessage.objects.get(pk=message.pk).status == Status.CONFLICT
