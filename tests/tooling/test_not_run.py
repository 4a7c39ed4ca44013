"""A test whose server is not there is left out, counted in one line, and a failure in CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import SHARE_VARIABLE, SHARES, absent, chromium, closing_line, elsewhere
from tests.run import not_run_at_all, verdict

ROOT = Path(__file__).resolve().parents[2]
SUITE = """
import pytest

@pytest.mark.postgres
def test_p(): raise AssertionError("must not run")

@pytest.mark.rabbitmq
def test_r(): raise AssertionError("must not run")

def test_plain(): pass
"""


def test_what_the_environment_names_is_there() -> None:
    browser = set() if chromium() else {"chromium"}
    assert absent({}) == {"postgres", "rabbitmq"} | browser
    assert absent({"DATABASE_URL": "sqlite:///x", "RABBITMQ_URL": ""}) == {"postgres", "rabbitmq"} | browser
    assert absent({"DATABASE_URL": "postgres://h/d", "RABBITMQ_URL": "amqp://h/"}) == browser


def test_the_line_counts_by_server() -> None:
    assert closing_line([]) == ""
    line = closing_line([["postgres"], ["postgres", "rabbitmq"], ["rabbitmq"], ["postgres"]])
    assert line.startswith("NOT RUN: 3 tests need PostgreSQL, 2 need RabbitMQ")


def test_pytest_by_itself_leaves_them_out_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p tests.needs -p no:django -p no:cacheprovider\nmarkers =\n postgres:\n rabbitmq:\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}

    result = subprocess.run(
        [sys.executable, "-m", "pytest", str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 0, result.stdout
    assert "1 passed, 2 deselected" in result.stdout
    assert "NOT RUN: 1 tests need PostgreSQL, 1 need RabbitMQ" in result.stdout


def test_what_one_run_ran_is_not_reported() -> None:
    on_postgres = {"a": ["rabbitmq"]}
    on_sqlite = {"a": ["rabbitmq"], "b": ["postgres"]}

    assert not_run_at_all([on_postgres, on_sqlite]) == {"a": ["rabbitmq"]}
    assert not_run_at_all([on_sqlite]) == on_sqlite


@pytest.mark.parametrize(
    ("statuses", "incomplete", "environment", "expected"),
    [
        ([0, 0], False, {"CI": "true"}, 0),
        ([0], True, {}, 0),
        ([0], True, {"CI": "true"}, 1),
        ([0, 1], False, {}, 1),
        ([2, 0], True, {}, 2),
        ([0, 5], False, {}, 0),
        ([5, 5], False, {}, 5),
    ],
)
def test_the_verdict(
    statuses: list[int], incomplete: bool, environment: dict[str, str], expected: int
) -> None:
    assert verdict(statuses, incomplete, environment) == expected


def test_two_runs_share_out_what_is_not_about_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the folders is run by exactly one of two runs, and by a run that is alone."""
    paths = [path for share in SHARES.values() for path in share]
    assert all((ROOT / path).exists() for path in paths)
    for share, expected in (("first", SHARES["first"]), ("last", SHARES["last"]), ("", tuple(paths))):
        monkeypatch.setenv(SHARE_VARIABLE, share)
        assert [path for path in paths if not path.startswith(elsewhere())] == list(expected)
