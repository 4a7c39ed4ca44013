"""Put a backup back, into an empty database and beside no photo of the same name that differs."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db import connection

from aetos.backup import files, servers
from listings import guards


class NotEmpty(Exception):
    """There are tables in the database already: nothing is ever overwritten."""

    def __init__(self) -> None:
        super().__init__(
            "The database that DATABASE_URL names is not empty. Make a new one, and name that: nothing is overwritten."
        )


def restore(backup: Path) -> dict[str, int]:
    """Verify a backup, and put it back.

    Args:
        backup: the folder that `make` returned.

    Returns:
        How many rows of each table there are now.

    Raises:
        files.Damaged: the backup is not whole, or is of the other kind of database; nothing was written.
        NotEmpty: nothing was written.
        servers.ProgramFailed: the database was left empty.
    """
    manifest = files.verified(backup)
    if manifest["vendor"] != connection.vendor:
        raise files.Damaged(
            f"It is a backup of {manifest['vendor']}, DATABASE_URL names {connection.vendor}."
        )
    if not servers.is_empty():
        raise NotEmpty
    _put_media_back(backup / files.MEDIA, Path(settings.MEDIA_ROOT))
    servers.put_back(backup / manifest["database"]["file"])
    there = servers.holds().rows
    if there != manifest["rows"]:
        raise files.Damaged(f"It holds {there}, and was written with {manifest['rows']}.")
    if not guards.installed(connection):
        raise files.Damaged("The triggers that guard the log did not come back.")
    return there


def _put_media_back(source: Path, into: Path) -> None:
    """Copy the photos; files that are there already, under their random names, are the same and stay."""
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        target = into / path.relative_to(source)
        if path.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
