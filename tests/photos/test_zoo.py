"""Every kind of file: pictures come out plain and upright, all else is refused and leaves nothing."""

import io
import zlib
from typing import Any

import pytest
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
