"""What a file shows: checked by its content, and drawn again as a plain JPEG.

Nothing of the file but its pixels survives: no metadata, no profile, no name,
and nothing that was hidden behind the picture's end.
"""

import io
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from django.conf import settings

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 40_000_000
THUMBNAIL_SIDE = 480

# A picture of 40 megapixels needs up to half a gigabyte while it is drawn again: one at a time in a process. One and
# the same thread draws them all, since the C library keeps what each thread has once used for that thread.
_drawing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="photos")


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
    from listings.photos import drawing  # with the first picture: a server starts without Pillow

    plain = drawing.decoded(file)
    size = plain.size
    plain.save(image, "JPEG", quality=90)
    plain.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    plain.save(thumbnail, "JPEG", quality=80)
    return size
