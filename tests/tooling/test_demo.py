"""What `manage.py demo` starts, with which environment, and when it refuses."""

import errno
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from aetos.management.commands import demo
from integrations.simulators.__main__ import arguments


def test_a_taken_port_is_refused_and_a_free_one_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(CommandError, match=rf"Port {port} .*make run PORT=\d+"):
            call_command("demo", port=port)


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(CommandError, match="is not a port"):
        call_command("demo", port=port)


def test_a_second_one_on_the_same_data_is_refused_and_the_first_is_named(
    tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path
    with (
        demo.alone_on_the_data("http://localhost:8123"),
        pytest.raises(CommandError, match=r"runs already, at http://localhost:8123\."),
    ):
        call_command("demo", port=demo.free_port())


def test_a_full_disk_is_named(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path
    fill(monkeypatch)

    with pytest.raises(CommandError, match=r"has 1 MB of room, and 100 MB are needed"):
        call_command("demo", port=demo.free_port())


def fill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the disk seem to be full, but for a megabyte."""
    full = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr(demo.shutil, "disk_usage", lambda path: full)


@pytest.mark.parametrize(
    "error", [OperationalError("database or disk is full"), OSError(errno.ENOSPC, "No space left on device")]
)
def test_a_disk_that_fills_while_it_is_prepared_is_named(
    error: Exception, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    settings.DATA_DIR = tmp_path
    fill(monkeypatch)
    monkeypatch.setattr(demo, "call_command", fail)
    monkeypatch.setattr(demo, "is_a_server", lambda: False)

    with pytest.raises(CommandError, match=rf"{tmp_path} has 1 MB of room left\. Make room there"):
        demo.prepare()


def test_a_disk_that_fills_while_it_runs_ends_all_with_a_sentence(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    fill(monkeypatch)
    monkeypatch.setattr(demo, "prepare", lambda: ("password", "token"))
    monkeypatch.setattr(demo, "commands", lambda port: {"web": "exec sleep 60"})

    with pytest.raises(CommandError, match=rf"{tmp_path} has 1 MB of room left\. Make room there"):
        demo.Command().run_all("http://localhost:1", 1, 2, reload=False)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("connection refused\n\tIs it up?"), "can't be used: connection refused. "),
        (OSError(errno.EACCES, "Permission denied", "/data/static"), "/data/static can't be written"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), r" can't be written \(Disk quota exceeded\)"),
    ],
)
def test_what_keeps_it_from_being_prepared_is_said_in_a_sentence(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(demo, "call_command", fail)

    with pytest.raises(CommandError, match=said):
        demo.prepare()


def test_it_starts_what_the_procfile_says_and_the_partners() -> None:
    started = demo.commands(4321)

    assert list(started) == ["web", "worker", "beat", "partners"]
    assert "--port 4321" in started["partners"]


def test_the_partners_are_the_simulated_ones_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCRAPER_API_URL", raising=False)
    monkeypatch.setenv("EBAY_API_URL", "http://ebay.example")
    monkeypatch.delenv("PUBLIC_URL", raising=False)

    given = demo.environment(8123, 4321)

    assert given["SCRAPER_API_URL"] == "http://127.0.0.1:4321/scraperv2"
    assert given["EBAY_API_URL"] == "http://ebay.example"
    assert given["PUBLIC_URL"] == "http://localhost:8123"
    assert given["PORT"] == "8123"
    assert given["ORCHESTRATOR_URL"] == "http://127.0.0.1:8123"


@pytest.mark.django_db
def test_the_staff_user_is_made_once_and_its_password_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_PASSWORD", "drawn-for-this-machine")

    assert demo.ensure_staff_user() == "drawn-for-this-machine"
    assert demo.ensure_staff_user() == "drawn-for-this-machine"

    user = get_user_model().objects.get()
    assert user.is_staff
    user.set_password("changed since")
    user.save()
    assert "drawn" not in demo.ensure_staff_user()


@pytest.mark.django_db
def test_no_user_is_made_without_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMO_PASSWORD", raising=False)

    with pytest.raises(CommandError, match="DEMO_PASSWORD"):
        demo.ensure_staff_user()
    assert not get_user_model().objects.exists()


@pytest.mark.django_db
def test_the_owner_is_an_operator_with_a_token_and_no_password() -> None:
    token = demo.ensure_owner()

    user = get_user_model().objects.get(username="demo-owner")
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (True, False, False)
    assert user.has_perm("listings.transition_productlisting")
    assert token == user.auth_token.key == demo.ensure_owner()

    user.auth_token.delete()
    assert demo.ensure_owner() == ""


@pytest.mark.django_db
def test_the_partners_alone_are_told_where_the_orchestrator_is_and_who_the_owner_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    became: list[tuple[list[str], dict[str, str]]] = []

    def become(program: str, command: list[str], environment: dict[str, str]) -> None:
        became.append((command, environment))
        raise SystemExit

    monkeypatch.setattr(demo.os, "execve", become)
    monkeypatch.setenv("DEMO_PASSWORD", "drawn-for-this-machine")
    monkeypatch.setenv("ORCHESTRATOR_URL", "http://web:8000")

    with pytest.raises(SystemExit):
        call_command("demo", partners_only=True, partners_port=8100)

    [(command, environment)] = became
    options = arguments(command[3:])
    assert command[1:3] == ["-m", "integrations.simulators"]
    assert (options.host, options.port, options.feed) == ("0.0.0.0", 8100, True)
    assert environment["ORCHESTRATOR_URL"] == "http://web:8000"
    assert environment["DEMO_OWNER_TOKEN"] == demo.ensure_owner() != ""
    said = capsys.readouterr().out
    assert "drawn-for-this-machine" in said
    assert environment["DEMO_OWNER_TOKEN"] not in said
