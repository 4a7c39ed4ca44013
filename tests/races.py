"""Doing things at the same moment, each in a thread with a database connection of its own."""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection, connections

# Seconds until whoever must come is given up, on a machine however busy: it costs nothing where all come.
PATIENCE = 180.0


def at_once(count: int, act: Callable[[int], Any], *, seconds: float = 2 * PATIENCE) -> list[Any]:
    """Run `act(0)` … `act(count - 1)` at once; return what each returned, or the exception that it raised."""
    results: list[Any] = [AssertionError("still running")] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            barrier.wait(PATIENCE)
            results[number] = act(number)
        except Exception as error:  # noqa: BLE001  handed to the test, which judges
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return results


def rounds_at_once(
    count: int, rounds: int, act: Callable[[int, int], Any], *, seconds: float = 900.0
) -> list[list[Any]]:
    """Run `act(round, 0)` … `act(round, count - 1)` at once, round after round, on the same connections.

    Return for each round what each returned, or the exception that it raised.
    """
    start = threading.Barrier(count)

    def run(number: int) -> list[Any]:
        mine: list[Any] = []
        for each in range(rounds):
            start.wait(PATIENCE)
            try:
                mine.append(act(each, number))
            except Exception as error:  # noqa: BLE001  handed to the caller, who judges
                mine.append(error)
        return mine

    by_number = at_once(count, run, seconds=seconds)
    for stopped in failures(by_number):
        raise stopped
    return [list(each) for each in zip(*by_number, strict=True)]


def until(happened: Callable[[], object], what: str = "it", *, seconds: float = PATIENCE) -> None:
    """Wait until something is true; fail where it does not become so in that time."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"{what} did not happen in {seconds} s"
        time.sleep(0.01)


def failures(results: list[Any]) -> list[Exception]:
    """Return the exceptions among the results."""
    return [each for each in results if isinstance(each, Exception)]


def somebody_waits_for_us() -> bool:
    """Say whether another connection waits for a lock that this thread's connection to PostgreSQL holds."""
    with connection.cursor() as cursor:
        # Not pg_stat_activity, which a transaction sees as it was at its first look.
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])
