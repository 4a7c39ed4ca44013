"""A backup's folder: the copy of the database, the photos, and the manifest that says what must be in it."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aetos.backup import servers

MANIFEST, MEDIA = "manifest.json", "media"
PREFIX, PARTIAL = "aetos-", ".partial"
CHUNK = 1024 * 1024


class Damaged(Exception):
    """The backup is not whole; the text says what is wrong."""


def complete(folder: Path) -> list[Path]:
    """List the whole backups in a folder, the oldest first."""
    found = (each for each in folder.glob(f"{PREFIX}*") if each.suffix != PARTIAL)
    return sorted(each for each in found if (each / MANIFEST).is_file())


def copy_media(source: Path, into: Path, *, earlier: Path | None) -> dict[str, int]:
    """Copy every file of `source`; what the backup before has is linked, since a photo's file never changes.

    Returns:
        How many files and bytes there are.
    """
    files = size = 0
    for path in _files(source):
        name = path.relative_to(source)
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        known = earlier / MEDIA / name if earlier else None
        try:
            if known and known.is_file() and known.stat().st_size == path.stat().st_size:
                os.link(known, target)
            else:
                shutil.copyfile(path, target)
        except FileNotFoundError:
            continue  # removed meanwhile; whether a row misses it is looked at afterwards
        files, size = files + 1, size + target.stat().st_size
    return {"files": files, "bytes": size}


def _files(folder: Path) -> Iterator[Path]:
    return (each for each in sorted(folder.rglob("*")) if each.is_file())


def digest(file: Path) -> str:
    """Return a file's SHA-256."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write it so that it is on the disk."""
    with (folder / MANIFEST).open("w", encoding="utf-8") as stream:
        json.dump(manifest, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())


def verified(folder: Path) -> dict[str, Any]:
    """Read a backup from end to end, and return its manifest.

    Raises:
        Damaged: something is missing, or is not as it was written.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        database = folder / manifest["database"]["file"]
        if digest(database) != manifest["database"]["sha256"]:
            raise Damaged(f"{database} is not as it was written.")
        servers.check(database)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{folder} is no whole backup ({type(error).__name__}).") from error
    except servers.ProgramFailed as error:
        raise Damaged(str(error)) from error
    there = list(_files(folder / MEDIA))
    if "files" in manifest["media"] and manifest["media"] != {
        "files": len(there),
        "bytes": sum(each.stat().st_size for each in there),
    }:
        raise Damaged(f"{folder / MEDIA} does not hold the photos that it was written with.")
    return dict(manifest)
