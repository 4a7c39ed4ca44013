"""A pytest plugin: what needs a server that is not there is left out, counted and said, never passed over.

Tests marked `postgres` need DATABASE_URL to name a PostgreSQL, those marked `rabbitmq` need RABBITMQ_URL,
those marked `chromium` a Chromium on the PATH, those marked `node` Node.js with npm.
Two runs at once share one RabbitMQ: there they take turns, test by test. And they share out the work: some folders
belong to one of them, and of a test with many parameters each takes its part of the cases, so that every function is
tried on both databases and every case on one. What is marked `each_database` both do wholly, wherever it is.
"""

import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

SERVERS = {"postgres": "PostgreSQL", "rabbitmq": "RabbitMQ", "chromium": "Chromium", "node": "Node.js"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Where the runner wants to know which tests were left out, which were here and which are said to be elsewhere.
REPORT_VARIABLE = "NOT_RUN_REPORT"
# The file that a run locks while one of its tests is at the broker.
TURNS_VARIABLE = "BROKER_TURNS"
# Two runs beside each other share out what is not about the database: "first" or "last" says which this one is.
SHARE_VARIABLE = "SHARE_OF_TESTS"
SHARES: dict[str, tuple[str, ...]] = {
    # PostgreSQL: processes that start, lines that break, what is only long.
    "first": (
        "tests/aetos/test_live_edge.py",
        "tests/aetos/test_logs.py",
        "tests/aetos/test_openapi.py",
        "tests/aetos/test_start.py::test_a_secret_in_place_of_a_key_is_enough",
        "tests/aetos/test_start.py::test_all_that_is_missing_is_named_at_once",
        "tests/aetos/test_start.py::test_it_ends_and_names_what_is_missing",
        "tests/buying/test_breaker.py::test_many_approvals_while_it_is_down",
        "tests/integrations/test_broker_faults.py",
        "tests/integrations/test_filebroker.py",
        "tests/integrations/test_http.py",
        "tests/listings/test_ingest.py::test_five_thousand_in_one_call",
        "tests/scraping/test_sample.py::test_posting_every_job_again_changes_nothing",
    ),
    # SQLite, the quicker one: a browser, partners' pretended sides, words and pictures.
    "last": (
        "tests/access/test_authorisation.py",
        "tests/access/test_headers.py",
        "tests/access/test_headers_behind_tls.py",
        "tests/access/test_mass_assignment.py",
        "tests/access/test_permissions.py",
        "tests/access/test_strangers.py",
        "tests/backoffice/test_hostile.py",
        "tests/browser/",
        "tests/docs/",
        "tests/faults/",
        "tests/hostile/test_schema.py",
        "tests/hostile/test_ssrf.py",
        "tests/hostile/test_stored_text.py",
        "tests/keys/",
        "tests/people/test_forget_seller.py",
        "tests/photos/test_zoo.py",
        "tests/scraping/test_sample.py::test_price_changes_of_the_recorded_jobs_are_followed_and_published",
        "tests/simulators/",
        "tests/telegram/test_photo_faults.py",
        "tests/telegram/test_photo_refusals.py",
        "tests/telegram/test_setup.py",
        "tests/telegram/test_text.py",
        "tests/telegram/test_words.py",
        "tests/tooling/",
    ),
}
_report = pytest.StashKey[dict[str, Any]]()


def absent(environment: Mapping[str, str]) -> set[str]:
    """Take the environment, return the markers whose server it does not name."""
    there = {
        "postgres": environment.get("DATABASE_URL", "").startswith(("postgres://", "postgresql://")),
        "rabbitmq": bool(environment.get("RABBITMQ_URL")),
        "chromium": chromium() is not None,
        "node": shutil.which("node") is not None and shutil.which("npm") is not None,
    }
    return {marker for marker, found in there.items() if not found}


def chromium() -> str | None:
    """Return the path of an installed Chromium."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def closing_line(left_out: Iterable[list[str]]) -> str:
    """Take the absent markers of each test that was not run, return the line that says so, or nothing."""
    counts = Counter(SERVERS[marker] for markers in left_out for marker in markers)
    if not counts:
        return ""
    needs = ", ".join(f"{count} need {server}" for server, count in sorted(counts.items()))
    return f"NOT RUN: {needs.replace(' need', ' tests need', 1)}, which could not be found."


def elsewhere() -> tuple[str, ...]:
    """Return where the tests are that another run beside this one has; nothing for a run that is alone."""
    share = os.environ.get(SHARE_VARIABLE)
    return tuple(path for name, paths in SHARES.items() if share and name != share for path in paths)


def dealt_to(number: int) -> str:
    """Say whose the case of that number is: by its binary ones, since no period of the parameters follows them."""
    return "first" if number.bit_count() % 2 else "last"


def another_run_has(items: list[pytest.Item]) -> set[pytest.Item]:
    """Return those of the tests that the run beside this one has; never what needs PostgreSQL, or each database."""
    share = os.environ.get(SHARE_VARIABLE)
    if not share:
        return set()
    sharable = [
        item for item in items if not any(map(item.get_closest_marker, ("postgres", "each_database")))
    ]
    others = {item for item in sharable if item.nodeid.startswith(elsewhere())}
    owned = tuple(path for paths in SHARES.values() for path in paths)
    cases: dict[str, list[pytest.Item]] = {}
    for item in sharable:
        if not item.nodeid.startswith(owned):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for several in cases.values():
        if len(several) > 1:
            others |= {item for number, item in enumerate(several) if dealt_to(number) != share}
    return others


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the tests whose server is absent, and remember these; then those that another run has."""
    missing = absent(os.environ)
    needs = {item: sorted({mark.name for mark in item.iter_markers()} & missing) for item in items}
    here = [item for item in items if not needs[item]]
    others = another_run_has(here)
    kept = [item for item in here if item not in others]
    config.stash[_report] = {
        "left_out": {item.nodeid: markers for item, markers in needs.items() if markers},
        "here": [item.nodeid for item in kept],
        "elsewhere": [item.nodeid for item in here if item in others],
    }
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if needs[item] or item in others])
        items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keep the other run away from RabbitMQ while one of our tests needs it."""
    turns = os.environ.get(TURNS_VARIABLE)
    if not turns or item.get_closest_marker("rabbitmq") is None:
        return (yield)
    with Path(turns).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, or leave word for the runner."""
    nothing: dict[str, Any] = {"left_out": {}, "here": [], "elsewhere": []}
    report = config.stash.get(_report, nothing)
    if path := os.environ.get(REPORT_VARIABLE):
        Path(path).write_text(json.dumps(report), encoding="utf-8")
    elif line := closing_line(report["left_out"].values()):
        terminalreporter.write_sep("=", line, red=True, bold=True)
