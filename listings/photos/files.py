"""The photos' files in the default storage: on this machine, or in an S3-compatible store.

A file is written before its row, and removed after it. What a crash leaves in
between has no row, and goes with the daily sweep.
"""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import BinaryIO

import structlog
from django.core.files import File
from django.core.files.storage import default_storage
from django.utils import timezone

from listings.models import Photo

log = structlog.get_logger(__name__)

FOLDER = "photos"
GRACE = timedelta(days=1)
AT_ONCE = 500


class NotKept(Exception):
    """The storage is full or away: nothing was kept."""

    def __init__(self) -> None:
        super().__init__("The store of photos is full or away. Nothing was kept.")


def keep(file: BinaryIO) -> str:
    """Write a JPEG file under a random name, return the name.

    Raises:
        NotKept: the storage would not take it.
    """
    name = f"{FOLDER}/{secrets.token_urlsafe(24)}.jpg"
    try:
        return default_storage.save(name, File(file))
    except Exception as error:
        log.exception("photo_not_kept")
        discard([name])  # a full disk leaves half a file
        raise NotKept from error


def opened(name: str) -> File:
    """Open a file to read.

    Raises:
        FileNotFoundError: it is not there.
        NotKept: the storage is away.
    """
    try:
        return default_storage.open(name)
    except FileNotFoundError:
        raise
    except Exception as error:
        log.exception("photo_store_away")
        raise NotKept from error


def discard(names: Iterable[str]) -> None:
    """Delete files; what the storage would not delete is left to the sweep."""
    for name in names:
        try:
            default_storage.delete(name)
        except Exception:
            log.exception("photo_not_deleted")


def sweep() -> int:
    """Delete files older than a day that no row names; return how many."""
    try:
        _, found = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return 0  # no photo yet
    strangers = []
    for start in range(0, len(found), AT_ONCE):
        names = {f"{FOLDER}/{name}" for name in found[start : start + AT_ONCE] if name}
        rows = Photo.objects.values_list("image", "thumbnail")
        known = {name for row in rows.filter(image__in=names) for name in row}
        known |= {name for row in rows.filter(thumbnail__in=names) for name in row}
        strangers += sorted(names - known)
    old = [name for name in strangers if _older(name)]
    discard(old)
    return len(old)


def _older(name: str) -> bool:
    try:
        return default_storage.get_modified_time(name) < timezone.now() - GRACE
    except FileNotFoundError:
        return False  # another sweep was first
