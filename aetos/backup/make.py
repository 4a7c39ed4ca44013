"""Make a backup: the database first, then the photos, so that each row finds its file."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from aetos.backup import files, servers
from listings.models import Photo


def make(folder: Path, *, keep: int) -> Path:
    """Make a backup in `folder`, check it, and delete those that are older than the newest `keep`.

    It is under its final name when it is whole and has been read again, not before.

    Args:
        folder: where backups are; it is made where it is missing.
        keep: how many are kept, this one included; 1 or more.

    Returns:
        The new backup.

    Raises:
        servers.ProgramFailed, files.Damaged, OSError: none was made, and none was deleted.
    """
    with servers.readable_by_us_alone():
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{files.PREFIX}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        partial = folder / f"{name}{files.PARTIAL}"
        partial.mkdir()
        try:
            _fill(partial, earlier=next(reversed(files.complete(folder)), None))
            files.verified(partial)
            made = partial.rename(folder / name)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    rotate(folder, keep=keep)
    return made


def rotate(folder: Path, *, keep: int) -> list[Path]:
    """Delete the oldest backups until `keep` are left; return which."""
    old = files.complete(folder)[: -max(keep, 1)]
    for each in old:
        # Without its manifest it counts as none, should this be stopped in the middle.
        (each / files.MANIFEST).unlink()
        shutil.rmtree(each)
    return old


def _fill(folder: Path, *, earlier: Path | None) -> None:
    database = folder / servers.file_name()
    snapshot = servers.copy(database)
    media: dict[str, Any] = {"elsewhere": "in a bucket"}
    if not settings.PHOTO_STORAGE:
        (folder / files.MEDIA).mkdir()
        media = files.copy_media(Path(settings.MEDIA_ROOT), folder / files.MEDIA, earlier=earlier)
        _look_for_photos(snapshot.photos, folder / files.MEDIA)
    files.write_manifest(
        folder,
        {
            "made_at": datetime.now(UTC).isoformat(),
            "vendor": connection.vendor,
            "database": {
                "file": database.name,
                "sha256": files.digest(database),
                "bytes": database.stat().st_size,
            },
            "media": media,
            "rows": snapshot.rows,
        },
    )


def _look_for_photos(names: set[str], media: Path) -> None:
    """Find every file of a row among the copies; one whose row has been removed since is not missed.

    Raises:
        files.Damaged: a photo has no file.
    """
    gone = {name for name in names if not (media / name).is_file()}
    rows = Photo.objects.filter(image__in=gone) | Photo.objects.filter(thumbnail__in=gone)
    missed = {name for row in rows.values_list("image", "thumbnail") for name in row} & gone
    if missed:
        raise files.Damaged(f"{len(missed)} files of photos are missing, such as {min(missed)}.")
