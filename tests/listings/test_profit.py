"""What a camera earned: to the penny, half up, null where a price is missing."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.models import OutboxMessage
from listings import lifecycle
from listings.models import ProductListing
from listings.profit import final_profit, to_pennies
from listings.states import State
from tests.factories import make_listing

D = Decimal
TABLE: list[tuple[Any, Any, Any, Any, Any, bool]] = [
    # sold, bought, fees, postage → profit, provisional
    ("500", "350", "60", "10", "80.00", False),
    ("500", "350", "0", "0", "150.00", False),
    ("500", "350", None, "10", "140.00", True),
    ("500", "350", "60", None, "90.00", True),
    ("500", "350", None, None, "150.00", True),
    ("100", "350", "60", "10", "-320.00", False),
    ("0", "0", "0", "0", "0.00", False),
    ("0", "10", "0", "0", "-10.00", False),
    ("10", "0", "0", "0", "10.00", False),
    (None, "350", "60", "10", None, False),
    ("500", None, "60", "10", None, False),
    (None, None, None, None, None, True),
    ("500.005", "0", "0", "0", "500.01", False),
    ("0", "0.005", "0", "0", "-0.01", False),
    ("1.004", "0", "0", "0", "1.00", False),
    ("0", "0.004", "0", "0", "0.00", False),
    ("1000000", "0.01", "0.01", "0.01", "999999.97", False),
]


@pytest.mark.parametrize(("sold", "bought", "fees", "postage", "profit", "provisional"), TABLE)
def test_the_sum(sold: Any, bought: Any, fees: Any, postage: Any, profit: Any, provisional: bool) -> None:
    amounts = [None if text is None else D(text) for text in (sold, bought, fees, postage)]
    result = final_profit(
        sold_price=amounts[0], purchase_price=amounts[1], ebay_fees=amounts[2], shipping_cost=amounts[3]
    )
    assert (None if result.amount is None else str(result.amount)) == profit
    assert result.is_provisional == provisional


@pytest.mark.parametrize(
    ("amount", "kept"),
    [
        ("0.005", "0.01"),
        ("0.015", "0.02"),
        ("0.025", "0.03"),
        ("2.675", "2.68"),
        ("-0.005", "-0.01"),
        ("-0.015", "-0.02"),
        ("0.0049999", "0.00"),
        ("-0.004", "0.00"),
        ("-0", "0.00"),
    ],
)
def test_half_a_penny_goes_up_away_from_zero(amount: str, kept: str) -> None:
    assert str(to_pennies(D(amount))) == kept


def test_null_is_not_zero() -> None:
    assert to_pennies(None) is None
    assert str(to_pennies(D(0))) == "0.00"


@given(st.lists(st.decimals(0, 1_000_000, places=2), min_size=4, max_size=4))
def test_whole_pennies_are_never_rounded(amounts: list[Decimal]) -> None:
    sold, bought, fees, postage = amounts
    result = final_profit(sold_price=sold, purchase_price=bought, ebay_fees=fees, shipping_cost=postage)
    assert result.amount == sold - bought - fees - postage


@pytest.mark.django_db
@pytest.mark.parametrize(("sold", "bought", "fees", "postage", "profit", "provisional"), TABLE)
def test_the_row_and_the_event_say_the_same(
    sold: Any, bought: Any, fees: Any, postage: Any, profit: Any, provisional: bool
) -> None:
    listing = make_listing(State.NEGOTIATING)
    amounts = {"ebay_sold_price": sold, "purchase_price": bought, "ebay_fees": fees, "shipping_cost": postage}
    for verb in (lifecycle.purchase, lifecycle.receive, lifecycle.list_on_ebay):
        verb(listing.pk, by="user:ann")
    facts: dict[str, Any] = {name: D(text) for name, text in amounts.items() if text is not None}
    lifecycle.sell(listing.pk, by="user:ann", **facts)

    row = ProductListing.objects.get()
    event = OutboxMessage.objects.get(topic="listing.state.sold")
    known_to_the_penny = [
        to_pennies(None if text is None else D(text)) for text in (sold, bought, fees, postage)
    ]
    expected = final_profit(
        sold_price=known_to_the_penny[0],
        purchase_price=known_to_the_penny[1],
        ebay_fees=known_to_the_penny[2],
        shipping_cost=known_to_the_penny[3],
    ).amount
    assert row.final_profit == expected
    assert event.body["final_profit"] == (None if expected is None else str(expected))
    assert row.profit_is_provisional == provisional


@pytest.mark.django_db
def test_both_postages_are_added() -> None:
    listing = make_listing(State.NEGOTIATING)
    lifecycle.purchase(listing.pk, by="chatterbot", purchase_price=D(350), shipping_cost=D("8.50"))
    lifecycle.receive(listing.pk, by="user:ann")
    lifecycle.list_on_ebay(listing.pk, by="user:ann")
    sold = lifecycle.sell(
        listing.pk, by="ebay", ebay_sold_price=D(500), ebay_fees=D(60), shipping_cost=D("4.25")
    )
    assert sold.shipping_cost == D("12.75")
    assert sold.final_profit == D("77.25")
