"""What a newcomer meets first: `.venv` is made once, whole, and what is in the way is said in one sentence."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aetos.management import install

SCRIPT = Path(install.__file__)
MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone that needs no package: the way to it is what is tried. Its name is no simple one."""
    folder = tmp_path / "Ein Ordner, größer (50%) #1"
    script = folder / "aetos" / "management" / "install.py"
    script.parent.mkdir(parents=True)
    shutil.copy(SCRIPT, script)
    shutil.copy(MAKEFILE, folder)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (folder / name).write_text("# none\n", encoding="utf-8")
    return folder


def run(clone: Path, name: str = "requirements.txt", **changed: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "aetos/management/install.py", name]
    return subprocess.run(command, cwd=clone, env=os.environ | changed, capture_output=True, text=True)


def make(clone: Path, target: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run `make` where nothing but the programs of a folder is to be found."""
    for tool in ("sh", "make"):
        if not (path / tool).exists():
            (path / tool).symlink_to(shutil.which(tool) or tool)
    bare = {"PATH": str(path)}
    return subprocess.run(["make", target], cwd=clone, env=bare, capture_output=True, text=True)


def test_it_is_made_once_and_anew_when_the_folder_was_renamed(clone: Path) -> None:
    first = run(clone)
    assert (first.returncode, first.stderr) == (0, "")
    assert [line.split()[0] for line in first.stdout.splitlines()] == ["Making", "Installing"]
    assert run(clone).stdout == ""

    clone = clone.rename(clone.with_name("renamed"))
    again = run(clone)
    assert [line.split()[0] for line in again.stdout.splitlines()] == ["Making", "Installing"]
    assert str(clone) in (clone / ".venv" / "bin" / "pip").read_text(encoding="utf-8")

    (clone / ".venv" / "bin" / "python").unlink()  # as when a Python was uninstalled or upgraded
    assert [line.split()[0] for line in run(clone).stdout.splitlines()] == ["Making", "Installing"]

    # What was cut short is not taken for whole, and what the list says now is installed without a new environment.
    (clone / ".venv" / ".requirements").write_text(install.BEGUN)
    assert run(clone).stdout.splitlines() == ["Installing what it runs on (once) ..."]
    (clone / "requirements.txt").write_text("# none still\n", encoding="utf-8")
    assert run(clone, "requirements-dev.txt").stdout.splitlines() == [
        "Installing what the tests need (once) ..."
    ]
    assert run(clone).stdout == ""  # the list for the tests includes what it runs on

    (clone / "requirements.txt").write_text("no-such-package-of-anybody==1\n", encoding="utf-8")
    offline = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
    }
    refused = run(clone, **offline)
    assert refused.returncode == 1
    assert "Is there a way to its package index" in refused.stderr


def refusal(clone: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is said instead of installing; nothing was made."""
    assert install.main(["requirements.txt"]) == 1
    assert not (clone / ".venv").exists()
    return capsys.readouterr().err


@pytest.fixture
def here(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(install, "ROOT", clone)
    monkeypatch.setattr(install, "VENV", clone / ".venv")
    return clone


def test_a_folder_that_is_not_ours_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install.os, "access", lambda path, mode: False)
    assert f"You can't write to {here}." in refusal(here, capsys)


def test_a_full_disk_is_named_before_half_is_there(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "free_mb", lambda folder: 60)
    assert f"{here} has 60 MB of room, and 400 MB are needed." in refusal(here, capsys)


@pytest.mark.parametrize(
    ("free", "said"),
    [
        (3, "{venv} has 3 MB of room left. Make room there; then the same command goes on.\n"),
        (
            9000,
            "There is no room for what is installed: in {venv} or ",
        ),  # cleared away since, or no file more
    ],
)
def test_a_disk_that_fills_meanwhile_is_said_in_a_sentence_and_without_pips_trace(
    free: int, said: str, here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    trace = "Traceback (most recent call last):\n  OSError(28, 'No space left on device')\n"

    def pip(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 2, stderr=trace)

    monkeypatch.setattr(install.subprocess, "run", pip)
    monkeypatch.setattr(install, "free_mb", lambda folder: free)

    with pytest.raises(install.NotInstalled) as refused:
        install.pip_install("requirements.txt", [])

    assert str(refused.value).startswith(said.format(venv=install.VENV).rstrip("\n"))
    assert "Traceback" not in capfd.readouterr().err


def test_a_python_without_venv_names_the_package(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert f"apt-get install {version}-venv" in refusal(here, capsys)


def test_a_second_one_waits_for_the_first(clone: Path) -> None:
    holder = os.open(clone, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    command = [sys.executable, "-u", "aetos/management/install.py", "requirements.txt"]
    with subprocess.Popen(command, cwd=clone, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout is not None
        assert second.stdout.readline().startswith("Another make installs here")
        assert not (clone / ".venv").exists()
        os.close(holder)
        assert second.stdout.readline().startswith("Making .venv")
        second.terminate()


def test_without_a_python_that_is_new_enough_it_says_which_it_found(clone: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    refused = make(clone, "check", tools)
    assert refused.returncode == 2
    assert "Python 3.11 or later is needed. Install it, or name it: make check PYTHON=" in refused.stderr

    old = tools / "python3"
    old.write_text(
        "#!/bin/sh\ncase $2 in *exit*) exit 1;; *) echo ' (python3 is 3.9)';; esac\n", encoding="utf-8"
    )
    old.chmod(0o755)
    refused = make(clone, "run", tools)
    assert "Python 3.11 or later is needed (python3 is 3.9). Install it" in refused.stderr
    assert not (clone / ".venv").exists()
