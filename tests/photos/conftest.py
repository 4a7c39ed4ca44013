"""A store of photos for each test, and the API as an operator's program sees it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.factories import staff, token


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    """The folder that photos are kept in: this test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return Path(settings.MEDIA_ROOT)


@pytest.fixture
def kept(store: Path) -> Callable[[], list[str]]:
    """Name the files that are kept."""
    return lambda: sorted(path.name for path in store.rglob("*") if path.is_file())


@pytest.fixture
def headers(db: None) -> dict[str, str]:
    """With these a program of ben's signs in, who is an operator."""
    return token(staff("ben", group="Operators"))


@pytest.fixture
def post_photos(headers: dict[str, str], client: Client) -> Callable[..., Any]:
    """Post files to a listing's photos."""

    def post(listing: Any, *contents: bytes, name: str = "a.jpg", **extra: Any) -> Any:
        files = [SimpleUploadedFile(name, content, "image/jpeg") for content in contents]
        path = f"/admin/listings/{listing.pk}/photos"
        return client.post(path, {"photos": files, **extra}, format=None, headers=headers)

    return post
