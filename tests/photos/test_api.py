"""Photos by API: in, shown, put in order, out; and what is refused leaves nothing."""

import io
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from listings import photos
from listings.models import Photo, ProductListing
from listings.tasks import sweep_photos
from tests.factories import make_listing, rows
from tests.photos.zoo import a_file

pytestmark = pytest.mark.django_db


def test_the_first_photos_take_a_bought_camera_to_received(post_photos: Any, kept: Any) -> None:
    listing = make_listing("PURCHASED")
    answer = post_photos(listing, a_file(), a_file(kind="PNG"))
    assert answer.status_code == 201, answer.content
    assert [each["position"] for each in answer.json()["photos"]] == [1, 2]
    assert set(answer.json()["photos"][0]) == {
        "id",
        "url",
        "thumbnail_url",
        "width",
        "height",
        "size",
        "position",
        "created_at",
    }
    assert ProductListing.objects.get().state == "RECEIVED"
    last = listing.history.order_by("-sequence")[0]
    assert (last.triggered_by, last.metadata) == ("user:ben", {"reason": "first photo"})
    assert len(kept()) == 4
    assert Photo.objects.get(position=1).added_by == "user:ben"


def test_before_it_is_bought_and_after_it_is_cancelled_no_photo_is_taken(post_photos: Any, kept: Any) -> None:
    for state in ("FOUND", "NEGOTIATING", "CANCELLED"):
        listing = make_listing(state)
        before = rows()
        assert post_photos(listing, a_file()).status_code == 409
        assert (rows(), kept()) == (before, [])


def test_order_cover_and_removal(
    post_photos: Any, client: Client, headers: Any, kept: Any, django_capture_on_commit_callbacks: Any
) -> None:
    listing = make_listing("RECEIVED")
    ids = [each["id"] for each in post_photos(listing, *[a_file()] * 3).json()["photos"]]
    path = f"/admin/listings/{listing.pk}/photos"

    def order(given: Any) -> Any:
        body = {"photos": given}
        return client.put(f"{path}/order", body, content_type="application/json", headers=headers)

    assert [each["id"] for each in order([ids[2]]).json()["photos"]] == [ids[2], ids[0], ids[1]]
    for wrong in ([ids[0], ids[0]], [str(listing.pk)], [], ["x"], "x"):
        assert order(wrong).status_code == 422
    with django_capture_on_commit_callbacks(execute=True):
        assert client.delete(f"{path}/{ids[2]}", headers=headers).status_code == 204
    assert client.delete(f"{path}/{ids[2]}", headers=headers).status_code == 404
    shown = client.get(path, headers=headers).json()["photos"]
    assert [(each["id"], each["position"]) for each in shown] == [(ids[0], 1), (ids[1], 2)]
    assert len(kept()) == 4


def test_what_else_is_refused(
    post_photos: Any, client: Client, viewer: Client, headers: Any, kept: Any, settings: Any
) -> None:
    listing = make_listing("PURCHASED")
    path = f"/admin/listings/{listing.pk}/photos"
    before = rows()
    assert post_photos(listing).status_code == 422
    assert post_photos(listing, *[a_file()] * 25).status_code == 422
    assert post_photos(listing, *[b""] * 101).status_code == 422
    assert post_photos(listing, a_file() + bytes(20 * 1024 * 1024)).status_code == 413
    assert client.post(path, {}, content_type="application/json", headers=headers).status_code == 415
    assert client.post(path).status_code == 401
    assert viewer.post(path, {"photos": io.BytesIO(a_file())}).status_code == 403
    assert viewer.get(path).status_code == 200
    assert client.get(f"/admin/listings/{Photo().pk}/photos", headers=headers).status_code == 404
    settings.UPLOAD_MAX_BYTES = 10
    assert post_photos(listing, a_file()).status_code == 413
    assert (rows(), kept()) == (before, [])


def test_a_full_disk_leaves_nothing_and_says_so(
    post_photos: Any, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = make_listing("PURCHASED")
    before, save, calls = rows(), FileSystemStorage._save, []  # type: ignore[attr-defined]

    def full(self: Any, name: str, content: Any) -> Any:
        calls.append(name)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        return save(self, name, content)

    monkeypatch.setattr(FileSystemStorage, "_save", full)
    answer = post_photos(listing, a_file(), a_file())
    assert (answer.status_code, rows(), kept()) == (503, before, [])
    assert "full" in answer.json()["detail"]


def test_an_upload_that_finds_no_room_on_its_way_leaves_nothing_either(
    post_photos: Any, kept: Any, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing, before = make_listing("PURCHASED"), rows()
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "passing")
    (tmp_path / "passing").mkdir()
    broken_off: list[Any] = []

    def full(self: Any, data: bytes, start: int) -> None:
        self.file.write(data[:10])
        broken_off.append(self.file)  # so that no garbage collector does the work
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", full)
    answer = post_photos(listing, a_file())
    assert (answer.status_code, rows(), kept()) == (503, before, [])
    assert broken_off
    assert list((tmp_path / "passing").iterdir()) == []


def test_a_database_that_rolls_back_leaves_no_file(
    post_photos: Any, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("away")

    listing = make_listing("PURCHASED")
    monkeypatch.setattr("listings.lifecycle.receive", broken)
    before = rows()
    assert (post_photos(listing, a_file()).status_code, rows(), kept()) == (503, before, [])


def test_who_may_see_a_photo(post_photos: Any, client: Client, viewer: Client, settings: Any) -> None:
    shown = post_photos(make_listing("RECEIVED"), a_file()).json()["photos"][0]
    photo = Photo.objects.get()
    signed = shown["url"].removeprefix(settings.PUBLIC_URL)
    answer: Any = client.get(signed)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert b"".join(answer.streaming_content)[:3] == b"\xff\xd8\xff"
    thumbnail = shown["thumbnail_url"].removeprefix(settings.PUBLIC_URL)
    for answer in (client.get(signed.replace("?", "/?")), client.get(thumbnail)):
        assert answer.status_code == 200 and answer.getvalue()
    path = photos.staff_url(photo)
    answer = viewer.get(path)
    assert answer.status_code == 200 and answer.getvalue()
    other = photos.staff_url(photo, thumbnail=True)
    for stranger in (path, signed + "x", signed.replace(path, other), f"{path}?until=x&signature=é"):
        assert client.get(stranger).status_code == 404
    past = photos.signed_url(photo, until=timezone.now() - timedelta(seconds=1))
    assert client.get(past.removeprefix(settings.PUBLIC_URL)).status_code == 403
    soon = timezone.now() + timedelta(hours=1)
    assert photos.signed_url(photo, until=soon) == photos.signed_url(photo, until=soon)


def test_the_sweep_removes_what_no_row_names_after_a_day(post_photos: Any, store: Any, kept: Any) -> None:
    assert sweep_photos() == 0
    post_photos(make_listing("RECEIVED"), a_file())
    for name, age in (("old.jpg", 90_000), ("new.jpg", 60)):
        (store / "photos" / name).write_bytes(b"x")
        os.utime(store / "photos" / name, (time.time() - age,) * 2)
    for path in store.rglob("*.jpg"):
        if len(path.name) > 10:
            os.utime(path, (0, 0))
    assert sweep_photos() == 1
    assert len(kept()) == 3 and "new.jpg" in kept()


def test_what_telegram_repeats_is_taken_once(kept: Any) -> None:
    listing = make_listing("PURCHASED")
    for _ in range(2):
        upload = photos.Upload(io.BytesIO(a_file()), 1000, telegram_unique_id="AQAD")
        assert len(photos.add(listing.pk, [upload, upload], by="telegram:ann")) == 1
    assert len(kept()) == 2


def test_the_page_adds_arranges_and_removes_without_a_script(operator: Client, viewer: Client) -> None:
    listing = make_listing("PURCHASED")
    page = f"/staff/listings/productlisting/{listing.pk}/change/"
    path = f"/staff/listings/productlisting/{listing.pk}/photos/"
    files = [SimpleUploadedFile("a.jpg", a_file()) for _ in range(2)]
    assert operator.post(path, {"do": "add", "photos": files}).status_code == 302
    assert "2 photos added" in operator.get(page).content.decode()
    first, second = listing.photos.values_list("pk", flat=True)
    operator.post(path, {"do": "arrange", "photos": str(second)})
    assert listing.photos.first().pk == second  # type: ignore[union-attr]
    before = rows()
    for act in (
        {"do": "remove", "photo": str(first)},
        {"do": "arrange", "photos": str(first)},
        {"do": "add"},
    ):
        assert viewer.post(path, act).status_code == 403
    assert "Add photos" not in viewer.get(page).content.decode()
    assert operator.post(path, {"do": "add", "photos": SimpleUploadedFile("b.jpg", b"x")}).status_code == 302
    assert rows() == before
    operator.post(path, {"do": "remove", "photo": str(first)})
    assert listing.photos.count() == 1
