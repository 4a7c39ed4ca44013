"""A pytest plugin: what needs a server that is not there is left out, counted and said, never passed over.

Tests marked `postgres` need DATABASE_URL to name a PostgreSQL, those marked `rabbitmq` need RABBITMQ_URL,
those marked `chromium` a Chromium on the PATH, those marked `node` Node.js with npm.
Two runs at once share one RabbitMQ: there they take turns, test by test.
"""

import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path

import pytest

SERVERS = {"postgres": "PostgreSQL", "rabbitmq": "RabbitMQ", "chromium": "Chromium", "node": "Node.js"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Where the runner wants to know which tests were left out; it then says so itself, once for all its runs.
REPORT_VARIABLE = "NOT_RUN_REPORT"
# The file that a run locks while one of its tests is at the broker.
TURNS_VARIABLE = "BROKER_TURNS"
# Two runs beside each other share out what is not about the database: "first" or "last" says which this one is.
SHARE_VARIABLE = "SHARE_OF_TESTS"
SHARES: dict[str, tuple[str, ...]] = {
    "first": (),
    # SQLite, the quicker one.
    "last": (
        "tests/access/test_authorisation.py",
        "tests/access/test_mass_assignment.py",
        "tests/access/test_permissions.py",
        "tests/access/test_strangers.py",
        "tests/browser/",
        "tests/docs/",
        "tests/hostile/test_schema.py",
        "tests/hostile/test_ssrf.py",
        "tests/hostile/test_stored_text.py",
        "tests/simulators/",
        "tests/tooling/",
    ),
}
_left_out = pytest.StashKey[dict[str, list[str]]]()


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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the tests that another run has, then those whose server is absent, and remember these."""
    left = [item for item in items if item.nodeid.startswith(elsewhere())]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    missing = absent(os.environ)
    needs = {item: sorted({mark.name for mark in item.iter_markers()} & missing) for item in items}
    out = [item for item, markers in needs.items() if markers]
    config.stash[_left_out] = {item.nodeid: needs[item] for item in out}
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if not needs[item]]


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
    left_out = config.stash.get(_left_out, {})
    if report := os.environ.get(REPORT_VARIABLE):
        Path(report).write_text(json.dumps(left_out), encoding="utf-8")
    elif line := closing_line(left_out.values()):
        terminalreporter.write_sep("=", line, red=True, bold=True)
