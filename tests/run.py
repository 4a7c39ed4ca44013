"""`make test`: the whole suite, once on PostgreSQL where there is one and once on SQLite, both at the same time.

At a terminal the first run is shown as it goes, the other when it has ended; in a log a line says now and then how
far both are, and the end is what failed. They take turns at the one RabbitMQ.
What could not run for want of a server is said in one closing line; with CI=true it is a failure.
Arguments go to pytest.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.needs import REPORT_VARIABLE, SHARE_VARIABLE, TURNS_VARIABLE, closing_line
from tests.services import Found, NotUsable, find_postgres, find_rabbitmq

ROOT = Path(__file__).resolve().parents[1]
NOTHING_COLLECTED = 5
SECONDS_BETWEEN = 30
# A line of pytest's that says how far it is.
PROGRESS = re.compile(r"^([.FEsxXp]+) +\[ *(\d+)%\]\n", re.MULTILINE)
TRUE = {"1", "true", "yes", "on"}


def main(given: list[str]) -> int:
    """Take pytest's arguments, run the suite, return the exit status."""
    signal.signal(signal.SIGTERM, _end)
    environment = dict(os.environ)
    with ExitStack() as stack:
        try:
            postgres, rabbitmq = find_postgres(environment, stack), find_rabbitmq(environment, stack)
        except NotUsable as error:
            _say(str(error))
            return 2
        for server, found in (("PostgreSQL", postgres), ("RabbitMQ", rabbitmq)):
            _say(f"{server}: {found.how if found else 'not found'}")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aetos-run-")))
        environment[TURNS_VARIABLE] = str(folder / "turns")
        runs = ([("PostgreSQL", postgres.url)] if postgres else []) + [("SQLite", "")]
        started = []
        for name, url in runs:
            share = ("last" if started else "first") if len(runs) > 1 else ""
            shown = not started and sys.stdout.isatty()
            changed = _environment(environment, url, rabbitmq, share=share)
            started.append(stack.enter_context(running(name, changed, folder / name, given, shown=shown)))
        wait_for(started)
        outcomes = [run.outcome() for run in started]
    reports = [report for _, report in outcomes]
    line = closing_line(not_run_at_all([report.get("left_out", {}) for report in reports]).values())
    if line:
        _say(f"\n{line}")
    statuses = [status for status, _ in outcomes]
    if not any(statuses) and (lost := fallen_between(reports)):
        _say("\nNO RUN HAD THESE, each left them to the other (is it a case for one database only?):")
        _say("\n".join(lost))
        statuses.append(1)
    return verdict(statuses, bool(line), environment)


@dataclass(frozen=True)
class Run:
    """One pytest under way; what is not shown is kept in `output`."""

    name: str
    process: subprocess.Popen[bytes]
    report: Path
    output: Path | None

    def said(self) -> str:
        """Return what it has said so far, where that is kept."""
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output else ""

    def progress(self) -> str:
        """Name how far it is, and what has failed so far."""
        lines = list(PROGRESS.finditer(self.said()))
        failed = sum(line[1].count("F") + line[1].count("E") for line in lines)
        return f"{self.name} {lines[-1][2] if lines else 0} %" + (f", {failed} failed" if failed else "")

    def outcome(self) -> tuple[int, dict[str, Any]]:
        """Wait for the end; return the status, and what tests.needs reports."""
        status = self.process.wait()
        if self.output:
            _say(f"\n======== on {self.name} ========")
            _say(PROGRESS.sub("", self.said()))
        report = json.loads(self.report.read_text(encoding="utf-8")) if self.report.exists() else {}
        return status, report


def wait_for(runs: list[Run]) -> None:
    """Wait until all have ended; where none is shown, say now and then how far they are."""
    for run in runs:
        while run.process.poll() is None:
            try:
                run.process.wait(SECONDS_BETWEEN)
            except subprocess.TimeoutExpired:
                if all(each.output for each in runs):
                    _say("; ".join(each.progress() for each in runs))


@contextmanager
def running(
    name: str, environment: dict[str, str], report: Path, given: list[str], *, shown: bool
) -> Iterator[Run]:
    """Run pytest in the background; whatever happens, it is not left behind."""
    output = None if shown else report.with_suffix(".output")
    if shown:
        _say(f"\n======== on {name} ========")
    with ExitStack() as stack:
        stream = stack.enter_context(output.open("wb")) if output else None
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *given],
            cwd=ROOT,
            env={**environment, REPORT_VARIABLE: str(report)},
            stdout=stream,
            stderr=subprocess.STDOUT if stream else None,
        )
        try:
            yield Run(name, process, report, output)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def verdict(statuses: list[int], incomplete: bool, environment: dict[str, str]) -> int:
    """Take the runs' statuses and whether tests were left out, return the exit status of all."""
    if bad := [status for status in statuses if status not in (0, NOTHING_COLLECTED)]:
        return bad[0]
    if all(status == NOTHING_COLLECTED for status in statuses):
        return NOTHING_COLLECTED
    return int(incomplete and environment.get("CI", "").lower() in TRUE)


def not_run_at_all(runs: list[dict[str, list[str]]]) -> dict[str, list[str]]:
    """Return the tests that every run left out, with what the first one lacked for them."""
    first, *others = runs
    return {test: servers for test, servers in first.items() if all(test in other for other in others)}


def fallen_between(reports: list[dict[str, Any]]) -> list[str]:
    """Return the tests that a run left to the other, and that the other had not."""
    had = {test for report in reports for test in report.get("here", [])}
    return sorted({test for report in reports for test in report.get("elsewhere", [])} - had)


def _environment(
    given: dict[str, str], database_url: str, rabbitmq: Found | None, *, share: str
) -> dict[str, str]:
    environment = {
        name: value for name, value in given.items() if name not in ("DATABASE_URL", "RABBITMQ_URL")
    }
    if share:
        environment[SHARE_VARIABLE] = share
    if database_url:
        environment["DATABASE_URL"] = database_url
    if rabbitmq:
        environment["RABBITMQ_URL"] = rabbitmq.url
    return environment


def _end(number: int, frame: object) -> None:
    raise SystemExit(128 + number)  # unwinds the stack, so that no server is left behind


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
