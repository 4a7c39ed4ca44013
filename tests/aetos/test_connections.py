"""A connection that a thread keeps: nobody notices that the server closed it, and no request asks whether it did."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from aetos.postgresql.base import DatabaseWrapper

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def kept() -> Iterator[Any]:
    """Hold the connection as a thread of the web server does: over requests, and looked at before each."""
    before = connection.settings_dict["CONN_MAX_AGE"], connection.settings_dict["CONN_HEALTH_CHECKS"]
    connection.close()
    connection.settings_dict |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    connection.ensure_connection()
    yield connection
    connection.close()
    connection.settings_dict["CONN_MAX_AGE"], connection.settings_dict["CONN_HEALTH_CHECKS"] = before
    connection.ensure_connection()


def next_request() -> None:
    """Do what Django does between two requests."""
    connection.close_if_unusable_or_obsolete()


def terminate(pid: int) -> None:
    """Have the server end a connection, and wait until it is gone."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


def test_one_that_the_server_closed_is_replaced_before_it_is_used(kept: Any) -> None:
    pid = kept.connection.info.backend_pid
    terminate(pid)
    next_request()
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone()[0] != pid


def test_without_the_look_the_next_query_would_fail(kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    terminate(kept.connection.info.backend_pid)
    next_request()
    monkeypatch.setattr(DatabaseWrapper, "is_usable", lambda self: True)
    with pytest.raises(OperationalError, match=r"terminat|closed"), kept.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_one_that_is_well_is_kept_and_not_asked(kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = kept.connection.info.backend_pid
    asked: list[str] = []
    execute: Any = psycopg.Cursor.execute

    def noting(self: Any, query: Any, *given: Any, **named: Any) -> Any:
        asked.append(str(query))
        return execute(self, query, *given, **named)

    monkeypatch.setattr(psycopg.Cursor, "execute", noting)
    next_request()
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone()[0] == pid
    assert asked == ["SELECT pg_backend_pid()"]


def test_after_an_error_the_server_is_asked(kept: Any) -> None:
    terminate(kept.connection.info.backend_pid)
    kept.errors_occurred = True
    next_request()
    assert kept.connection is None


def test_one_that_is_closed_on_our_side_is_replaced(kept: Any) -> None:
    kept.connection.close()
    next_request()
    with kept.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_times_are_read_in_utc(kept: Any) -> None:
    with CaptureQueriesContext(kept), kept.cursor() as cursor:
        cursor.execute(
            "SELECT timestamptz '2026-01-02 03:04:05.678901+02', timestamptz '0044-03-15 12:00+00 BC'::text"
        )
        moment, text = cursor.fetchone()
    assert moment.isoformat() == "2026-01-02T01:04:05.678901+00:00" and text.endswith("BC")
