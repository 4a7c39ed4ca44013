"""A test whose server is not there is left out, counted in one line, and a failure in CI."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.needs import REPORT_VARIABLE, SHARE_VARIABLE, SHARES, absent, chromium, closing_line, elsewhere
from tests.run import Run, fallen_between, not_run_at_all, verdict

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
    for path in paths:
        file, _, function = path.partition("::")
        assert (ROOT / file).exists()
        assert not function or f"def {function}(" in (ROOT / file).read_text()
    for share, expected in (("first", SHARES["first"]), ("last", SHARES["last"]), ("", tuple(paths))):
        monkeypatch.setenv(SHARE_VARIABLE, share)
        assert [path for path in paths if not path.startswith(elsewhere())] == list(expected)


CASES = """
import pytest

@pytest.mark.parametrize("word", "abcde")
def test_dealt(word): pass

@pytest.mark.each_database
@pytest.mark.parametrize("word", "ab")
def test_wholly(word): pass

@pytest.mark.postgres
@pytest.mark.parametrize("word", "ab")
def test_on_postgresql(word): pass

def test_plain(): pass
"""


def collected(folder: Path, share: str, database_url: str) -> dict[str, Any]:
    """Let pytest collect those cases as one of two runs, and return what it reports."""
    (folder / "test_cases.py").write_text(CASES)
    markers = "".join(f" {name}:\n" for name in ("each_database", "postgres"))
    (folder / "pytest.ini").write_text(
        f"[pytest]\naddopts = -p tests.needs -p no:django -p no:cacheprovider\nmarkers =\n{markers}"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        SHARE_VARIABLE: share,
        REPORT_VARIABLE: str(folder / "report"),
        "DATABASE_URL": database_url,
    }
    command = [sys.executable, "-m", "pytest", str(folder)]
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    report: dict[str, Any] = json.loads((folder / "report").read_text())
    return report


def test_each_function_is_tried_by_both_runs_and_each_case_by_one(tmp_path: Path) -> None:
    reports = [collected(tmp_path, "first", "postgres://h/d"), collected(tmp_path, "last", "")]
    first, last = ({test.partition("::")[2] for test in report["here"]} for report in reports)
    assert first & last == {"test_plain", "test_wholly[a]", "test_wholly[b]"}
    assert first - last == {"test_dealt[b]", "test_dealt[c]", "test_dealt[e]"} | {
        f"test_on_postgresql[{word}]" for word in "ab"
    }
    assert last - first == {"test_dealt[a]", "test_dealt[d]"}
    assert fallen_between(reports) == []


def test_what_tries_the_database_is_run_on_each_wherever_it_is(tmp_path: Path) -> None:
    """Also in a folder that one of the runs has for itself."""
    owned = tmp_path / "tests" / "keys"
    owned.mkdir(parents=True)
    marked = "@pytest.mark.each_database\ndef test_marked(): pass\n"
    (owned / "test_owned.py").write_text(f"import pytest\n\ndef test_left(): pass\n\n{marked}")
    reports = [collected(tmp_path, "first", "postgres://h/d"), collected(tmp_path, "last", "")]
    had = [{test.partition("::")[2] for test in report["here"] if "owned" in test} for report in reports]
    assert had == [{"test_marked"}, {"test_left", "test_marked"}]


def test_a_case_that_each_run_leaves_to_the_other_is_found() -> None:
    """A parameter list that differs by database would be dealt out twice, differently."""
    first = {"here": ["a"], "elsewhere": ["b"]}
    assert fallen_between([first, {"here": ["b"], "elsewhere": ["a"]}]) == []
    assert fallen_between([first, {"here": [], "elsewhere": ["a"]}]) == ["b"]
    assert fallen_between([{"here": ["a"], "elsewhere": []}]) == []


def test_a_log_hears_how_far_a_run_is_and_in_the_end_what_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    output.write_text("..F..x [ 50%]\nE..... [100%]\n==== FAILURES ====\n1 failed [ 3%] of it\n")
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        run = Run("SQLite", process, tmp_path / "report", output)
        assert run.progress() == "SQLite 100 %, 2 failed"
        assert run.outcome() == (0, {})
    assert capsys.readouterr().out == (
        "\n======== on SQLite ========\n==== FAILURES ====\n1 failed [ 3%] of it\n\n"
    )
