"""What a repeat of a delivery is known by."""

import hashlib
import json
from typing import Any

_encode = json.JSONEncoder(sort_keys=True).encode


class Digest:
    """The SHA-256 of `[brands, matches]` as ASCII JSON with its keys in order, match by match.

    The text of all of them at once would take megabytes.
    """

    def __init__(self, brands: list[str]) -> None:
        self._hash, self._between = hashlib.sha256(f"[{_encode(brands)}, [".encode()), ""

    def add(self, match: Any, written: str | None = None) -> None:
        """Take the next match; `written` is its JSON with its keys in order, where somebody has written it before."""
        plain = written is not None and written.isascii() and "\x7f" not in written
        self._hash.update(f"{self._between}{written if plain else _encode(match)}".encode())
        self._between = ", "

    def hexdigest(self) -> str:
        """Return it, once all matches are taken."""
        whole = self._hash.copy()
        whole.update(b"]]")
        return whole.hexdigest()


def digest_of(brands: list[str], matches: list[Any]) -> str:
    """Return the digest of a delivery as it was parsed."""
    digest = Digest(brands)
    for match in matches:
        digest.add(match)
    return digest.hexdigest()
