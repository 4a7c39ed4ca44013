"""A sale comes in: what it sells, completes or repeats."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from integrations.models import InboxMessage, OutboxMessage
from listings import facts, lifecycle
from listings.models import EbayOffer, LedgerLine, Note, ProductListing
from listings.states import State
from tests.factories import make_listing, rows
from tests.selling.sales import Tell, arrows, coherent, fresh, kept, last_inbox, said, sale, teller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ebay_and_chat")]

Status = InboxMessage.Status


def lines(listing: ProductListing) -> list[tuple[str, Decimal, date, str]]:
    booked = LedgerLine.objects.filter(listing=listing).order_by("id")
    return list(booked.values_list("kind", "amount", "date", "by"))


# ---- it sells -----------------------------------------------------------------------------------


def test_a_listed_camera_is_sold(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    answer = tell(sale(listing))
    assert (answer.status_code, answer.json()) == (200, {"id": str(listing.pk), "state": "SOLD"})

    now = fresh(listing)
    assert (now.ebay_sold_price, now.ebay_fees, now.shipping_cost) == (500, Decimal("64.30"), Decimal("7.95"))
    assert (now.final_profit, now.profit_is_provisional) == (Decimal("77.75"), False)
    assert now.ebay_order_id == "12-34567-89012"
    last = listing.history.latest("sequence")
    assert (last.from_state, last.triggered_by, last.metadata) == ("LISTED", "ebay", {"reason": "item sold"})
    event = OutboxMessage.objects.get(topic="listing.state.sold")
    assert (event.body["triggered_by"], event.body["final_profit"]) == ("ebay", "77.75")
    assert (last_inbox().status, last_inbox().subject) == (Status.PROCESSED, listing.pk)
    (words,) = said()
    assert words.startswith(f"Sold: {listing.title} [{listing.short_code}]\nFor £500, profit £77.75\n")
    coherent(listing)


@pytest.mark.parametrize("names", [("listing_id",), ("sku",), ("listing_id", "sku")], ids="+".join)
@pytest.mark.parametrize("path", ["/webhooks/ebay/item-sold", "/webhooks/ebay/item-sold/"])
def test_either_name_will_do(client: Client, names: tuple[str, ...], path: str) -> None:
    listing = make_listing(State.LISTED)
    body = sale(listing, **dict.fromkeys({"listing_id", "sku"} - set(names), ...))
    assert teller(client, path=path)(body).status_code == 200
    assert fresh(listing).state == State.SOLD


def test_numbers_as_ids_become_texts(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    assert (
        tell(sale(listing, listing_id=int(listing.ebay_listing_id or 0), order_id=1234567)).status_code == 200
    )
    assert fresh(listing).ebay_order_id == "1234567"


@pytest.mark.parametrize("missing", [..., None])
def test_all_but_the_price_may_follow_later(tell: Tell, missing: Any) -> None:
    listing = make_listing(State.LISTED)
    later = dict.fromkeys(("ebay_fees", "shipping_cost", "sold_at", "order_id"), missing)
    assert tell(sale(listing, **later)).status_code == 200
    now = fresh(listing)
    assert (now.final_profit, now.profit_is_provisional, now.ebay_order_id) == (150, True, None)
    assert "profit £150, provisional: a cost is still to come" in said()[0]


def test_amounts_are_rounded_once_half_up(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    body = sale(listing, sold_price=500.005, ebay_fees="64.304", shipping_cost="7.945")
    for _ in range(2):  # the same again is no other amount
        assert tell(body).status_code == 200
    now = fresh(listing)
    assert [str(each) for each in (now.ebay_sold_price, now.ebay_fees, now.shipping_cost)] == [
        "500.01",
        "64.30",
        "7.95",
    ]
    assert now.final_profit == Decimal("77.76")


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("Europe/London", "2026-06-30T23:30:00Z", date(2026, 7, 1)),
        ("Europe/London", "2026-01-31T23:30:00+00:00", date(2026, 1, 31)),
        ("America/New_York", "2026-04-06T02:00:00Z", date(2026, 4, 5)),
    ],
)
def test_it_counts_for_the_staffs_day_of_the_sale(
    tell: Tell, settings: Any, zone: str, at: str, day: date
) -> None:
    settings.STAFF_TIME_ZONE = zone
    listing = make_listing(State.LISTED)
    tell(sale(listing, sold_at=at))
    assert {on for kind, _, on, _ in lines(listing) if kind != "purchase"} == {day}


def test_postage_of_both_ways_is_added(tell: Tell) -> None:
    listing = make_listing(State.NEGOTIATING)
    lifecycle.purchase(listing.pk, by="user:ann", purchase_price=Decimal(350), shipping_cost=Decimal("8.50"))
    tell(sale(listing, listing_id="110555"))
    assert fresh(listing).shipping_cost == Decimal("16.45")
    assert fresh(listing).final_profit == Decimal("69.25")


@pytest.mark.parametrize("state", [State.PURCHASED, State.RECEIVED])
def test_it_proves_the_states_before(tell: Tell, state: State) -> None:
    listing = make_listing(state)
    before = arrows(listing)
    EbayOffer.objects.create(listing=listing, price=Decimal(519), requested_at=listing.created_at)
    assert tell(sale(listing, listing_id="110555")).status_code == 200
    now = fresh(listing)
    assert arrows(listing) == [
        *before,
        *(["RECEIVED"] if state == State.PURCHASED else []),
        "LISTED",
        "SOLD",
    ]
    assert (now.ebay_listing_id, now.ebay_asking_price) == ("110555", 519)
    assert {log.triggered_by for log in listing.history.filter(sequence__gt=len(before))} == {"ebay"}
    assert len(said()) == 1
    coherent(listing)


def test_without_a_purchase_price_there_is_no_profit_to_tell(tell: Tell) -> None:
    listing = make_listing(State.NEGOTIATING)
    lifecycle.walk(listing.pk, State.LISTED, by="user:ann", ebay_listing_id="110555")
    tell(sale(fresh(listing)))
    assert fresh(listing).final_profit is None
    assert "profit not known" in said()[0]


def test_a_number_that_was_not_known_is_learnt(tell: Tell) -> None:
    listing = make_listing(State.NEGOTIATING)
    lifecycle.walk(listing.pk, State.LISTED, by="user:ann")
    assert tell(sale(listing, listing_id="110555")).status_code == 200
    assert fresh(listing).ebay_listing_id == "110555"


# ---- it is told again ---------------------------------------------------------------------------


def test_a_repeat_changes_nothing(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    before, counted = kept(listing), rows()
    for again in ({}, {"sku": ...}, {"order_id": None}, {"ebay_fees": None, "shipping_cost": ...}):
        answer = tell(sale(listing, **again))
        assert (answer.status_code, answer.json()["state"]) == (200, "SOLD")
    assert kept(listing) == before
    assert rows() == counted | {"InboxMessage": counted["InboxMessage"] + 4}


def test_a_late_fee_completes_the_profit_and_is_told_once(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing, ebay_fees=None))
    assert (fresh(listing).final_profit, fresh(listing).profit_is_provisional) == (Decimal("142.05"), True)
    for _ in range(3):
        assert tell(sale(listing)).status_code == 200
    assert (fresh(listing).final_profit, fresh(listing).profit_is_provisional) == (Decimal("77.75"), False)
    assert lines(listing)[-1] == ("ebay_fees", Decimal("64.30"), date(2026, 5, 4), "ebay")
    sold, final = said()
    assert sold.startswith("Sold: ") and "provisional" in sold
    assert final.startswith("Profit final: ") and "profit £77.75" in final
    assert Note.objects.get(listing=listing).text == "eBay tells more of the sale: fees £64.30."
    assert arrows(listing)[-2:] == ["LISTED", "SOLD"]
    coherent(listing)


def test_the_profit_is_final_when_the_last_cost_is_known(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing, ebay_fees=None, shipping_cost=None))
    tell(sale(listing, ebay_fees="64.30", shipping_cost=None))
    assert len(said()) == 1
    tell(sale(listing, ebay_fees=None, shipping_cost="7.95"))
    assert len(said()) == 2
    assert fresh(listing).final_profit == Decimal("77.75")


def test_a_fee_of_nothing_is_known(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing, ebay_fees=0, shipping_cost="0.00"))
    assert (fresh(listing).final_profit, fresh(listing).profit_is_provisional) == (150, False)
    assert tell(sale(listing, ebay_fees="64.30", shipping_cost=0)).status_code == 409


def test_what_staff_sold_by_hand_is_completed(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    lifecycle.sell(listing.pk, by="user:ann", ebay_sold_price=Decimal(500))
    assert tell(sale(listing)).status_code == 200
    now = fresh(listing)
    assert (now.ebay_order_id, now.final_profit) == ("12-34567-89012", Decimal("77.75"))
    coherent(listing)


def test_what_staff_sold_without_a_price_is_completed(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    lifecycle.sell(listing.pk, by="user:ann")
    assert tell(sale(listing)).status_code == 200
    assert fresh(listing).final_profit == Decimal("77.75")
    coherent(listing)


def test_what_staff_have_put_right_is_not_contradicted_by_a_repeat(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    from django.db import transaction

    with transaction.atomic():
        locked = lifecycle.locked(listing.pk)
        facts.learn(locked, by="user:ann", text="eBay's invoice says so", ebay_fees=Decimal("66.00"))
    before = kept(listing)
    assert tell(sale(listing)).status_code == 200
    assert kept(listing) == before
