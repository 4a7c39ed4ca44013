"""Whatever is told, in whatever order: the columns are the sums of the lines, and the profit is exact."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listings import bookkeeping, facts, lifecycle
from listings.bookkeeping import NotBooked
from listings.models import LedgerLine, ProductListing
from listings.profit import to_pennies
from listings.states import State
from tests.factories import make_listing

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]
Kind = LedgerLine.Kind
PENNY = Decimal("0.01")

amounts = st.decimals(0, 2_000, places=3)
notes = st.just("why")
booking = st.tuples(st.just("book"), st.sampled_from(bookkeeping.COSTS), amounts)
correcting = st.tuples(st.just("correct"), st.integers(0, 30), amounts)
refunding = st.tuples(st.just("refund"), st.booleans(), amounts)
telling = st.tuples(st.just("tell"), st.sampled_from(list(facts.BOOKED)), amounts)
stories = st.lists(st.one_of(booking, correcting, refunding, telling), max_size=8)


class Undone(Exception):
    """Ends an example without a trace of it."""


def lines_of(listing: ProductListing) -> list[LedgerLine]:
    return list(LedgerLine.objects.filter(listing=listing).order_by("id"))


def do(listing: ProductListing, step: tuple[str, Any, Decimal]) -> None:
    """Take one step; a refusal is an answer, anything else a failure."""
    name, what, amount = step
    try:
        if name == "book":
            bookkeeping.book(listing.pk, what, amount, by="user:ann")
        elif name == "refund":
            bookkeeping.refund(listing.pk, amount, by="user:ann", note="why", returned=what)
        elif name == "correct":
            lines = lines_of(listing)
            line = lines[what % len(lines)]
            bookkeeping.correct(line.pk, amount, by="user:ann", note="why", listing_id=listing.pk)
        else:
            told: dict[str, Any] = {what: amount}
            facts.learn(lifecycle.locked(listing.pk), by="ebay", text="told", **told)
    except NotBooked:
        return


def check(listing: ProductListing, before: list[LedgerLine]) -> None:
    """Compare the columns with what an independent reckoning in whole pennies makes of the lines."""
    lines, row = lines_of(listing), ProductListing.objects.get(pk=listing.pk)
    pennies: dict[str, int] = {}
    for line in lines:
        assert isinstance(line.amount, Decimal)
        assert line.amount == line.amount.quantize(PENNY)
        pennies[line.kind] = pennies.get(line.kind, 0) + int(line.amount * 100)
    told = {
        "ebay_sold_price": ("sale",),
        "purchase_price": ("purchase",),
        "shipping_cost": ("postage_in", "postage_out"),
        "ebay_fees": ("ebay_fees",),
    }
    for column, kinds in told.items():
        known = [pennies[kind] for kind in kinds if kind in pennies]
        value = getattr(row, column)
        assert (None if value is None else value * 100) == (sum(known) if known else None)
    profit = pennies["sale"] - sum(value for kind, value in pennies.items() if kind != "sale")
    assert row.final_profit is not None
    assert row.final_profit * 100 == profit
    assert row.profit_is_provisional == (row.ebay_fees is None or row.shipping_cost is None)
    # What was there is there still, as it was.
    kept = [(line.pk, line.kind, line.amount, line.note, line.corrects_id) for line in before]
    assert [(line.pk, line.kind, line.amount, line.note, line.corrects_id) for line in lines][
        : len(before)
    ] == kept


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories, sold=amounts, bought=amounts)
def test_any_story(db: None, story: list[Any], sold: Decimal, bought: Decimal) -> None:
    def run() -> None:
        listing = make_listing(State.NEGOTIATING)
        lifecycle.purchase(listing.pk, by="chatterbot", purchase_price=bought)
        lifecycle.walk(listing.pk, State.SOLD, by="ebay", ebay_sold_price=sold)
        before = lines_of(listing)
        check(listing, before)
        for step in story:
            do(listing, step)
            check(listing, before)
            before = lines_of(listing)
        raise Undone

    with pytest.raises(Undone), transaction.atomic():
        run()


@given(st.decimals(0, 1_000_000, places=4))
def test_it_is_rounded_once_half_up(amount: Decimal) -> None:
    assert to_pennies(amount) == amount.quantize(PENNY, ROUND_HALF_UP)
