"""Quiet hours by the clock on the wall: over midnight, and when the clock changes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.quiet_hours import quiet_end

LONDON = "Europe/London"


def end(now: str, start: str, stop: str, zone: str = LONDON) -> str | None:
    """Work it out, with everything as text."""
    found = quiet_end(
        datetime.fromisoformat(now).replace(tzinfo=UTC),
        time.fromisoformat(start),
        time.fromisoformat(stop),
        zone,
    )
    return f"{found.astimezone(UTC):%Y-%m-%dT%H:%M}" if found else None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-01-10T21:59", None),
        ("2026-01-10T22:00", "2026-01-11T07:00"),
        ("2026-01-10T23:59", "2026-01-11T07:00"),
        ("2026-01-11T00:00", "2026-01-11T07:00"),
        ("2026-01-11T06:59", "2026-01-11T07:00"),
        ("2026-01-11T07:00", None),
        # in summer the wall is an hour ahead
        ("2026-07-10T20:59", None),
        ("2026-07-10T21:00", "2026-07-11T06:00"),
        ("2026-07-11T06:00", None),
        # the night of the change to summer time is an hour shorter, the one back an hour longer
        ("2026-03-28T22:00", "2026-03-29T06:00"),
        ("2026-03-29T05:59", "2026-03-29T06:00"),
        ("2026-10-24T21:00", "2026-10-25T07:00"),
        ("2026-10-25T06:59", "2026-10-25T07:00"),
    ],
)
def test_over_midnight(now: str, expected: str | None) -> None:
    assert end(now, "22:00", "07:00") == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-01-10T11:59", None), ("2026-01-10T12:00", "2026-01-10T13:00"), ("2026-01-10T13:00", None)],
)
def test_within_a_day(now: str, expected: str | None) -> None:
    assert end(now, "12:00", "13:00") == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # 01:30 comes twice on 25 October: at 00:30 and at 01:30 UTC. It ends with the second, in one piece.
        ("2026-10-25T00:29", "2026-10-25T01:30"),
        ("2026-10-25T00:45", "2026-10-25T01:30"),
        ("2026-10-25T01:29", "2026-10-25T01:30"),
        ("2026-10-25T01:30", None),
        # 01:30 is left out on 29 March: the clock goes from 01:00 to 02:00 at 01:00 UTC.
        ("2026-03-29T00:59", "2026-03-29T01:30"),
        ("2026-03-29T01:29", "2026-03-29T01:30"),
        ("2026-03-29T01:30", None),
    ],
)
def test_an_end_that_comes_twice_or_not_at_all(now: str, expected: str | None) -> None:
    assert end(now, "22:00", "01:30") == expected


def test_a_beginning_that_comes_twice_counts_from_the_first() -> None:
    assert end("2026-10-25T00:29", "01:30", "05:00") is None
    assert end("2026-10-25T00:30", "01:30", "05:00") == "2026-10-25T05:00"


def test_the_same_time_twice_is_no_quiet_hours() -> None:
    assert end("2026-01-10T12:00", "12:00", "12:00") is None


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
    st.times(),
    st.times(),
    st.sampled_from(
        [LONDON, "UTC", "Pacific/Apia", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
    ),
)
def test_the_end_lies_ahead_and_within_a_long_day(now: datetime, start: time, stop: time, zone: str) -> None:
    moment = now.replace(tzinfo=UTC)
    found = quiet_end(moment, start, stop, zone)
    wall = moment.astimezone(ZoneInfo(zone)).time()
    if found is None:
        inside = start <= wall < stop if start < stop else wall >= start or wall < stop
        changes = {
            datetime.combine(now.date() + timedelta(days=n), start, ZoneInfo(zone)).utcoffset()
            for n in (-1, 0, 1)
        }
        assert start == stop or not inside or len(changes) > 1
    else:
        assert moment < found <= moment + timedelta(hours=26)
