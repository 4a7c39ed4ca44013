"""Processes that start together end together, whoever ends first, and none is left behind."""

import io
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aetos.management import processes
from aetos.management.processes import Processes

Announce = Callable[[], None]


def run(commands: dict[str, str], *, on_ready: Announce = lambda: None) -> tuple[str | None, str]:
    """Run commands until they end, or until `on_ready` has a signal sent; return the verdict and the output."""
    output = io.StringIO()
    verdict = Processes(output).run(commands, os.environ, ready=lambda: True, announce=on_ready)
    return verdict, output.getvalue()


def is_gone(pid: int) -> bool:
    """Return whether a process has ended; one that only waits to be reaped has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def written(path: Path) -> int:
    """Wait until a process has written its id."""
    while not path.exists() or not path.read_text().strip():
        time.sleep(0.02)
    return int(path.read_text())


@pytest.mark.parametrize("number", processes.SIGNALS)
def test_a_signal_ends_all_and_their_children(tmp_path: Path, number: int) -> None:
    pids: list[int] = []

    def interrupt() -> None:
        pids.extend([written(tmp_path / "child"), written(tmp_path / "other")])
        os.kill(os.getpid(), number)

    verdict, _ = run(
        {
            "parent": f"sleep 60 & echo $! > {tmp_path}/child; wait",
            "other": f"echo $$ > {tmp_path}/other; exec sleep 60",
        },
        on_ready=interrupt,
    )

    assert verdict is None
    assert len(pids) == 2
    assert all(is_gone(pid) for pid in pids)


def test_what_was_started_last_ends_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 180.0)  # it ends sooner, on any machine
    ended = tmp_path / "ended"

    def interrupt() -> None:
        for name in ("web", "partners"):
            written(tmp_path / name)
        os.kill(os.getpid(), signal.SIGTERM)

    def command(name: str, words: str) -> str:
        trap = f"trap '{words}; echo {name} >> {ended}; exit' TERM"
        return f"{trap}; echo $$ > {tmp_path}/{name}; while :; do sleep 0.05; done"

    run({"web": command("web", "sleep 0.5"), "partners": command("partners", ":")}, on_ready=interrupt)

    assert ended.read_text().split() == ["web", "partners"]


@pytest.mark.parametrize("status", [0, 3])
def test_one_that_ends_by_itself_ends_the_others_and_is_named(tmp_path: Path, status: int) -> None:
    other = tmp_path / "other"

    verdict, output = run(
        {
            "worker": f"while [ ! -s {other} ]; do sleep 0.05; done; echo last words; exit {status}",
            "web": f"echo $$ > {other}; exec sleep 60",
        }
    )

    assert verdict is not None
    assert verdict.startswith(f"worker ended by itself with status {status}")
    assert "last words" in output
    assert is_gone(int(other.read_text()))


def test_one_that_does_not_listen_is_ended_by_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)
    stubborn = tmp_path / "stubborn"

    def interrupt() -> None:
        written(stubborn)
        os.kill(os.getpid(), signal.SIGTERM)

    run(
        {"stubborn": f"trap '' TERM; echo $$ > {stubborn}; while true; do sleep 0.1; done"},
        on_ready=interrupt,
    )

    assert is_gone(int(stubborn.read_text()))


def test_a_signal_before_they_are_ready_leaves_nothing_behind(tmp_path: Path) -> None:
    child = tmp_path / "child"

    def not_yet() -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return False

    verdict = Processes(io.StringIO()).run(
        {"slow": f"echo $$ > {child}; exec sleep 60"}, os.environ, ready=not_yet, announce=pytest.fail
    )

    assert verdict is None
    assert not child.exists() or not child.read_text() or is_gone(int(child.read_text()))


def test_what_hinders_them_ends_all_and_is_named(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def hindrance() -> str | None:
        return "The disk is full." if pid.exists() and pid.read_text().strip() else None

    commands = {"web": f"echo $$ > {pid}; exec sleep 60"}
    verdict = Processes(io.StringIO()).run(
        commands, os.environ, ready=lambda: False, announce=lambda: None, hindrance=hindrance
    )

    assert verdict == "The disk is full."
    assert is_gone(written(pid))
