"""What eBay told of another amount, settled in the back office: what Apply books, to the penny."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from integrations.models import InboxMessage
from listings import bookkeeping, lifecycle
from listings.models import LedgerLine, Note, ProductListing
from listings.states import State
from tests.backoffice.pages import nothing_written, said
from tests.factories import make_listing
from tests.selling.remedies import Status, _keys, applied, conflict, lines, press
from tests.selling.sales import Tell, arrows, coherent, fresh, kept, sale

__all__ = ["_keys", "conflict"]  # fixtures

pytestmark = pytest.mark.django_db

D = Decimal


@pytest.mark.parametrize(
    ("change", "words", "booked", "profit"),
    [
        (
            {"sold_price": "480.005"},
            "Books £480.01 as the price instead of £500.00",
            [("sale", D("-19.99"), "user:ann")],
            D("57.76"),
        ),
        (
            {"ebay_fees": "70"},
            "Books £70.00 as the fees instead of £64.30",
            [("ebay_fees", D("5.70"), "user:ann")],
            D("72.05"),
        ),
        (
            {"shipping_cost": 0},
            "Books £0.00 as the postage instead of £7.95",
            [("postage_out", D("-7.95"), "user:ann")],
            D("85.70"),
        ),
        (
            {"sold_price": 520, "ebay_fees": "66.86"},
            "Books £520.00 as the price instead of £500.00 and £66.86 as the fees instead of £64.30",
            [("ebay_fees", D("2.56"), "user:ann"), ("sale", D("20.00"), "user:ann")],
            D("95.19"),
        ),
    ],
    ids=["price", "fees", "postage", "two"],
)
def test_another_amount_is_booked_by_its_difference(
    operator: Client,
    tell: Tell,
    conflict: Callable[..., InboxMessage],
    change: dict[str, Any],
    words: str,
    booked: list[Any],
    profit: Decimal,
) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    before = lines(listing)
    message = conflict(listing, **change)
    applied(operator, message, words)
    assert lines(listing) == before + booked
    for line in LedgerLine.objects.filter(listing=listing).order_by("id")[len(before) :]:
        assert line.corrects is not None and (line.corrects.kind, line.corrects.by) == (line.kind, "ebay")
    assert fresh(listing).final_profit == profit
    assert arrows(listing).count("SOLD") == 1
    coherent(listing)

    settled = kept(listing)
    with nothing_written():
        assert "settled already" in said(press(operator, message))[-1]
    for again in ({}, change):  # both have been told by now: neither is news
        assert tell(sale(listing, **again)).status_code == 200
    assert kept(listing) == settled


def test_another_amount_is_dismissed_and_stays_a_conflict_if_told_again(
    operator: Client, tell: Tell, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    before = lines(listing), fresh(listing).final_profit
    message = conflict(listing, sold_price=480)
    press(operator, message, "dismiss", reason="eBay was wrong")
    assert (lines(listing), fresh(listing).final_profit) == before
    assert InboxMessage.objects.get(pk=message.pk).status == Status.DISMISSED
    assert Note.objects.get(listing=listing, by="user:ann").text.endswith("Dismissed: eBay was wrong")
    assert tell(sale(listing, sold_price=480)).status_code == 409


def test_what_was_not_known_comes_with_it(operator: Client, conflict: Callable[..., InboxMessage]) -> None:
    listing = make_listing(State.LISTED)
    lifecycle.sell(listing.pk, by="user:ann", ebay_sold_price=D(510))
    message = conflict(listing)
    words = "Books £500.00 as the price instead of £510.00 and £64.30 as the fees and £7.95 as the postage"
    applied(operator, message, words)
    now = fresh(listing)
    assert (now.final_profit, now.profit_is_provisional) == (D("77.75"), False)
    assert now.ebay_order_id == "12-34567-89012"
    coherent(listing)


def corrected_meanwhile(
    tell: Tell, conflict: Callable[..., InboxMessage], fees: Decimal
) -> tuple[ProductListing, InboxMessage]:
    """Sell, be told of fees of 70.00, and have staff correct the fees before anybody settles that."""
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    message = conflict(listing, ebay_fees="70.00")
    first = LedgerLine.objects.get(listing=listing, kind="ebay_fees")
    bookkeeping.correct(first.pk, fees, by="user:bob", note="as the invoice says", listing_id=listing.pk)
    return listing, message


def test_what_staff_corrected_meanwhile_is_counted_from(
    operator: Client, tell: Tell, conflict: Callable[..., InboxMessage]
) -> None:
    listing, message = corrected_meanwhile(tell, conflict, D(66))
    applied(operator, message, "Books £70.00 as the fees instead of £66.00")
    assert lines(listing)[-1] == ("ebay_fees", D("4.00"), "user:ann")
    assert fresh(listing).final_profit == D("72.05")
    coherent(listing)


def test_what_staff_put_right_by_themselves_is_taken_note_of(
    operator: Client, tell: Tell, conflict: Callable[..., InboxMessage]
) -> None:
    listing, message = corrected_meanwhile(tell, conflict, D(70))
    booked = lines(listing)
    applied(operator, message, "Takes note that it is booked as eBay told us")
    assert lines(listing) == booked
    assert fresh(listing).final_profit == D("72.05")
