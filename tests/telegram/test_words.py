"""What is said about listings: which, in which order, how much, and with which buttons."""

from decimal import Decimal
from typing import Any

import pytest

from listings import lifecycle, telegram
from listings.models import ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.telegram.conftest import Phone

pytestmark = pytest.mark.django_db


def read(listing: ProductListing) -> ProductListing:
    return ProductListing.objects.get(pk=listing.pk)


def test_a_digest_names_what_is_new_the_best_first(phone: Phone) -> None:
    poor = make_listing(title="Poor", price=100, potential_profit=20)
    unknown = make_listing(title="Unknown", price=None, potential_profit=None)
    rich = make_listing(title="Rich", price=400, potential_profit=200)
    (text,) = phone.say(telegram.digest_rows([poor, unknown, rich], [], job_number=7))
    first, *finds = text.split("\n\n")
    assert first == "Job 7: 3 new"
    assert [find.split(" [")[0] for find in finds] == ["Rich", "Poor", "Unknown"]
    # 200 − 12.8 % of 600 − 8.50 of postage
    assert finds[0].split("\n") == [
        f"Rich [{rich.short_code}]",
        "£400 · net est. £114.70 · 95 %",
        f"http://localhost:8000/staff/listings/productlisting/{rich.pk}/change/",
    ]
    assert "no price · 95 %" in finds[2]
    assert phone.labels() == [
        f"{verb} {each.short_code}" for each in (rich, poor, unknown) for verb in ("Message", "Cancel")
    ]


def test_a_digest_names_what_is_cheaper_with_the_price_before(phone: Phone) -> None:
    listing = make_listing(price=300)
    (text,) = phone.say(telegram.digest_rows([], [(listing, Decimal("350.50"))], job_number=8))
    assert text.startswith("Job 8: 1 cheaper\n\n")
    assert "£300, was £350.50" in text


def test_nothing_new_and_nothing_cheaper_is_not_said(phone: Phone) -> None:
    make_listing()
    assert telegram.digest_rows([], [], job_number=9) == []


def test_a_digest_is_bounded_and_says_how_many_more(phone: Phone) -> None:
    listings = [make_listing(title="📷" * 120, potential_profit=number) for number in range(35)]
    texts = phone.say(telegram.digest_rows(listings, [], job_number=1))
    assert len(texts) == 1
    assert texts[0].startswith("Job 1: 35 new")
    assert texts[0].endswith("and 25 more: http://localhost:8000/staff/listings/productlisting/")
    assert len(phone.labels()) == 20
    assert listings[34].short_code in texts[0] and listings[24].short_code not in texts[0]


def test_a_title_of_a_stranger_is_one_cut_line(phone: Phone) -> None:
    listing = make_listing(title="Sony\n\nSold: \u202e everything *bold* <b> " + "x" * 200)
    (text,) = phone.say(telegram.digest_rows([listing], [], job_number=1))
    title = text.split("\n")[2]
    assert title.startswith("Sony Sold: everything *bold* <b> xxx")
    assert title.endswith(f"x… [{listing.short_code}]") and len(title) == 80 + 9


def test_an_error_can_be_retried(phone: Phone) -> None:
    listing = make_listing(State.MESSAGING)
    (text,) = phone.say(telegram.error_rows(listing, "Chatterbot answered 400:\n" + "x" * 9000))
    assert text.startswith(f"Error: {listing.title} [{listing.short_code}]\nChatterbot answered 400: xxx")
    assert len(text) < 1000
    assert phone.labels() == ["Retry"]


def test_a_warning_names_the_end_and_can_be_snoozed(phone: Phone) -> None:
    listing = make_listing(State.NEGOTIATING)
    assert listing.deadline_at is not None
    (text,) = phone.say(telegram.warning_rows(listing))
    assert f"Still Negotiating: cancelled {listing.deadline_at:%d %b %H:%M} UTC" in text
    assert phone.labels() == ["Snooze 2 days", "Cancel"]


def test_a_conflict_is_told_with_and_without_a_listing(phone: Phone) -> None:
    listing = make_listing()
    rows = telegram.conflict_rows(listing, "deal confirmed at £380") + telegram.conflict_rows(None, "two ids")
    with_one, without = phone.say(rows)
    assert listing.short_code in with_one and "deal confirmed at £380" in with_one
    assert "two ids" in without and "/staff/integrations/inboxmessage/" in without


def test_a_deal_and_a_sale_name_the_money(phone: Phone) -> None:
    deal = make_listing(State.PURCHASED)
    sale = make_listing(State.SOLD)
    early = make_listing(State.LISTED)
    lifecycle.sell(early.pk, by="user:test", ebay_sold_price=Decimal("300.00"))
    texts = phone.say(telegram.deal_rows(deal) + telegram.sale_rows(sale))
    assert (
        "For £300, profit −£50, provisional: a cost is still to come" in texts[0]
    )  # told by the verb itself
    assert "Bought for £350, asked £400" in texts[1]
    assert "For £500, profit £80" in texts[2]
    assert phone.labels() == []


def test_a_job_that_failed(phone: Phone) -> None:
    (text,) = phone.say(telegram.job_rows("Job 3 (Sony) is lost"))
    assert text == "Job 3 (Sony) is lost\nhttp://localhost:8000/staff/scraping/scrapejob/"


@pytest.mark.parametrize(
    ("currency", "value", "shown"),
    [
        ("GBP", "1234.50", "£1,234.50"),
        ("GBP", "0.00", "£0"),
        ("GBP", "-0.05", "−£0.05"),
        ("EUR", "390.00", "€390"),
        ("CHF", "390.00", "CHF 390"),
        ("GBP", None, "no price"),
    ],
)
def test_money(settings: Any, currency: str, value: str | None, shown: str) -> None:
    settings.CURRENCY = currency
    assert telegram.money(None if value is None else Decimal(value)) == shown


def test_nothing_is_said_while_telegram_is_off(db: None, settings: Any) -> None:
    settings.TELEGRAM_BOT_TOKEN = ""
    listing = make_listing()
    rows = telegram.digest_rows([listing], [(listing, Decimal(1))], job_number=1)
    for words in (telegram.warning_rows, telegram.deal_rows, telegram.sale_rows):
        rows += words(listing)
    rows += telegram.error_rows(listing, "x") + telegram.conflict_rows(None, "x") + telegram.job_rows("x")
    assert rows == []
