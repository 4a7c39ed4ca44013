"""Texts are cut where Telegram would refuse them, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.telegram_text import LONGEST, clean, cut, one_line, split, units

CAMERA = "📷"
FAMILY = "👩‍👩‍👧‍👦"


def test_what_fits_is_one_message() -> None:
    assert split("a" * LONGEST) == ["a" * LONGEST]
    assert split(CAMERA * (LONGEST // 2)) == [CAMERA * (LONGEST // 2)]


@pytest.mark.parametrize("text", ["", " \n\t\n "])
def test_white_space_is_no_message(text: str) -> None:
    assert split(text) == []


def test_a_long_text_is_cut_at_line_ends() -> None:
    lines = [f"line {number} " + "x" * 90 for number in range(100)]
    parts = split("\n".join(lines))
    assert len(parts) > 1
    assert [line for part in parts for line in part.split("\n")] == lines


def test_a_long_line_is_cut_between_words() -> None:
    words = [f"word{number}" for number in range(2000)]
    assert [word for part in split(" ".join(words)) for word in part.split()] == words


def test_emoji_count_as_two() -> None:
    parts = split(CAMERA * LONGEST)
    assert [units(part) for part in parts] == [LONGEST, LONGEST]
    assert len(parts[0]) == LONGEST // 2


@pytest.mark.parametrize("lead", range(12))
def test_an_emoji_of_several_characters_stays_whole(lead: int) -> None:
    text = "x" * (LONGEST - lead) + FAMILY * 2
    parts = split(text)
    assert "".join(parts) == text
    assert all(units(part) <= LONGEST for part in parts)
    assert not any(part.startswith("\u200d") or part.endswith("\u200d") for part in parts)


@given(st.text(st.characters(codec="utf-8"), max_size=400), st.integers(2, 50))
def test_nothing_but_white_space_is_lost(text: str, longest: int) -> None:
    parts = split(text, longest)
    assert all(part.strip() and units(part) <= longest for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(st.text(st.characters(codec="utf-8"), max_size=200), st.integers(1, 40))
def test_a_cut_text_keeps_its_tail(text: str, length: int) -> None:
    tail = "\n" + "t" * length
    shown = cut(text, tail=tail, longest=60)
    assert shown.endswith(tail)
    assert units(shown) <= 60
    assert units(text) + units(tail) > 60 or shown == text + tail


def test_what_no_column_holds_is_taken_out() -> None:
    assert clean("a\0b\ud800c\udfff") == "ab?c?"


def test_a_title_is_one_line_that_reads_as_it_is_written() -> None:
    assert one_line("Sony\n\nA6400\u202e£1 \x1b[31m", 80) == "Sony A6400 £1 [31m"
    assert one_line("x" * 100, 10) == "x" * 9 + "…"
    assert one_line(FAMILY, 80) == FAMILY
