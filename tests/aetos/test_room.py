"""A page's calls do not take and give back the interpreter's memory again and again."""

import resource
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from aetos.middleware import MakeRoom

CALLS = 300
DEEPEST = 200  # frames, more than a chunk holds


def leaf() -> None:
    """Be called: a frame more."""


def worst() -> int:
    """Return the page faults of so many calls, at the depth at which they are most."""

    def at(depth: int) -> int:
        if depth:
            return at(depth - 1)
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        for _ in range(CALLS):
            leaf()
        return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

    return max(at(depth) for depth in range(DEEPEST))


def measured(
    around: Callable[[Callable[[HttpRequest], HttpResponse]], Callable[[HttpRequest], HttpResponse]],
) -> int:
    found: list[int] = []

    def page(request: HttpRequest) -> HttpResponse:
        found.append(worst())
        return HttpResponse()

    around(page)(HttpRequest())
    return found[0]


def test_calls_at_any_depth_need_no_memory_of_their_own() -> None:
    assert measured(MakeRoom) < CALLS / 10


def test_without_the_room_there_is_a_depth_at_which_each_call_does() -> None:
    """If this fails, this Python keeps a chunk for the next call: then MakeRoom can go."""
    assert measured(lambda page: page) >= CALLS
