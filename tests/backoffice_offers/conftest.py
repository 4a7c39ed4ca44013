"""A store of photos for each test."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
