"""Photos for the stand-in: small drawings of a camera as real JPEG files, made without an image library.

Every block of 8 by 8 pixels has one colour, so only the first coefficient of each has to be written.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

Colour = tuple[int, int, int]

# The standard's own code lengths for differences of 0 to 11 bits, and one code for "nothing follows".
DC_LENGTHS = (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)
DC_CODES = (
    *("00", "010", "011", "100", "101", "110"),
    *("1110", "11110", "111110", "1111110", "11111110", "111111110"),
)
END_OF_BLOCK = "0"
COMPONENTS = 3


@lru_cache(maxsize=32)
def camera(width: int, height: int, shade: int = 0) -> bytes:
    """Take a size in pixels (multiples of 8) and a shade, return a JPEG of a camera in that size."""
    across, down = width // 8, height // 8
    backdrop = ((196, 180, 150), (150, 176, 196), (176, 190, 158), (190, 164, 176))[shade % 4]

    def colour(column: int, row: int) -> Colour:
        x, y = (column + 0.5) / across - 0.5, ((row + 0.5) / down - 0.5) * height / width
        return _drawing(x, y) or backdrop

    return _jpeg(across, down, colour)


def _drawing(x: float, y: float) -> Colour | None:
    """Return the colour of the camera at a place around its middle, or None beside it."""
    from_lens = (x * x + (y - 0.02) ** 2) ** 0.5
    if from_lens < 0.05:
        return 90, 110, 160
    if from_lens < 0.11:
        return 25, 25, 30
    if from_lens < 0.14:
        return 120, 120, 125
    if abs(x) < 0.33 and abs(y - 0.02) < 0.18:
        return (60, 60, 64) if abs(y - 0.02) < 0.12 else (160, 160, 165)
    if abs(x) < 0.09 and -0.23 < y < 0:
        return 60, 60, 64
    return None


def _jpeg(across: int, down: int, colour: Callable[[int, int], Colour]) -> bytes:
    """Take the number of blocks each way and their colours, return a baseline JPEG file."""
    size = struct.pack(">BHHB", 8, down * 8, across * 8, COMPONENTS)
    frame = size + b"".join(bytes((number, 0x11, 0)) for number in (1, 2, 3))
    tables = b"\x00" + bytes(DC_LENGTHS) + bytes(range(12)) + b"\x10" + bytes((1, *[0] * 15)) + b"\x00"
    scan = bytes((COMPONENTS, 1, 0, 2, 0, 3, 0, 0, 63, 0))
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
            # A step of 8 for every coefficient makes the first one the block's brightness itself.
            _segment(0xDB, b"\0" + bytes([8] * 64)),
            _segment(0xC0, frame),
            _segment(0xC4, tables),
            _segment(0xDA, scan),
            _packed(_bits(across, down, colour)),
            b"\xff\xd9",
        )
    )


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _bits(across: int, down: int, colour: Callable[[int, int], Colour]) -> str:
    """Return the picture as a string of bits, each block as its difference from the one before."""
    blocks = [(0, 0, 0)] + [_levels(colour(column, row)) for row in range(down) for column in range(across)]
    written: dict[int, str] = {}
    parts = []
    for before, here in pairwise(blocks):
        for component in range(COMPONENTS):
            difference = here[component] - before[component]
            if difference not in written:
                written[difference] = _difference(difference) + END_OF_BLOCK
            parts.append(written[difference])
    return "".join(parts)


def _levels(colour: Colour) -> tuple[int, int, int]:
    """Take red, green and blue, return brightness and the two colour differences around zero."""
    red, green, blue = colour
    bright = 0.299 * red + 0.587 * green + 0.114 * blue
    return round(bright - 128), round(0.564 * (blue - bright)), round(0.713 * (red - bright))


def _difference(value: int) -> str:
    """Return a difference in bits: how long it is, then itself, a negative one with its bits turned."""
    length = abs(value).bit_length()
    if not length:
        return DC_CODES[0]
    bits = value if value > 0 else value + (1 << length) - 1
    return DC_CODES[length] + format(bits, f"0{length}b")


def _packed(bits: str) -> bytes:
    """Take bits, return them as bytes, filled up with ones and with every 0xff marked as data."""
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
