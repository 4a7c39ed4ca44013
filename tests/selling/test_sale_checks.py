"""A webhook that got lost loses no sale: eBayLister is asked, over HTTP, for what is on eBay."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from django.test import Client

from aetos import queues
from integrations import ebaylister
from integrations.models import InboxMessage
from integrations.simulators import Simulators
from integrations.simulators.faults import Fault
from integrations.simulators.sales import Offer, listed
from listings import lifecycle, sale_checks, tasks
from listings.models import EbayOffer, Note, ProductListing
from listings.states import State
from tests.factories import make_listing, rows
from tests.races import at_once, failures
from tests.selling.sales import (
    EBAY_KEY,
    SOLD_AT,
    arrows,
    coherent,
    fresh,
    kept,
    last_inbox,
    said,
    sale,
    teller,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sims(settings: Any) -> Iterator[Simulators]:
    """The simulated eBayLister, where our settings say it is; it does nothing by itself."""
    with Simulators("http://127.0.0.1:9", time_scale=0.001) as running:
        settings.EBAY_API_URL = running.url("ebaylister")
        settings.EBAY_API_KEY = running.keys.ebay_api_key
        settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "ebay": [EBAY_KEY]}
        settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "1:x", "5"
        yield running


def offered(sims: Simulators, **changes: Any) -> tuple[ProductListing, Offer]:
    """Make a listing that is on the simulated eBay too."""
    listing = make_listing(State.LISTED)
    content = {"sku": str(listing.pk), "title": "Sony", "price": {"value": "500.00", "currency": "GBP"}}
    whole = dict.fromkeys(("brand", "model", "condition", "description"), "x")
    offer = listed(content | whole | {"photos": []})
    offer.listing_id = listing.ebay_listing_id or ""
    for name, value in changes.items():
        setattr(offer, name, value)
    sims.ebaylister.offers[offer.sku] = offer
    return listing, offer


WHOLE = {
    "order_id": "12-34567-89012",
    "sold_price": "500.00",
    "ebay_fees": "64.30",
    "shipping_cost": "7.95",
    "sold_at": SOLD_AT,
}


def asked(sims: Simulators) -> list[str]:
    """Return the numbers that eBayLister was asked for, in order."""
    paths = [each.request.path for each in sims.ebaylister.requests if each.request.method == "GET"]
    return [path.rpartition("/")[2] for path in paths]


def test_a_sale_that_nobody_told_is_taken_in_and_a_late_webhook_changes_nothing(
    sims: Simulators, client: Client
) -> None:
    listing, _ = offered(sims, status="sold", sale=WHOLE)
    assert sale_checks.reconcile() == {"sold": 1}
    now = fresh(listing)
    assert (now.state, now.final_profit, now.ebay_order_id) == ("SOLD", Decimal("77.75"), "12-34567-89012")
    assert listing.history.latest("sequence").triggered_by == "ebay"
    row = last_inbox()
    assert (row.partner, row.kind, row.status, row.subject) == ("ebay", "item-sold", "processed", listing.pk)
    assert json.loads(row.raw) == {"listing_id": listing.ebay_listing_id, "sku": str(listing.pk), **WHOLE}
    coherent(listing)

    before = kept(listing)
    assert teller(client)(sale(listing)).status_code == 200
    assert kept(listing) == before
    assert len(said()) == 1
    assert sale_checks.reconcile() == {}


def test_the_details_may_lie_flat(sims: Simulators, monkeypatch: pytest.MonkeyPatch) -> None:
    listing, _ = offered(sims)
    answer = {"sku": str(listing.pk), "status": "SOLD", **WHOLE}
    monkeypatch.setattr(ebaylister, "_call", lambda method, path: (200, answer))
    assert sale_checks.reconcile() == {"sold": 1}
    assert fresh(listing).final_profit == Decimal("77.75")


@pytest.mark.parametrize("told", [{}, {"order_id": "1", "sold_price": None}, {"sold_price": "free"}], ids=str)
def test_a_sale_without_a_price_is_told_to_staff_once_and_nothing_is_invented(
    sims: Simulators, told: dict[str, Any]
) -> None:
    listing, offer = offered(sims, status="sold", sale=told)
    assert sale_checks.reconcile() == {"unusable": 1}
    assert sale_checks.reconcile() == {"waiting": 1}
    assert fresh(listing).state == State.LISTED
    (words,) = said()
    assert "eBayLister says that it has sold, but not so that it can be booked (sold_price: " in words
    assert Note.objects.filter(listing=listing).count() == 1

    offer.sale = WHOLE
    assert sale_checks.reconcile() == {"sold": 1}


@pytest.mark.parametrize("status", ["ended", "withdrawn"])
def test_what_ended_unsold_is_told_once(sims: Simulators, status: str) -> None:
    listing, _ = offered(sims, status=status)
    assert sale_checks.reconcile() == {"ended": 1}
    words = f"eBay listing {listing.ebay_listing_id} was {status}, and has not sold."
    assert EbayOffer.objects.get(listing=listing).ended_at
    assert Note.objects.get(listing=listing).text == words
    assert len(said()) == 1 and words in said()[0]
    assert fresh(listing).state == State.LISTED
    assert sale_checks.reconcile() == {}


def test_what_is_still_offered_or_unknown_is_checked_quietly(sims: Simulators) -> None:
    offered(sims)
    unknown = make_listing(State.LISTED)  # by hand: there is no offer of ours
    make_listing(State.RECEIVED)
    make_listing(State.SOLD)
    before = rows()
    assert sale_checks.reconcile() == {"active": 1, "unknown": 1}
    assert rows() == before | {"EbayOffer": before["EbayOffer"] + 2}
    assert EbayOffer.objects.filter(checked_at__isnull=False, requested_at__isnull=True).count() == 2
    assert fresh(unknown).error_message is None


def test_the_longest_unasked_comes_first(sims: Simulators) -> None:
    numbers = [offered(sims)[0].ebay_listing_id for _ in range(3)]
    for _ in range(4):
        sale_checks.reconcile(limit=2)
    a, b, c = numbers
    assert asked(sims) == [a, b, c, a, b, c, a, b]


# ---- sold, and a cost is still to come ----------------------------------------------------------


def test_a_late_fee_whose_webhook_got_lost_completes_the_profit_too(sims: Simulators, client: Client) -> None:
    listing, offer = offered(sims, status="sold", sale=WHOLE | {"ebay_fees": None})
    assert sale_checks.reconcile() == {"sold": 1}
    assert (fresh(listing).final_profit, fresh(listing).profit_is_provisional) == (Decimal("142.05"), True)
    before, inbox = kept(listing), InboxMessage.objects.count()
    assert sale_checks.reconcile() == {"waiting": 1}  # no fee yet: the same words are not taken in again
    assert (kept(listing), InboxMessage.objects.count()) == (before, inbox)

    offer.sale = WHOLE
    assert sale_checks.reconcile() == {"retold": 1}
    assert (fresh(listing).final_profit, fresh(listing).profit_is_provisional) == (Decimal("77.75"), False)
    assert [words.partition(":")[0] for words in said()] == ["Sold", "Profit final"]
    coherent(listing)
    assert sale_checks.reconcile() == {}
    after = kept(listing)
    assert teller(client)(sale(listing)).status_code == 200  # the late webhook, after all
    assert kept(listing) == after


def test_only_sales_of_the_last_thirty_days_that_lack_a_cost_are_asked_for(sims: Simulators) -> None:
    incomplete = [offered(sims)[0] for _ in range(3)]
    for listing in incomplete:
        lifecycle.sell(listing.pk, by="ebay", ebay_sold_price=Decimal(500))
    old, lately = incomplete[0], incomplete[1]
    rows_of = ProductListing.objects.filter
    rows_of(pk=old.pk).update(sold_at=Now() - timedelta(days=30, minutes=1))
    rows_of(pk=lately.pk).update(sold_at=Now() - timedelta(days=29, hours=23))
    make_listing(State.SOLD)  # complete
    unnamed = make_listing(State.NEGOTIATING)
    lifecycle.walk(unnamed.pk, State.SOLD, by="user:ann")  # eBay has no number for it
    assert sale_checks.reconcile() == {"active": 2}
    assert set(asked(sims)) == {incomplete[1].ebay_listing_id, incomplete[2].ebay_listing_id}


def test_offered_and_incomplete_take_turns(sims: Simulators) -> None:
    numbers = [offered(sims)[0].ebay_listing_id for _ in range(3)]
    lifecycle.sell(ProductListing.objects.get(ebay_listing_id=numbers[1]).pk, by="ebay")
    for _ in range(3):
        sale_checks.reconcile(limit=2)
    a, b, c = numbers
    assert asked(sims) == [a, b, c, a, b, c]


def test_another_order_for_what_is_sold_is_told_to_staff(sims: Simulators) -> None:
    listing, offer = offered(sims, status="sold", sale=WHOLE | {"ebay_fees": None})
    sale_checks.reconcile()
    offer.sale = WHOLE | {"order_id": "99-1"}
    before = kept(listing)
    assert sale_checks.reconcile() == {"conflict": 1}
    assert kept(listing) == before
    assert said()[-1].startswith("Conflict, please look: ")


def test_a_conflict_is_kept_and_told_once(sims: Simulators) -> None:
    listing, offer = offered(sims, status="sold", sale=WHOLE)
    other = make_listing(State.LISTED)
    offer.sku = str(other.pk)  # eBay's number and the sku name two listings
    before = kept(other)
    assert sale_checks.reconcile() == {"conflict": 1, "unknown": 1}
    assert sale_checks.reconcile() == {"waiting": 1, "unknown": 1}
    assert last_inbox().status == InboxMessage.Status.CONFLICT
    assert (fresh(listing).state, kept(other)) == ("LISTED", before)
    assert len(said()) == 1


def test_one_that_fails_stops_no_other(sims: Simulators, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = offered(sims)[0], offered(sims, status="sold", sale=WHOLE)[0]
    sims.ebaylister.faults.switch(Fault(status=400, on=f"GET /listings/{bad.ebay_listing_id}"))
    assert sale_checks.reconcile() == {"unanswered": 1, "sold": 1}
    assert fresh(good).state == State.SOLD
    broken, fine = offered(sims, status="sold", sale=WHOLE)[0], offered(sims, status="sold", sale=WHOLE)[0]
    sell = lifecycle.sell

    def fails(listing_id: Any, **told: Any) -> Any:
        if listing_id == broken.pk:
            raise RuntimeError("a fault of ours")
        return sell(listing_id, **told)

    monkeypatch.setattr(lifecycle, "sell", fails)
    sims.ebaylister.faults.switch(Fault())
    assert sale_checks.reconcile() == {"failed": 1, "sold": 1, "active": 1}
    assert (fresh(broken).state, fresh(fine).state) == ("LISTED", "SOLD")


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"garbage": True}, {"drop_answer": True}, {"status": 401}]
)
def test_where_nothing_is_answered_the_rest_waits(sims: Simulators, fault: dict[str, Any]) -> None:
    for _ in range(5):
        offered(sims, status="sold", sale=WHOLE)
    sims.ebaylister.faults.switch(Fault(**fault))
    assert sale_checks.reconcile() == {"unanswered": 3}
    sims.ebaylister.faults.switch(Fault())
    assert sale_checks.reconcile() == {"sold": 5}


def test_it_ends_in_time(sims: Simulators) -> None:
    offered(sims)
    assert sale_checks.reconcile(seconds=-1) == {}


def test_overlapping_runs_do_nothing_twice(sims: Simulators) -> None:
    listings = [offered(sims, status="sold", sale=WHOLE)[0] for _ in range(4)]
    results = at_once(4, lambda _: sale_checks.reconcile())
    assert not failures(results)
    assert sum(each.total() for each in results) >= 4
    for listing in listings:
        assert arrows(listing).count("SOLD") == 1
        coherent(listing)
    assert len(said()) == 4


def test_beat_and_the_command_do_it(sims: Simulators, capsys: pytest.CaptureFixture[str]) -> None:
    offered(sims, status="sold", sale=WHOLE)
    call_command("reconcile_sales")
    call_command("reconcile_sales")
    assert capsys.readouterr().out == "1 sold\nnone on eBay\n"
    offered(sims)
    assert tasks.reconcile_sales() == 1
    (entry,) = [each for each in queues.beat_schedule.values() if each["task"] == "listings.reconcile_sales"]
    assert (entry["schedule"], entry["options"]["queue"]) == (900, "aetos.ebaylister")
