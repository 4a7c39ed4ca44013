"""The numbers that are kept are the numbers that a count gives, whoever changes listings, and by whatever way."""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from aetos import audit
from listings import guards, lifecycle, tally
from listings.models import ListingTally, ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.races import at_once, failures

pytestmark = pytest.mark.django_db
D = Decimal


def a_listing(state: State, brand: str, price: float | None = 400.0) -> ProductListing:
    return make_listing(state, product={"id": 1, "brand": brand, "model": "X"}, price=price)


def counted() -> dict[str, int]:
    states = ProductListing.objects.values_list("state", flat=True)
    return {state: list(states).count(state) for state in set(states)}


def kept() -> dict[str, int]:
    return {state: number.count for state, number in tally.numbers().items()}


def test_nothing_is_counted_where_nothing_is() -> None:
    assert tally.numbers() == {}
    assert tally.count() == tally.count(state=State.FOUND) == tally.count(brand="Sony") == 0


def test_each_state_and_brand_has_its_number_and_its_money() -> None:
    a_listing(State.FOUND, "Sony", 100.10)
    a_listing(State.FOUND, "SONY", None)
    a_listing(State.PURCHASED, "Canon")
    sold = a_listing(State.SOLD, "Canon")
    assert kept() == counted() == {"FOUND": 2, "PURCHASED": 1, "SOLD": 1}
    assert tally.numbers()["FOUND"].pennies == 10010
    assert tally.numbers()["PURCHASED"].pennies == 35000
    assert tally.numbers()["SOLD"].pennies == int((sold.final_profit or 0) * 100)
    assert tally.count(brand="sony") == tally.count(brand="sony", state=State.FOUND) == 2
    assert tally.count(brand="sony", state=State.SOLD) == 0
    assert tally.count() == 4


def through_the_door(listing: ProductListing) -> None:
    arrows: list[Callable[[], Any]] = [
        lambda: lifecycle.message_seller(listing.pk, by="user:a"),
        lambda: lifecycle.cancel(listing.pk, by="user:a"),
    ]
    random.choice(arrows)()


def by_sql(listing: ProductListing) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE listings_productlisting SET brand = 'Leica', asking_price = 12.34")


def by_the_orm(listing: ProductListing) -> None:
    ProductListing.objects.filter(pk=listing.pk).update(asking_price=None, title="Another")
    ProductListing.objects.filter(pk=listing.pk).update(asking_price=D("0.07"), brand="pentax")


def all_at_once(listing: ProductListing) -> None:
    ProductListing.objects.bulk_create(
        [make_copy(listing, number) for number in range(5)], ignore_conflicts=True
    )


def make_copy(listing: ProductListing, number: int) -> ProductListing:
    """Make one of which only the odd ones are new."""
    names = (
        "marketplace_url",
        "raw_url",
        "title",
        "product_id",
        "brand",
        "model",
        "scraper_job_id",
        "session_id",
    )
    told = {name: getattr(listing, name) for name in names}
    identity = f"copy:{listing.pk}:{number}" if number % 2 else listing.identity
    return ProductListing(identity=identity, confidence_score=90, asking_price=D(number), **told)


def gone(listing: ProductListing) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM listings_productlisting WHERE identity LIKE 'copy:%'")


def rolled_back(listing: ProductListing) -> None:
    with transaction.atomic():
        by_sql(listing)
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    "change",
    [through_the_door, by_sql, by_the_orm, all_at_once, gone, rolled_back],
    ids=lambda each: each.__name__,
)
def test_no_change_goes_uncounted(change: Callable[[ProductListing], None]) -> None:
    others = [a_listing(state, "Sony") for state in State]
    all_at_once(others[0])
    change(a_listing(State.FOUND, "Nikon", 99.99))
    assert tally.differences() == []
    assert kept() == counted()


def test_without_the_triggers_it_would_go_uncounted() -> None:
    guards.remove(connection)
    make_listing(State.FOUND)
    assert kept() == {} != counted()
    assert [(state, count) for state, _, count, _ in tally.differences()] == [("FOUND", -1)]
    guards.install(connection)
    assert kept() == counted() == {"FOUND": 1}  # counted anew, where a trigger was missing


def test_what_changes_no_number_appends_no_row() -> None:
    listing = make_listing(State.FOUND)
    before = ListingTally.objects.count()
    ProductListing.objects.update(title="Another", error_message=None)
    ProductListing.objects.filter(pk=listing.pk).update(asking_price=listing.asking_price)
    assert ListingTally.objects.count() == before


def test_folding_changes_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for brand in ("Sony", "Canon"):
        for state in (State.FOUND, State.MESSAGING, State.SOLD):
            a_listing(state, brand)
    numbers, rows = tally.numbers(), ListingTally.objects.count()
    assert tally.fold() == 0  # too few to be worth it
    monkeypatch.setattr(tally, "FOLD_FROM", 1)
    assert tally.fold() == rows - 6  # what has gone from a state altogether has no row
    assert ListingTally.objects.count() == 6
    assert tally.numbers() == numbers
    assert tally.fold() == 0
    assert tally.differences() == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_folds_and_changes_at_once_lose_and_double_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "FOLD_FROM", 1)
    listings = [make_listing(State.FOUND) for _ in range(12)]

    def fold() -> None:
        for _ in range(20):
            tally.fold()

    def change(mine: list[ProductListing]) -> Callable[[], None]:
        def message() -> None:
            for each in mine:
                lifecycle.message_seller(each.pk, by="user:a")

        return message

    tasks = [fold, fold, *(change(listings[part::3]) for part in range(3))]
    assert not failures(at_once(len(tasks), lambda number: tasks[number]()))
    assert kept() == counted() == {"MESSAGING": 12}
    assert tally.differences() == []


def test_the_audit_finds_a_wrong_number_and_a_command_puts_it_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    a_listing(State.FOUND, "Sony")
    assert "the tally is right" not in audit.run().broken
    ListingTally.objects.create(state="FOUND", brand="SONY", listings=3, pennies=5)
    found = audit.run()
    assert found.broken["the tally is right"] == 1
    assert any("FOUND SONY: The tally has +3 listings and +5 pennies" in words for words in found.findings)
    call_command("recount_listings")
    assert "FOUND SONY: +3 listings, +5 pennies" in capsys.readouterr().out
    assert tally.differences() == []
    assert tally.count() == 1
