"""Which search plan found a listing. Plans lie above this app, so the app that has them says so when it starts."""

from collections.abc import Callable
from typing import Any

from django.db.models import Q

Finder = Callable[[int], Any]
_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """Take the function that returns the serial numbers of a plan's jobs; plan 0 is "all plans"."""
    _finders[:] = [finder]


def found_by(plan: int) -> Q:
    """Return the condition that a plan found the listing; plan 0: none did."""
    jobs = _finders[0](plan)
    return Q(session_id__in=jobs) if plan else ~Q(session_id__in=jobs)
