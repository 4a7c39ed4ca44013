"""A backup is whole or none, is never put over anything, and what is damaged is not taken for one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from aetos import backup
from aetos.backup import files, servers
from listings.models import Photo, ProductListing
from tests.aetos.processes import database_url
from tests.factories import make_listing
from tests.operations.databases import on

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    """Where photos are."""
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media" / "photos").mkdir(parents=True)
    return tmp_path / "media"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where backups are."""
    return tmp_path / "backups"


def a_photo(media: Path, name: str = "a") -> Photo:
    """Make a photo with its files."""
    for kind in ("image", "thumbnail"):
        (media / "photos" / f"{name}-{kind}.jpg").write_bytes(kind.encode())
    return Photo.objects.create(
        listing=make_listing(),
        position=1,
        image=f"photos/{name}-image.jpg",
        thumbnail=f"photos/{name}-thumbnail.jpg",
        width=1,
        height=1,
        size=5,
        added_by="user:ann",
    )


def test_a_backup_holds_rows_and_photos_and_nobody_else_can_read_it(media: Path, folder: Path) -> None:
    a_photo(media)
    made = backup.make(folder, keep=3)
    manifest = files.verified(made)
    assert manifest["rows"]["listings_productlisting"] == ProductListing.objects.count() == 1
    assert manifest["media"] == {"files": 2, "bytes": 14}
    assert {path.stat().st_mode & 0o077 for path in (folder, *made.rglob("*"))} == {0}
    assert servers.holds().rows == manifest["rows"]


def test_what_is_unchanged_takes_no_room_twice_and_the_oldest_go(media: Path, folder: Path) -> None:
    a_photo(media)
    made = [backup.make(folder, keep=2) for _ in range(3)]
    assert files.complete(folder) == made[1:]
    photos = [each / "media" / "photos" / "a-image.jpg" for each in made[1:]]
    assert (
        photos[0].stat().st_ino == photos[1].stat().st_ino != (media / "photos" / "a-image.jpg").stat().st_ino
    )
    files.verified(made[2])


def test_a_photo_without_its_file_fails_the_backup_and_costs_no_older_one(media: Path, folder: Path) -> None:
    photo = a_photo(media)
    before = backup.make(folder, keep=1)
    (media / "photos" / "a-image.jpg").unlink()
    with pytest.raises(CommandError, match=r"No backup was made\. 1 files of photos are missing"):
        call_command("backup", str(folder), "--keep", "1")
    assert list(folder.iterdir()) == [before]
    photo.delete()  # as a photo that was removed between the database and the photos
    assert backup.make(folder, keep=1).exists()


def test_photos_before_the_database_would_miss_one(
    media: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is added in between has a row and no file, where the order is turned around."""
    copy = servers.copy

    def late(into: Path) -> servers.Snapshot:
        a_photo(media, "late")
        return copy(into)

    monkeypatch.setattr(servers, "copy", late)
    assert backup.make(folder, keep=1).exists()
    first = files.copy_media
    (folder / "early").mkdir()
    first(media, folder / "early", earlier=None)
    a_photo(media, "later")
    snapshot = copy(folder / "early" / servers.file_name())
    assert not all((folder / "early" / name).is_file() for name in snapshot.photos)


def test_a_program_that_is_missing_or_fails_leaves_nothing(
    media: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise backup.ProgramFailed("pg_dump is not installed: it comes with PostgreSQL's client programs.")

    monkeypatch.setattr(servers, "copy", fail)
    with pytest.raises(CommandError, match=r"No backup was made\. pg_dump is not installed"):
        call_command("backup", str(folder))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("how", ["cut", "changed", "no manifest", "no photo"])
def test_what_is_damaged_is_not_put_back(media: Path, folder: Path, how: str) -> None:
    a_photo(media)
    made = backup.make(folder, keep=1)
    database = made / servers.file_name()
    if how == "cut":
        database.write_bytes(database.read_bytes()[:-100])
    elif how == "changed":
        database.write_bytes(database.read_bytes()[:-1] + b"\0\1")
    elif how == "no manifest":
        (made / files.MANIFEST).unlink()
    else:
        (made / "media" / "photos" / "a-image.jpg").unlink()
    with pytest.raises(backup.Damaged):
        backup.restore(made)


def test_a_database_that_is_damaged_though_its_digest_fits_is_seen(media: Path, folder: Path) -> None:
    make_listing()
    made = backup.make(folder, keep=1)
    database = made / servers.file_name()
    middle = database.stat().st_size // 2
    content = database.read_bytes()
    database.write_bytes(content[:middle] + bytes(len(content) - middle))
    manifest = json.loads((made / files.MANIFEST).read_text())
    manifest["database"]["sha256"] = files.digest(database)
    files.write_manifest(made, manifest)
    with pytest.raises(backup.Damaged):
        files.verified(made)


def test_nothing_is_ever_overwritten(media: Path, folder: Path) -> None:
    listing = make_listing()
    made = backup.make(folder, keep=1)
    ProductListing.objects.filter(pk=listing.pk).update(title="After the backup")
    with pytest.raises(CommandError, match="is not empty"):
        call_command("restore", str(made))
    assert ProductListing.objects.get().title == "After the backup"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, of the kind that this run is on."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path}/new.sqlite3"
        return
    name = f"{connection.settings_dict['NAME']}_restored"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    yield database_url().rpartition("/")[0] + f"/{name}"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_a_database_comes_back_with_its_photos_and_its_guards(
    media: Path, folder: Path, tmp_path: Path, empty: str
) -> None:
    photo = a_photo(media)
    made = backup.make(folder, keep=1)
    media.rename(tmp_path / "lost")
    with on(empty):
        call_command("restore", str(made))
        assert ProductListing.objects.get().pk == photo.listing_id
        assert (media / "photos" / "a-image.jpg").read_bytes() == b"image"
        with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
            cursor.execute("DELETE FROM listings_transitionlog")


def test_a_backup_of_the_other_kind_is_refused(media: Path, folder: Path) -> None:
    made = backup.make(folder, keep=1)
    manifest = json.loads((made / files.MANIFEST).read_text())
    files.write_manifest(made, {**manifest, "vendor": "oracle"})
    with pytest.raises(backup.Damaged, match="a backup of oracle"):
        backup.restore(made)


@pytest.mark.parametrize("keep", ["0", "-1", "many"])
def test_at_least_one_is_kept(folder: Path, keep: str) -> None:
    with pytest.raises(CommandError, match="1 or more"):
        call_command("backup", str(folder), "--keep", keep)
