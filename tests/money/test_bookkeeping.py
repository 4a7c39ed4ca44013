"""Booking, correcting, refunding: the columns are the sums of the lines, and the profit follows them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import OutboxMessage
from listings import bookkeeping, lifecycle
from listings.bookkeeping import NotBooked
from listings.models import LedgerLine, Note, ProductListing
from listings.states import State
from tests.factories import make_listing, rows

pytestmark = pytest.mark.django_db
D = Decimal
Kind = LedgerLine.Kind
AFTER_THE_DEAL = (State.PURCHASED, State.RECEIVED, State.LISTED, State.SOLD)


def again(listing: ProductListing) -> ProductListing:
    return ProductListing.objects.get(pk=listing.pk)


def line_of(listing: ProductListing, kind: str) -> LedgerLine:
    return LedgerLine.objects.filter(listing=listing, kind=kind).order_by("id")[0]


def refused(act: Any, *args: Any, **told: Any) -> NotBooked:
    before, listings = rows(), list(ProductListing.objects.values())
    with pytest.raises(NotBooked) as caught:
        act(*args, by="user:ann", **told)
    assert (rows(), list(ProductListing.objects.values())) == (before, listings)
    return caught.value


# ---- a further cost -----------------------------------------------------------------------------


@pytest.mark.parametrize("state", AFTER_THE_DEAL)
@pytest.mark.parametrize("kind", bookkeeping.COSTS)
def test_a_cost_is_added_to_its_column(state: State, kind: str) -> None:
    listing = make_listing(state)
    line = bookkeeping.book(listing.pk, kind, D("12.00"), by="user:ann", note="sensor clean")
    after = again(listing)
    assert (line.kind, line.amount, line.by, line.note) == (kind, D("12.00"), "user:ann", "sensor clean")
    assert line.date == timezone.localdate()
    columns = {
        Kind.PURCHASE: "purchase_price",
        Kind.POSTAGE_IN: "shipping_cost",
        Kind.POSTAGE_OUT: "shipping_cost",
        Kind.EBAY_FEES: "ebay_fees",
    }
    for column in set(columns.values()):
        grown = D(12) if columns.get(Kind(kind)) == column else D(0)
        assert (getattr(after, column) or D(0)) == (getattr(listing, column) or D(0)) + grown
    assert after.final_profit == (D("68.00") if state == State.SOLD else None)
    assert after.updated_at > listing.updated_at
    assert (after.state, after.version) == (listing.state, listing.version)


def test_a_cost_after_the_sale_is_not_announced() -> None:
    listing = make_listing(State.SOLD)
    before = OutboxMessage.objects.count()
    bookkeeping.book(listing.pk, Kind.REPAIRS, D(5), by="user:ann")
    assert again(listing).final_profit == D("75.00")
    assert OutboxMessage.objects.count() == before


@pytest.mark.parametrize("state", [State.FOUND, State.MESSAGING, State.NEGOTIATING, State.CANCELLED])
def test_nothing_is_spent_before_the_deal(state: State) -> None:
    listing = make_listing(state)
    assert "Nothing was bought" in str(refused(bookkeeping.book, listing.pk, Kind.OTHER, D(1)))


def test_money_lost_on_a_cancelled_purchase_is_booked() -> None:
    listing = make_listing(State.PURCHASED)
    lifecycle.cancel(listing.pk, by="user:ann", reason="never sent")
    bookkeeping.book(listing.pk, Kind.POSTAGE_IN, D("8.50"), by="user:ann")
    after = again(listing)
    assert (after.purchase_price, after.shipping_cost, after.final_profit) == (D(350), D("8.50"), None)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0", "0.00"),
        ("0.005", "0.01"),
        ("12.344", "12.34"),
        ("12.345", "12.35"),
        ("1000000", "1000000.00"),
        ("1E+2", "100.00"),
    ],
)
def test_three_decimals_are_rounded_half_up(given: str, kept: str) -> None:
    listing = make_listing(State.PURCHASED)
    bookkeeping.book(listing.pk, Kind.OTHER, D(given), by="user:ann")
    assert str(LedgerLine.objects.get(kind=Kind.OTHER).amount) == kept


@pytest.mark.parametrize(
    "amount", ["-0.01", "-0.001", "NaN", "sNaN", "Infinity", "-Infinity", "1000000.001", "1e400"]
)
def test_what_is_no_amount_is_refused(amount: str) -> None:
    listing = make_listing(State.SOLD)
    line = line_of(listing, Kind.PURCHASE)
    told = D(amount)
    assert refused(bookkeeping.book, listing.pk, Kind.OTHER, told).field == "amount"
    assert refused(bookkeeping.correct, line.pk, told, note="why", listing_id=listing.pk).field == "amount"
    assert refused(bookkeeping.refund, listing.pk, told, note="why", returned=True).field == "amount"
    assert refused(bookkeeping.complete, listing.pk, {"ebay_fees": told}).field == "ebay_fees"


@pytest.mark.parametrize("kind", [Kind.SALE, Kind.REFUND, "tip", ""])
def test_only_costs_are_booked(kind: str) -> None:
    assert refused(bookkeeping.book, make_listing(State.SOLD).pk, kind, D(1)).field == "kind"


def test_a_day_that_has_been_and_is_not_from_another_century() -> None:
    listing = make_listing(State.SOLD)
    today = timezone.localdate()
    for on in (today + timedelta(days=1), date(1999, 12, 31), date.max, date.min):
        assert refused(bookkeeping.book, listing.pk, Kind.OTHER, D(1), on=on).field == "date"
        assert refused(bookkeeping.refund, listing.pk, D(1), note="x", returned=False, on=on).field == "date"
    for on in (today, date(2000, 1, 1)):
        assert bookkeeping.book(listing.pk, Kind.OTHER, D(1), by="user:ann", on=on).date == on


def test_today_is_the_staffs_day(settings: Any) -> None:
    settings.STAFF_TIME_ZONE = "Pacific/Kiritimati"  # the first to see a day
    listing = make_listing(State.PURCHASED)
    ahead = bookkeeping.book(listing.pk, Kind.OTHER, D(1), by="user:ann").date
    settings.STAFF_TIME_ZONE = "Pacific/Niue"  # among the last
    behind = bookkeeping.book(listing.pk, Kind.OTHER, D(1), by="user:ann").date
    assert timedelta(days=1) <= ahead - behind <= timedelta(days=2)
    assert refused(bookkeeping.book, listing.pk, Kind.OTHER, D(1), on=ahead).field == "date"


def test_what_would_not_fit_the_column_is_refused() -> None:
    listing = make_listing(State.PURCHASED)
    assert "would come to" in str(refused(bookkeeping.book, listing.pk, Kind.PURCHASE, D(999_999)))


def test_a_form_that_is_sent_twice_books_once() -> None:
    listing = make_listing(State.PURCHASED)
    seen = line_of(listing, Kind.PURCHASE).pk
    bookkeeping.book(listing.pk, Kind.OTHER, D(1), by="user:ann", seen=seen)
    assert "has gone on" in str(refused(bookkeeping.book, listing.pk, Kind.OTHER, D(1), seen=seen))


# ---- corrections --------------------------------------------------------------------------------


def test_a_correction_is_a_line_with_the_difference() -> None:
    listing = make_listing(State.SOLD)
    line = line_of(listing, Kind.PURCHASE)
    less = bookkeeping.correct(line.pk, D("340"), by="user:ann", note="£10 back", listing_id=listing.pk)
    assert (less.amount, less.corrects_id, less.kind) == (D("-10.00"), line.pk, "purchase")
    assert (again(listing).purchase_price, again(listing).final_profit) == (D(340), D("90.00"))
    # Correcting the correction is correcting its line.
    more = bookkeeping.correct(less.pk, D("345.505"), by="user:ben", note="no", listing_id=listing.pk)
    assert (more.amount, more.corrects_id) == (D("5.51"), line.pk)
    assert again(listing).final_profit == D("84.49")
    assert LedgerLine.objects.get(pk=line.pk).amount == D(350)


def test_what_cannot_be_corrected() -> None:
    listing, other = make_listing(State.SOLD), make_listing(State.SOLD)
    line = line_of(listing, Kind.PURCHASE)
    told = {"listing_id": listing.pk}
    assert "already" in str(refused(bookkeeping.correct, line.pk, D(350), note="x", **told))
    assert refused(bookkeeping.correct, line.pk, D("350.004"), note="x", **told).field == "amount"
    assert refused(bookkeeping.correct, line.pk, D(1), note="  ", **told).field == "note"
    for number, its in ((line.pk, other.pk), (10**30, listing.pk), (0, listing.pk)):
        with pytest.raises(LedgerLine.DoesNotExist):
            bookkeeping.correct(number, D(1), by="user:ann", note="x", listing_id=its)


def test_a_total_never_falls_below_nothing() -> None:
    listing = make_listing(State.PURCHASED)
    further = bookkeeping.book(listing.pk, Kind.PURCHASE, D(100), by="user:ann")
    lifecycle.walk(listing.pk, State.SOLD, by="user:ann", purchase_price=D(50))
    # The sale told that both lines come to 50.00 in all, so that taking one away leaves less than nothing.
    told = {"note": "x", "listing_id": listing.pk}
    assert "would come to" in str(refused(bookkeeping.correct, further.pk, D(0), **told))


# ---- refunds ------------------------------------------------------------------------------------


def test_a_return_is_a_refund_and_a_note() -> None:
    listing = make_listing(State.SOLD)
    line = bookkeeping.refund(listing.pk, D(500), by="user:ann", note="fungus in the lens", returned=True)
    after = again(listing)
    assert (line.kind, line.amount) == ("refund", D(500))
    assert (after.state, after.ebay_sold_price, after.final_profit) == ("SOLD", D(500), D("-420.00"))
    assert after.returned_at is not None
    assert Note.objects.get(listing=listing).text == "Returned: fungus in the lens"


def test_a_part_refund_leaves_the_camera_with_the_buyer() -> None:
    listing = make_listing(State.SOLD)
    bookkeeping.refund(listing.pk, D("20.50"), by="user:ann", note="scratch", returned=False)
    after = again(listing)
    assert (after.final_profit, after.returned_at) == (D("59.50"), None)
    assert not Note.objects.exists()


def test_refunds_stay_within_the_sale() -> None:
    listing = make_listing(State.SOLD)
    first = bookkeeping.refund(listing.pk, D(400), by="user:ann", note="x", returned=True)
    words = refused(bookkeeping.refund, listing.pk, D("100.01"), note="x", returned=True)
    assert "£500.01 refunded in all is more than it was sold for, £500.00" in str(words)
    sale = line_of(listing, Kind.SALE)
    told = {"note": "x", "listing_id": listing.pk}
    assert "more than it was sold for" in str(refused(bookkeeping.correct, sale.pk, D("399.99"), **told))
    assert "more than it was sold for" in str(refused(bookkeeping.correct, first.pk, D("500.01"), **told))
    bookkeeping.refund(listing.pk, D(100), by="user:ann", note="x", returned=True)
    assert again(listing).final_profit == D("-420.00")
    assert Note.objects.count() == 1


def test_a_return_that_was_a_mistake_is_taken_back_by_a_correction() -> None:
    listing = make_listing(State.SOLD)
    line = bookkeeping.refund(listing.pk, D(500), by="user:ann", note="x", returned=True)
    bookkeeping.correct(line.pk, D(0), by="user:ann", note="another camera", listing_id=listing.pk)
    after = again(listing)
    assert (after.returned_at, after.final_profit) == (None, D("80.00"))
    texts = ["Returned: x", "Not returned after all: another camera"]
    assert list(Note.objects.order_by("id").values_list("text", flat=True)) == texts


@pytest.mark.parametrize("state", [each for each in State if each != State.SOLD])
def test_only_a_sale_is_refunded(state: State) -> None:
    listing = make_listing(state)
    assert "Only a sale" in str(refused(bookkeeping.refund, listing.pk, D(1), note="x", returned=True))
    assert "Only a sale" in str(refused(bookkeeping.complete, listing.pk, {"ebay_fees": D(1)}))


def test_a_refund_says_why_and_how_much() -> None:
    listing = make_listing(State.SOLD)
    assert refused(bookkeeping.refund, listing.pk, D(1), note=" ", returned=True).field == "note"
    assert refused(bookkeeping.refund, listing.pk, D("0.004"), note="x", returned=True).field == "amount"


# ---- completing a sale --------------------------------------------------------------------------


def sold(**told: Any) -> ProductListing:
    listing = make_listing(State.LISTED)
    lifecycle.sell(listing.pk, by="ebay", **told)
    return again(listing)


def test_the_last_cost_makes_the_profit_final() -> None:
    listing = sold(ebay_sold_price=D(500), shipping_cost=D(10))
    assert bookkeeping.lacking(listing) == ["ebay_fees"]
    assert (listing.final_profit, listing.profit_is_provisional) == (D(140), True)
    done = bookkeeping.complete(listing.pk, {"ebay_fees": D("60.005")}, by="user:ann")
    assert bookkeeping.lacking(done) == []
    after = again(listing)
    assert (after.ebay_fees, after.final_profit, after.profit_is_provisional) == (
        D("60.01"),
        D("79.99"),
        False,
    )


def test_a_sale_without_its_price_is_completed_too() -> None:
    listing = sold()
    assert bookkeeping.lacking(listing) == ["ebay_sold_price", "ebay_fees", "postage_out"]
    assert "give that first" in str(refused(bookkeeping.refund, listing.pk, D(1), note="x", returned=True))
    told = {"ebay_sold_price": D(480), "ebay_fees": D(0), "postage_out": D(0)}
    bookkeeping.complete(listing.pk, told, by="user:ann")
    assert (again(listing).final_profit, again(listing).profit_is_provisional) == (D(130), False)


def test_what_came_meanwhile_is_not_written_over() -> None:
    listing = sold(ebay_sold_price=D(500), ebay_fees=D(60))
    told = {"postage_out": D(5), "ebay_fees": D(61)}
    error = refused(bookkeeping.complete, listing.pk, told)
    assert (error.field, str(error)) == ("ebay_fees", "It is known already: £60.00. Correct its line.")
    assert str(refused(bookkeeping.complete, listing.pk, {})) == "Nothing was given."
