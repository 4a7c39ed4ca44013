"""Keys are drawn once, for one machine, and what is given is never changed."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aetos.management import dotenv


def test_a_new_file_holds_every_key_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"

    assert dotenv.complete(path, {}) == list(dotenv.NAMES)

    drawn = dotenv.values(path.read_text())
    assert set(drawn) == set(dotenv.NAMES)
    assert len(set(drawn.values())) == len(dotenv.NAMES)
    assert len(drawn["SECRET_KEY"]) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    dotenv.complete(path, {})
    before = path.read_bytes()

    assert dotenv.complete(path, {}) == []
    assert path.read_bytes() == before


def test_what_the_file_or_the_environment_gives_is_kept(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=mine\nEBAY_API_KEY=\n# METRICS_KEY=\nCURRENCY=EUR")

    added = dotenv.complete(path, {"SCRAPER_API_KEY": "from the environment"})

    after = dotenv.values(path.read_text())
    assert after["SECRET_KEY"] == "mine"
    assert after["CURRENCY"] == "EUR"
    assert after["EBAY_API_KEY"]
    assert after["METRICS_KEY"]
    assert "SCRAPER_API_KEY" not in added
    assert "SCRAPER_API_KEY" not in after


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"CURRENCY=EUR\nCURRENCY = GBP\n", "line 2: not a setting"),
        (b"# mine\n\n  CURRENCY=EUR\n", "line 3: not a setting"),
        (b'SECRET_KEY="half\n', "line 1: not a setting"),
        (b"CURRENCY=EUR\nSECRET_KEY=\xff\n", "line 2: not UTF-8"),
    ],
)
def test_a_broken_file_is_named_by_its_line_and_left_alone(
    content: bytes,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / ".env"
    path.write_bytes(content)
    monkeypatch.setattr(dotenv, "DOTENV", path)

    with pytest.raises(SystemExit, match=rf"\.env, {said}") as ended:
        dotenv.main([])

    assert "half" not in str(ended.value)
    assert path.read_bytes() == content


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dotenv, "DOTENV", tmp_path)

    with pytest.raises(SystemExit, match="Make it a file that you can read"):
        dotenv.main([])


def test_it_needs_no_installed_package_and_runs_a_command_with_what_it_drew(tmp_path: Path) -> None:
    script = tmp_path / "aetos" / "management" / "dotenv.py"
    script.parent.mkdir(parents=True)
    script.write_bytes(Path(dotenv.__file__).read_bytes())
    show = "import os; print(os.environ['SECRET_KEY'] + ' ' + os.environ['EBAY_API_KEY'])"
    bare = {"PATH": os.environ["PATH"], "EBAY_API_KEY": "mine"}

    command = [sys.executable, "-S", str(script), "--", sys.executable, "-c", show]
    output = subprocess.run(command, env=bare, capture_output=True, text=True, check=True).stdout

    drawn = dotenv.values((tmp_path / ".env").read_text())
    assert output.splitlines()[-1] == f"{drawn['SECRET_KEY']} mine"
