"""The United Kingdom's tax year: from 6 April to 5 April, named after both calendar years."""

from datetime import date, timedelta


def year_of(day: date) -> int:
    """Return the calendar year in which the tax year of a day began."""
    return day.year if day >= first_day(day.year) else day.year - 1


def first_day(year: int) -> date:
    """Return the 6 April with which a tax year begins."""
    return date(year, 4, 6)


def last_day(year: int) -> date:
    """Return the 5 April with which a tax year ends."""
    return first_day(year + 1) - timedelta(days=1)


def label(year: int) -> str:
    """Name a tax year as the tax office does: "2026/27"."""
    return f"{year}/{(year + 1) % 100:02d}"
