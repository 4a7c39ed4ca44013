"""One live web server for all tests that want one: it starts once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.aetos.processes import Web


@pytest.fixture(scope="session")
def _live_web(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Web]:
    with Web(tmp_path_factory.mktemp("web")) as web:
        yield web


@pytest.fixture
def web(transactional_db: None, _live_web: Web) -> Web:
    """The live web server, without a broker."""
    return _live_web


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a process of this test keeps its data."""
    return tmp_path / "data"


@pytest.fixture
def break_the_ingest(transactional_db: None) -> Iterator[Callable[[], None]]:
    """Make the database refuse every new listing, in words that quote the row."""

    def install() -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$ BEGIN RAISE EXCEPTION 'refused: %', NEW.title; END $$"
                )
                cursor.execute(
                    "CREATE TRIGGER refuse BEFORE INSERT ON listings_productlisting "
                    "FOR EACH ROW EXECUTE FUNCTION refuse()"
                )
            else:
                cursor.execute(
                    "CREATE TRIGGER refuse BEFORE INSERT ON listings_productlisting "
                    "FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'refused canary-7b1f'); END"
                )

    yield install
    with connection.cursor() as cursor:
        postgres = connection.vendor == "postgresql"
        cursor.execute(
            "DROP FUNCTION IF EXISTS refuse CASCADE" if postgres else "DROP TRIGGER IF EXISTS refuse"
        )
