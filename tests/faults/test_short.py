"""The short form of the fault harness, and what it must refuse to call a success."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import throwaway
from tests.aetos.processes import ROOT
from tests.conftest import not_run
from tests.faults import report
from tests.faults.guard import children_of
from tests.faults.machines import until
from tests.faults.report import Counts, Row

SECONDS, LONGEST_SECONDS = 1800.0, 300.0


def there() -> bool:
    """Say whether this machine has the programs of both servers."""
    postgres = throwaway.find_program("initdb", *throwaway.POSTGRES_FOLDERS)
    return bool(postgres and throwaway.find_program("rabbitmq-server", *throwaway.RABBITMQ_FOLDERS))


@pytest.mark.slow
def test_the_short_form_loses_nothing_and_every_twin_does_harm() -> None:
    if not there():
        not_run("the harness starts servers of its own: initdb and rabbitmq-server are needed")
    done = subprocess.run(
        [sys.executable, "-u", "-m", "tests.faults", "--short"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def interrupt(guard: int) -> None:
    """Do as Ctrl-C does."""
    os.kill(guard, signal.SIGINT)


def kill_the_harness(guard: int) -> None:
    """Kill the process that does the work."""
    os.kill(min(children_of(guard)), signal.SIGKILL)  # the others are servers, which it started as daemons


def kill_the_guard(guard: int) -> None:
    """Kill the process that was called."""
    os.kill(guard, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "status"),
    [(interrupt, 130), (kill_the_harness, 128 + signal.SIGKILL), (kill_the_guard, -signal.SIGKILL)],
)
def test_however_it_ends_nothing_that_it_started_is_left(
    end: Callable[[int], None], status: int, folder: Path
) -> None:
    if not there():
        not_run("the harness starts servers of its own: initdb and rabbitmq-server are needed")
    if end is not interrupt and not sys.platform.startswith("linux"):
        not_run("only Linux lets the guard keep what a killed harness leaves")
    output = folder / "output"
    with output.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.faults", "web: after the inbox commit"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        working = "aetos-faults-run-*/aetos-faults-*/web0.log"
        assert wait_for(lambda: process.poll() is not None or list(folder.glob(working)))
        assert process.poll() is None, output.read_text()
        end(process.pid)
        assert process.wait(LONGEST_SECONDS) == status, output.read_text()
    finally:
        process.kill()
        process.wait()
    assert wait_for(lambda: not left_in(folder) and list(folder.iterdir()) == [output]), left_in(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that the servers' user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="aetos-harness-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def wait_for(happened: Callable[[], object]) -> bool:
    """Wait until something is true; return whether it became so."""
    return until(happened, LONGEST_SECONDS, every=0.1) is not None


def left_in(folder: Path) -> list[str]:
    """Return the command lines of processes that have this folder in their environment or arguments."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            known = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in known and int(entry.name) != os.getpid():
            found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


def test_a_row_is_wrong_when_something_is_lost_or_a_twin_comes_to_no_harm() -> None:
    fine = Row("f", times=1, protection="p", twin=Counts(lost=1))
    assert fine.wrong == []
    assert Row("f", times=1, counts=Counts(lost=2), protection="p", twin=Counts(lost=1)).wrong == [
        "f: 2 lost"
    ]
    assert Row("f", times=1, counts=Counts(findings=["x"])).wrong == ["f: x"]
    assert "proves nothing" in Row("f", times=1, protection="p", twin=Counts(repeated=3)).wrong[0]
    assert "never happened" in Row("f").wrong[0]


def test_the_page_is_written_between_its_marks_and_rows_outlast_a_run(tmp_path: Path) -> None:
    row = Row("web: dies", 20, Counts(repeated=1), [2.0, 1.0, 9.0], "the inbox", Counts(lost=3), took=60.0)
    row.run = "1 May 2026 at commit `abc`"
    page, kept = tmp_path / "page.md", tmp_path / "kept.json"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.save([row], kept)
    assert report.load(kept) == {"web: dies": row}
    report.write([row], page=page)
    report.write([row], ["beat: dies"], page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{report.END}\nafter\n")
    assert "old" not in text
    assert "Not in this run: beat: dies." in text
    line = "| web | dies | 20 | 0 | 0 | 0 | 1 | 2.0 s, worst 9.0 s | the inbox: 3 lost |"
    assert text.count(line) == 1


def test_the_page_names_what_was_run_at_another_commit(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{report.BEGIN}{report.END}")
    report.write(
        [Row(f"web: {name}", run="Monday at commit `a`") for name in "xy"] + [Row("load: z", run="Sunday")],
        page=page,
    )
    assert "Run on Monday at commit `a`, 0 minutes" in page.read_text()
    assert "\nOn Sunday: load: z.\n" in page.read_text()
