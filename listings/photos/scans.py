"""How often a JPEG paints over itself.

A progressive JPEG comes in scans, each over the whole picture; a camera
writes about ten. A file of 20 MiB can hold a million empty ones, and would
keep a processor busy for hours though its size and pixels are harmless.
"""

import re
from typing import BinaryIO

MAX_SCANS = 100

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])", re.DOTALL)
_START_OF_SCAN, _START, _END = 0xDA, 0xD8, 0xD9


def too_many_scans(file: BinaryIO) -> bool:
    """Walk over the segments of a JPEG up to its end; say whether it has more scans than any camera writes."""
    file.seek(0)
    content = file.read()
    place, scans = 0, 0
    while (found := _MARKER.search(content, place)) is not None:
        marker = found[1][0]
        if marker == _END:
            break
        scans += marker == _START_OF_SCAN
        if scans > MAX_SCANS:
            return True
        length = 0 if marker == _START else int.from_bytes(content[found.end() : found.end() + 2], "big")
        place = found.end() + length
    return False
