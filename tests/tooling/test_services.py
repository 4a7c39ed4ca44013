"""PostgreSQL and RabbitMQ are found in order, and what was started or made for a run is gone after it."""

import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests import services, throwaway
from tests.services import NotUsable


def closed_port() -> int:
    return throwaway.free_port()


def listens(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname or "", parts.port or 0)) == 0


@pytest.fixture
def nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "POSTGRES", f"127.0.0.1:{closed_port()}")
    monkeypatch.setattr(services, "RABBITMQ", f"127.0.0.1:{closed_port()}")


@pytest.fixture
def no_binaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throwaway, "find_program", lambda *names: None)


def test_a_named_server_that_does_not_let_us_in_is_an_error_and_no_reason_to_look_elsewhere() -> None:
    nobody = f"u:p@127.0.0.1:{closed_port()}"
    with ExitStack() as stack:
        with pytest.raises(NotUsable, match="DATABASE_URL"):
            services.find_postgres({"DATABASE_URL": f"postgresql://{nobody}/x"}, stack)
        with pytest.raises(NotUsable, match="RABBITMQ_URL"):
            services.find_rabbitmq({"RABBITMQ_URL": f"amqp://{nobody}/"}, stack)


@pytest.mark.slow
def test_a_port_that_only_listens_is_no_server(monkeypatch: pytest.MonkeyPatch, no_binaries: None) -> None:
    monkeypatch.setattr(services, "PATIENCE_SECONDS", 1)
    with socket.socket() as mute, ExitStack() as stack:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        monkeypatch.setattr(services, "POSTGRES", f"127.0.0.1:{mute.getsockname()[1]}")

        assert not services.can_log_in(f"amqp://guest:guest@127.0.0.1:{mute.getsockname()[1]}/")
        assert services.find_postgres({}, stack) is None


def test_with_nothing_on_the_machine_nothing_is_found(nothing_listens: None, no_binaries: None) -> None:
    with ExitStack() as stack:
        assert services.find_postgres({}, stack) is None
        assert services.find_rabbitmq({}, stack) is None


def test_the_newest_version_is_taken(tmp_path: Path) -> None:
    for version in ("9.6", "15", "16"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        (folder / "initdb").touch()

    found = throwaway.find_program("initdb", f"{tmp_path}/*/bin")

    assert found == tmp_path / "16" / "bin" / "initdb"


@pytest.mark.slow
def test_a_cluster_of_our_own_can_be_used_and_is_gone_afterwards(nothing_listens: None) -> None:
    with ExitStack() as stack:
        found = services.find_postgres({}, stack)
        # A machine with a server but without binaries is one of the cases.
        assert bool(found) == bool(throwaway.find_program("initdb", *throwaway.POSTGRES_FOLDERS))
        if found:
            assert found.how == "started for this run"
            with psycopg.connect(services.with_path(found.url, "postgres")) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not found or not listens(found.url)


@pytest.mark.slow
def test_a_broker_of_our_own_can_be_used_and_is_gone_afterwards(nothing_listens: None) -> None:
    with ExitStack() as stack:
        found = services.find_rabbitmq({}, stack)
        assert bool(found) == bool(throwaway.find_program("rabbitmq-server", *throwaway.RABBITMQ_FOLDERS))
        if found:
            assert found.how == "started for this run"
            assert services.can_log_in(found.url)
    assert not found or not listens(found.url)
