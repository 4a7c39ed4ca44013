"""Every kind of file: pictures come out plain and upright, all else is refused and leaves nothing."""

import io
import re
import zlib
from typing import Any

import pytest
from django.test import Client
from PIL import ExifTags, Image

from listings.models import Photo, ProductListing
from listings.photos import files
from tests.factories import make_listing, rows
from tests.photos.zoo import BLUE, RED, a_file, drawing, png, zeros

pytestmark = pytest.mark.django_db


def near(one: Any, other: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 24 for a, b in zip(one, other, strict=True))


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "canary"
    back = {6: Image.Transpose.ROTATE_90, 3: Image.Transpose.ROTATE_180, 8: Image.Transpose.ROTATE_270}
    return a_file(drawing().transpose(back[orientation]), exif=exif)


def payload(body: bytes) -> bytes:
    """Put a metadata segment behind the beginning of a JPEG."""
    whole = a_file()
    return whole[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + whole[2:]


def plain() -> bytes:
    """Compress the rows of the drawing, as PNG has them."""
    rows = drawing().tobytes()
    return zlib.compress(b"".join(b"\0" + rows[at : at + 64 * 3] for at in range(0, len(rows), 64 * 3)))


sixteen = Image.new("I;16", (64, 48), 32768)
clear = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
GOOD = {
    "jpeg": a_file(), "png": a_file(kind="PNG"), "webp": a_file(kind="WEBP"), "heic": a_file(kind="HEIF"),
    "cmyk": a_file(drawing(mode="CMYK")), "palette": a_file(drawing(mode="P"), "PNG"),
    "grey": a_file(drawing(mode="L")), "bit": a_file(drawing(mode="1"), "PNG"),
    "16 bit": a_file(sixteen, "PNG"), "clear": a_file(clear, "PNG"),
    "right": turned(6), "down": turned(3), "left": turned(8),
    "html behind": a_file() + b"<script>canary</script>", "zip behind": a_file() + b"PK\x03\x04canary",
    "comment": a_file(comment=b"canary"), "broken profile": a_file(icc_profile=b"canary"),
    "moving png": a_file(kind="PNG", save_all=True, append_images=[Image.new("RGB", (64, 48))]),
    "script in exif": payload(b"Exif\0\0<script>canary</script>"), "xmp": payload(b"http://ns.adobe.com/xap/1.0/\0canary"),
    "64 KiB segments": a_file()[:2] + (b"\xff\xed\xff\xff" + b"canary".ljust(65_533, b"x")) * 40 + a_file()[2:],
    "text chunks": png(64, 48, *[(b"tEXt", b"k\0canary" + b"x" * 9_000)] * 60, (b"IDAT", plain())),
    "javascript before": a_file(comment=b"*/=1;alert('canary')/*"),
    "moving": a_file(kind="WEBP", save_all=True, append_images=[Image.new("RGB", (64, 48))]),
}  # fmt: skip


@pytest.mark.parametrize("kind", GOOD)
def test_a_picture_is_drawn_again(kind: str, post_photos: Any) -> None:
    answer = post_photos(make_listing("PURCHASED"), GOOD[kind], name="../../../etc/passwd.html")
    assert answer.status_code == 201, answer.content
    photo = Photo.objects.get()
    with files.opened(str(photo.image)) as file:
        content = file.read()
    assert b"canary" not in content and photo.size == len(content)
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (photo.width, photo.height))
        assert image.size == (64, 48) and not image.getexif() and "icc_profile" not in image.info
        if kind == "16 bit":
            assert near(image.getpixel((5, 5)), (127, 127, 127))
        elif kind == "clear":
            assert near(image.getpixel((5, 5)), (255, 255, 255))
        elif kind not in ("cmyk", "grey", "bit"):
            assert near(image.getpixel((8, 8)), RED) and near(image.getpixel((56, 40)), BLUE)


def scans(count: int) -> bytes:
    whole = a_file(progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * count + b"\xff\xd9"


big = a_file(drawing(640, 480), quality=95)
BAD = {
    "empty": b"", "words": b"canary", "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "gif": a_file(kind="GIF"), "tiff": a_file(kind="TIFF"), "bmp": a_file(kind="BMP"),
    "cut jpeg": big[: len(big) // 2], "cut png": a_file(kind="PNG")[:-40],
    "cut webp": a_file(drawing(640, 480), "WEBP")[:500], "cut heic": a_file(kind="HEIF")[:-60],
    "html after a header": b"\xff\xd8\xff\xe0<script>alert(1)</script>",
    "169 megapixels": png(13_000, 13_000, (b"IDAT", zlib.compress(b""))),
    "41 megapixels": png(8_200, 5_000, (b"IDAT", zlib.compress(b""))),
    "a line": png(70_000, 1, (b"IDAT", zlib.compress(bytes(210_001)))),
    "pdf": b"%PDF-1.7\n%canary", "html": b"<!doctype html><script>canary</script>", "zip": b"PK\x03\x04canary",
    "gif with script": a_file(kind="GIF") + b"/*<script>canary</script>*/", "ico": a_file(kind="ICO"),
    "svg in xml": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
    "svg behind a mark": b'\xef\xbb\xbf<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "eps": a_file(kind="EPS"), "one byte": b"\xff", "its mark alone": b"\xff\xd8\xff", "zeros": bytes(5_000),
    "no size": png(0, 0, (b"IDAT", zlib.compress(b""))),
    "text bomb": png(8, 8, (b"zTXt", b"k\0\0" + zeros(80 << 20)), (b"IDAT", zlib.compress(bytes(200)))),
    "scans": scans(200),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_picture_leaves_nothing(kind: str, post_photos: Any, kept: Any) -> None:
    listing = make_listing("PURCHASED")
    before = rows()
    answer = post_photos(listing, a_file(), BAD[kind])  # the second of two
    assert answer.status_code == 422, answer.content
    assert "Photo 2" in answer.json()["detail"]["photos"][0]
    assert (rows(), kept()) == (before, [])
    assert ProductListing.objects.get().state == "PURCHASED"


def test_a_profile_that_unpacks_to_a_bomb_is_not_unpacked(post_photos: Any) -> None:
    bomb = png(8, 8, (b"iCCP", b"p\0\0" + zeros(80 << 20)), (b"IDAT", zlib.compress(bytes(200))))
    assert post_photos(make_listing("PURCHASED"), bomb).status_code in (201, 422)


@pytest.mark.each_database
@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd",
        "..\\..\\windows\\system32\\x.jpg",
        "/etc/cron.d/x.jpg",
        "a\0.jpg",
        "a.jpg\0.php",
        "a.php",
        "a.svg",
        "<img src=x onerror=alert(1)>.jpg",
        "x" * 5_000 + ".jpg",
        "\u202egpj.exe",
        "CON",
        ".htaccess",
        "-rf",
        "a.jpg;.html",
        "é\u2028.jpg",
        "",
    ],
)
def test_a_name_means_nothing(name: str, client: Client, headers: Any, kept: Any, store: Any) -> None:
    """The file is kept under a name of ours, inside the store, whatever it was called, byte for byte."""
    head = b'--b\r\nContent-Disposition: form-data; name="photos"; filename="%s"\r\n\r\n' % name.encode()
    body = head + a_file() + b"\r\n--b--\r\n"
    path = f"/admin/listings/{make_listing('PURCHASED').pk}/photos"
    answer = client.generic("POST", path, body, "multipart/form-data; boundary=b", headers=headers)
    assert answer.status_code in (201, 400, 422), answer.content
    assert len(kept()) == 2 * Photo.objects.count()
    for each in store.rglob("*"):
        assert re.fullmatch(r"[\w-]+(\.jpg)?", each.name), each
        assert each.resolve().is_relative_to(store.resolve())
    if answer.status_code != 201:
        assert ProductListing.objects.get().state == "PURCHASED"
    assert "passwd" not in answer.content.decode()
    assert "<img" not in answer.content.decode()


def test_a_file_that_says_it_is_something_else_is_what_it_is(post_photos: Any) -> None:
    """By content: PNG named and announced as another kind is drawn again all the same."""
    assert post_photos(make_listing("PURCHASED"), GOOD["png"], name="a.heic").status_code == 201
    assert post_photos(make_listing("PURCHASED"), BAD["html"], name="a.png").status_code == 422
