"""How money, times, ages and raw data are written."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrations import show
from listings.admin.show import LETTERS, state_badge, who
from listings.states import State


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1234.50"), "£1,234.50"),
        (Decimal(-8), "−£8.00"),
        (Decimal(0), "£0.00"),
        (None, "–"),
    ],
)
def test_money(value: Decimal | None, written: str) -> None:
    assert show.amount(value) == written


@pytest.mark.parametrize(("currency", "written"), [("EUR", "€5.00"), ("CHF", "CHF 5.00")])
def test_money_of_other_countries(settings: Any, currency: str, written: str) -> None:
    settings.CURRENCY = currency
    assert show.amount(Decimal(5)) == written


def test_the_sign_of_a_profit_is_a_character_beside_its_colour() -> None:
    assert "ae-bad-text" in show.money(Decimal(-1), signed=True)
    assert "−" in show.money(Decimal(-1), signed=True)
    assert "ae-good-text" in show.money(Decimal(1), signed=True)
    assert "text" not in show.money(Decimal(-1))


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-5), "under a minute"),
        (timedelta(seconds=59), "under a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=59), "59 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=400), "400 days"),
    ],
)
def test_spans(length: timedelta, words: str) -> None:
    assert show.span(length) == words


def test_a_time_of_another_year_says_which() -> None:
    assert show.stamp(datetime(2019, 3, 1, 9, 5, tzinfo=UTC)) == "1 Mar 2019 09:05"


def test_raw_data_is_bounded() -> None:
    assert len(show.pretty("x" * 1_000_000)) < show.MAX_RAW + 100
    assert "cut here" in show.pretty(b"y" * 1_000_000)
    assert show.pretty({"a": 1}) == '{\n  "a": 1\n}'
    assert "\\u202e" in show.pretty("\u202e")


def test_each_state_has_a_letter_of_its_own() -> None:
    assert len(set(LETTERS.values())) == len(State)
    assert "".join(LETTERS[state] for state in State) == "FMNPRLSX"
    assert "ae-hidden" in state_badge("FOUND", name=False)
    assert state_badge(None) == "new"


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("user:ann", "ann"),
        ("rule:cheap Sony", "rule cheap Sony"),
        ("telegram:ben", "ben (Telegram)"),
        ("timeout", "the time-out"),
        ("scraper", "ScraperV2"),
        ("chatterbot", "Chatterbot"),
        ("ebay", "eBay"),
        ("something new", "something new"),
    ],
)
def test_who(by: str, name: str) -> None:
    assert who(by) == name
