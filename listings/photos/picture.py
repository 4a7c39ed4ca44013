"""What a file shows: checked by its content, and drawn again as a plain JPEG.

Nothing of the file but its pixels survives: no metadata, no profile, no name,
and nothing that was hidden behind the picture's end.
"""

import io
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from django.conf import settings
from PIL import ExifTags, Image, ImageCms

from listings.photos.scans import too_many_scans

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_SIDE = 65_500  # of a JPEG
THUMBNAIL_SIDE = 480
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")

# Pillow looks at the size that a header claims before it decodes; what it would warn of is refused.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def _know_heif() -> None:
    import pillow_heif  # with the first picture: a server starts without it

    pillow_heif.register_heif_opener(thumbnails=False)


# A picture of 40 megapixels needs up to half a gigabyte while it is drawn again: one at a time in a process. One and
# the same thread draws them all, since the C library keeps what each thread has once used for that thread.
_drawing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="photos", initializer=_know_heif)


class Unusable(Exception):
    """A file is no picture that can be taken; the text says why, `index` which file of the call, from 0."""

    def __init__(self, why: str, index: int = 0) -> None:
        super().__init__(why)
        self.index = index


class TooLarge(Exception):
    """A file is larger than 20 MiB; `index` says which of the call, from 0."""

    def __init__(self, index: int = 0) -> None:
        super().__init__(f"Photo {index + 1} is larger than {MAX_BYTES // 1024 // 1024} MiB.")
        self.index = index


@dataclass(frozen=True)
class Picture:
    """A picture drawn again: two JPEG files, open at their beginning, and the size of the first in pixels."""

    image: BinaryIO
    thumbnail: BinaryIO
    width: int
    height: int


@contextmanager
def drawn_again(file: BinaryIO) -> Iterator[Picture]:
    """Take a file that can seek, give its picture at full resolution and as a thumbnail, until the block ends.

    Raises:
        Unusable: not a JPEG, PNG, WebP or HEIC that can be decoded, or of more than 40 megapixels.
    """
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as image, io.BytesIO() as thumbnail:
        width, height = _drawing.submit(_draw, file, image, thumbnail).result()
        image.seek(0)
        thumbnail.seek(0)
        yield Picture(image, thumbnail, width, height)


def _draw(file: BinaryIO, image: BinaryIO, thumbnail: BinaryIO) -> tuple[int, int]:
    plain = _decoded(file)
    size = plain.size
    plain.save(image, "JPEG", quality=90)
    plain.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    plain.save(thumbnail, "JPEG", quality=80)
    return size


def _decoded(file: BinaryIO) -> Image.Image:
    """Decode the first frame: upright, in sRGB, over white, without anything else."""
    file.seek(0)
    try:
        opened = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unusable(_TOO_MANY_PIXELS) from None
    except Exception as error:
        raise Unusable("is not a JPEG, PNG, WebP or HEIC picture") from error
    with opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise Unusable(_TOO_MANY_PIXELS)
        if max(width, height) > MAX_SIDE:
            raise Unusable(f"is more than {MAX_SIDE} pixels long")
        if opened.format in ("JPEG", "MPO") and too_many_scans(file):
            raise Unusable("is a JPEG built to keep a computer busy")
        try:
            opened.load()
            return _upright(_in_srgb(_over_white(opened), opened.info.get("icc_profile")), opened)
        except Exception as error:
            raise Unusable("is damaged or cut off") from error


_TOO_MANY_PIXELS = f"has more than {MAX_PIXELS // 1_000_000} megapixels"


def _over_white(image: Image.Image) -> Image.Image:
    """Turn any mode into RGB, L or CMYK with 8 bits; what shows through is white."""
    if image.mode.startswith("I") or image.mode == "F":
        # 16 bit: the upper half of each value is what 8 bits can show.
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        see_through = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(see_through, mask=see_through.getchannel("A"))
        return white
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply the colour profile; one that cannot be read, or is for another kind of picture, is left out."""
    if profile:
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, given, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        image = converted or image
    return image if image.mode == "RGB" else image.convert("RGB")


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image, opened: Image.Image) -> Image.Image:
    """Turn the picture as its file says, and forget what else the file said."""
    try:
        turn = _TURNS.get(opened.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001  whatever is wrong with the notes, the picture is good
        turn = None
    upright = image.transpose(turn) if turn is not None else image
    upright.info = {}
    return upright
