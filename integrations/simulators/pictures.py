"""Photos for the stand-in: small drawings of cameras as real JPEG files, made without an image library.

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


# A look is a backdrop with the colours of a body: its grip and its plates.
BACKDROPS = (
    (196, 180, 150),
    (150, 176, 196),
    (176, 190, 158),
    (190, 164, 176),
    (214, 208, 200),
    (120, 104, 92),
)
BODIES = (
    ((60, 60, 64), (160, 160, 165)),
    ((38, 38, 42), (52, 52, 58)),
    ((110, 66, 44), (188, 184, 176)),
    ((70, 84, 76), (150, 154, 150)),
)
LOOKS = len(BACKDROPS) * len(BODIES)
BLACK, GLASS, RIM, SCREEN = (25, 25, 30), (90, 110, 160), (120, 120, 125), (58, 78, 104)


@lru_cache(maxsize=32)
def camera(width: int, height: int, look: int = 0, view: int = 0) -> bytes:
    """Take a size in pixels (multiples of 8), a look and a view, return a JPEG of that camera from that side."""
    across, down = width // 8, height // 8
    backdrop, body = BACKDROPS[look % len(BACKDROPS)], BODIES[look // len(BACKDROPS) % len(BODIES)]
    drawn = DRAWINGS[view % VIEWS]

    def colour(column: int, row: int) -> Colour:
        x, y = (column + 0.5) / across - 0.5, ((row + 0.5) / down - 0.5) * height / width
        # What stands on a table throws some shade on it.
        return drawn(x, y, *body) or (backdrop if y < 0.2 else _dimmed(backdrop))

    return _jpeg(across, down, colour)


def _dimmed(colour: Colour) -> Colour:
    return colour[0] * 4 // 5, colour[1] * 4 // 5, colour[2] * 4 // 5


def _front(x: float, y: float, grip: Colour, plate: Colour) -> Colour | None:
    """Return the colour of a camera at a place around its middle, or None beside it. So do the other views."""
    from_lens = (x * x + (y - 0.02) ** 2) ** 0.5
    if from_lens < 0.14:
        return GLASS if from_lens < 0.05 else BLACK if from_lens < 0.11 else RIM
    if abs(x) < 0.33 and abs(y - 0.02) < 0.18:
        return grip if abs(y - 0.02) < 0.12 else plate
    return grip if abs(x) < 0.09 and -0.23 < y < 0 else None


def _back(x: float, y: float, grip: Colour, plate: Colour) -> Colour | None:
    if -0.26 < x < 0.12 and -0.07 < y < 0.15:
        return SCREEN if -0.24 < x < 0.1 and -0.05 < y < 0.13 else BLACK
    if (x - 0.22) ** 2 + (y - 0.06) ** 2 < 0.05**2:
        return plate if (x - 0.22) ** 2 + (y - 0.06) ** 2 > 0.02**2 else BLACK
    if abs(x) < 0.07 and -0.22 < y < -0.13:
        return BLACK
    if abs(x) < 0.33 and abs(y - 0.02) < 0.18:
        return grip if y > -0.1 else plate
    return grip if abs(x) < 0.1 and -0.24 < y < 0 else None


def _top(x: float, y: float, grip: Colour, plate: Colour) -> Colour | None:
    for middle, size in ((-0.24, 0.05), (0.2, 0.06), (0.29, 0.025)):
        if (x - middle) ** 2 + (y + 0.09) ** 2 < size**2:
            return RIM if (x - middle) ** 2 + (y + 0.09) ** 2 > (size - 0.015) ** 2 else BLACK
    if abs(x) < 0.33 and -0.17 < y < -0.01:
        return plate if abs(x) > 0.08 else grip
    if abs(x) < 0.12 and -0.01 <= y < 0.26:
        return RIM if 0.06 < y < 0.08 or 0.15 < y < 0.16 else BLACK
    return None


def _lens(x: float, y: float, grip: Colour, plate: Colour) -> Colour | None:
    from_middle = (x * x + y * y) ** 0.5
    if (x + 0.05) ** 2 + (y + 0.06) ** 2 < 0.03**2:
        return 214, 222, 240
    for radius, colour in ((0.08, (52, 44, 88)), (0.14, GLASS), (0.23, BLACK), (0.26, RIM), (0.31, plate)):
        if from_middle < radius:
            return colour
    return grip if abs(x) < 0.46 else None


DRAWINGS = (_front, _back, _top, _lens)
VIEWS = len(DRAWINGS)


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
