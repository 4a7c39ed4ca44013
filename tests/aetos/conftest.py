"""One live web server for all tests that want one: it starts once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
