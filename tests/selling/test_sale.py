"""A sale comes in: what it sells, completes or repeats, and what cannot be."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from integrations.models import InboxMessage, OutboxMessage
from integrations.tasks import process_inbox
from listings import facts, lifecycle
from listings.models import EbayOffer, LedgerLine, Note, ProductListing
from listings.states import State
from tests.factories import make_listing, rows
from tests.selling.sales import EBAY_KEY, Tell, arrows, coherent, fresh, kept, last_inbox, said, sale, teller

pytestmark = pytest.mark.django_db

Status = InboxMessage.Status
NOBODYS = "2f7c1d7e-5a0b-4a4e-9a51-0c6b8f3f2f10"


@pytest.fixture(autouse=True)
def _keys(settings: Any, _environment: None) -> None:
    settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "ebay": [EBAY_KEY]}
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "1:x", "5"


@pytest.fixture
def tell(client: Client) -> Tell:
    """Post a sale as eBayLister does."""
    return teller(client)


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


# ---- it cannot be, or is not known yet ----------------------------------------------------------


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
