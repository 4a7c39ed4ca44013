"""Two members of staff at the same ledger: both lines stand, and the sums have both."""

import threading
from decimal import Decimal
from typing import Any

import pytest

from integrations.clock import Clock
from listings import bookkeeping, lifecycle
from listings.models import LedgerLine, ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.races import PATIENCE, at_once, failures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.each_database]
D = Decimal


def books(listing: ProductListing) -> tuple[int, Decimal | None]:
    """Return how many repairs are booked, and the profit."""
    row = ProductListing.objects.get(pk=listing.pk)
    return LedgerLine.objects.filter(listing=listing, kind="repairs").count(), row.final_profit


def test_all_who_book_at_once_are_counted() -> None:
    listing = make_listing(State.SOLD)
    results = at_once(
        8, lambda number: bookkeeping.book(listing.pk, "repairs", D("1.01"), by=f"user:{number}")
    )
    assert not failures(results)
    assert books(listing) == (8, D("71.92"))


def test_a_form_that_is_sent_eight_times_at_once_books_once() -> None:
    listing = make_listing(State.SOLD)
    seen = LedgerLine.objects.latest("id").pk
    results = at_once(
        8, lambda number: bookkeeping.book(listing.pk, "repairs", D(1), by="user:ann", seen=seen)
    )
    assert {type(each) for each in failures(results)} == {bookkeeping.NotBooked}
    assert len(failures(results)) == 7
    assert books(listing) == (1, D("79.00"))


def test_refunds_at_once_stay_within_the_sale() -> None:
    listing = make_listing(State.SOLD)
    results = at_once(
        6,
        lambda number: bookkeeping.refund(listing.pk, D(200), by="user:ann", note="x", returned=True),
    )
    assert len(failures(results)) == 4
    assert books(listing) == (0, D("-320.00"))


@pytest.mark.postgres
def test_without_the_lock_a_line_would_be_missing_from_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = make_listing(State.SOLD)
    together = threading.Barrier(2)
    save = ProductListing.save

    def unlocked(listing_id: Any) -> ProductListing:
        return ProductListing.objects.annotate(db_now=Clock()).get(pk=listing_id)

    def late(self: ProductListing, *args: Any, **kwargs: Any) -> None:
        together.wait(PATIENCE)  # both have summed up before either has written
        save(self, *args, **kwargs)

    monkeypatch.setattr(lifecycle, "locked", unlocked)
    monkeypatch.setattr(ProductListing, "save", late)
    results = at_once(2, lambda number: bookkeeping.book(listing.pk, "repairs", D(1), by="user:ann"))
    count, profit = books(listing)
    assert not failures(results)
    assert (count, profit) == (2, D("79.00"))  # two lines of 1.00, and one of them in the profit
