"""A seller is forgotten: a dump of the whole database, by its own means, is searched for what was everywhere before."""

from collections.abc import Callable
from typing import Any

import pytest

from listings.models import LedgerLine, TransitionLog
from tests.people.conftest import FILLED, LOGGED, MARKER, PLAIN, World, dump, forget, places, spellings


def log() -> list[Any]:
    return list(TransitionLog.objects.order_by("id").values())


@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_in_a_dump_of_the_whole_database(fill: Callable[[], World]) -> None:
    world = fill()
    assert places() == FILLED
    before, money, told = log(), list(LedgerLine.objects.values()), dump()
    assert any(each in told for each in spellings(PLAIN))
    would = forget(world.bought.short_code, "--dry-run")
    assert dump() == told
    did = forget(world.bought.short_code)
    for line in would.splitlines()[2:-1]:
        assert line.replace("would be changed", "").split(":")[0] in did
    left = dump()
    assert [each for text in (PLAIN, MARKER) for each in spellings(text) if each in left] == []
    assert places() == set()
    assert log()[: len(before)] == before
    assert LOGGED.encode() in left
    assert list(LedgerLine.objects.values()) == money
    assert forget(str(world.bought.pk)).splitlines()[1:] == did.splitlines()[-1:]
