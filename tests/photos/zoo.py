"""Files of every kind that may arrive as a photo, made here."""

import io
import struct
import zlib
from typing import Any

import pillow_heif
from PIL import Image, ImageDraw

pillow_heif.register_heif_opener()
RED, BLUE = (200, 30, 40), (30, 60, 200)


def drawing(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """Draw a blue picture whose upper left quarter is red, so that one sees which way up it is."""
    image = Image.new("RGB", (width, height), BLUE)
    ImageDraw.Draw(image).rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill=RED)
    return image.convert(mode)


def a_file(image: Image.Image | None = None, kind: str = "JPEG", **options: Any) -> bytes:
    """Write a picture as a file of that kind."""
    out = io.BytesIO()
    (image or drawing()).save(out, kind, **options)
    return out.getvalue()


def png(width: int, height: int, *chunks: tuple[bytes, bytes], depth: int = 8, colour: int = 2) -> bytes:
    """Write a PNG by hand: whatever size its header claims, whatever chunks it has."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def zeros(size: int) -> bytes:
    """Compress that many zeros."""
    packer = zlib.compressobj(9)
    block = bytes(1024 * 1024)
    return b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush()
