"""A store of photos for each test, and the simulated eBayLister."""

from pathlib import Path
from typing import Any

import pytest

from tests.offers.conftest import sims  # noqa: F401  a fixture


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
