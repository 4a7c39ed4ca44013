"""A plan says when it runs: each time of day once, whatever the clocks do; and what could not run is refused."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from scraping import plans
from scraping.models import SearchPlan
from tests.scraping.planning import NOON, a_plan, at, live

pytestmark = pytest.mark.django_db


# ---- the clocks change --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "starts"),
    [
        # 29 March: 01:00 GMT is 02:00 BST. 01:30 does not happen, and runs an hour later by the clock on the wall.
        ("2026-03-29", ["01:30", "08:00", "13:00", "20:00"]),
        # 25 October: 02:00 BST is 01:00 GMT. 01:30 happens twice, and runs the first time.
        ("2026-10-25", ["00:30", "09:00", "14:00", "21:00"]),
        ("2026-06-10", ["00:30", "08:00", "13:00", "20:00"]),
        ("2026-01-10", ["01:30", "09:00", "14:00", "21:00"]),
    ],
)
def test_each_time_of_day_runs_once_whatever_the_clocks_do(day: str, starts: list[str]) -> None:
    a_plan("01:30", "09:00", "14:00", "21:00", since=at(f"{day} 00:00"))
    assert live(f"{day} 00:00", f"{day} 22:55") == {f"{day[5:]} {start}": 1 for start in starts}


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
@pytest.mark.parametrize(
    "zone", ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
)
def test_a_fortnight_round_a_changeover_has_fourteen_runs_of_each_time(day: str, zone: str) -> None:
    middle = at(f"{day} 12:00")
    for time_of_day in ("00:00", "00:59", "01:00", "01:30", "02:00", "02:30", "23:59"):
        plan = SearchPlan(times=[time_of_day], time_zone=zone)
        found = plans.slots(plan, middle - timedelta(days=7), middle + timedelta(days=7))
        assert len({slot.date() for slot in found}) >= 13
        assert len(found) == 14


def test_two_times_that_fall_on_one_instant_are_one_run() -> None:
    plan = SearchPlan(times=["01:30", "02:30"], time_zone="Europe/London")
    assert plans.slots(plan, at("2026-03-29 00:00"), at("2026-03-29 12:00")) == [at("2026-03-29 01:30")]


def test_slots_that_follow_one_another_neither_share_nor_lose_a_run() -> None:
    plan = SearchPlan(times=["00:00", "01:30", "12:00"], time_zone="Pacific/Auckland")
    start, end = at("2026-04-01 00:00"), at("2026-04-11 00:00")
    pieces: list[datetime] = []
    while start < end:
        pieces += plans.slots(plan, start, start + timedelta(minutes=30))
        start += timedelta(minutes=30)
    assert pieces == plans.slots(plan, at("2026-04-01 00:00"), end)


def test_the_next_run_is_told() -> None:
    plan = a_plan()
    assert plans.next_run(plan, NOON) == at("2026-06-10 13:00")
    assert plans.next_run(plan, at("2026-06-10 20:00")) == at("2026-06-11 08:00")
    plan.active = False
    assert plans.next_run(plan, NOON) is None


# ---- a plan is validated ------------------------------------------------------------------------


def test_a_plan_has_the_usual_times_in_london_and_comes_from_nobody() -> None:
    assert not SearchPlan.objects.exists()
    plan = a_plan()
    assert (plan.times, plan.time_zone, plan.active) == (["09:00", "14:00", "21:00"], "Europe/London", True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"brands": []},
        {"brands": "Sony"},
        {"brands": ["Sony", " "]},
        {"brands": ["Sony", None]},
        {"brands": ["So\0ny"]},
        {"search": "  "},
        {"times": []},
        {"times": ["9:00"]},
        {"times": ["24:00"]},
        {"times": ["09:60"]},
        {"times": ["09:00\n"]},
        {"times": ["٠٩:٠٠"]},
        {"times": [900]},
        {"times": "09:00"},
        {"time_zone": "Europe/Londn"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "/etc/localtime"},
        {"time_zone": ""},
        {"time_zone": "Europe"},
        {"name": ""},
    ],
    ids=str,
)
def test_a_plan_that_could_not_run_is_refused(wrong: dict[str, Any]) -> None:
    values = {"name": "cameras", "brands": ["Sony"], "search": "Sony"} | wrong
    with pytest.raises(ValidationError):
        SearchPlan.objects.create(**values)
    assert not SearchPlan.objects.exists()


def test_brands_and_times_are_brought_into_order() -> None:
    plan = a_plan("21:00", "09:00", "21:00", brands=[" Sony", "Canon", "Sony"], search=" x ")
    assert (plan.times, plan.brands, plan.search) == (["09:00", "21:00"], ["Sony", "Canon"], "x")
