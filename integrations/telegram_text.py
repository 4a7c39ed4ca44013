"""Text as Telegram counts it: in UTF-16 units, 4,096 a message. Pure functions."""

import unicodedata

LONGEST = 4096
JOINER = "\u200d"


def units(text: str) -> int:
    """Count as Telegram does: most emoji are two."""
    return len(text.encode("utf-16-le")) // 2


def clean(text: str) -> str:
    """Take out what no database column or JSON reader could hold: NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def split(text: str, longest: int = LONGEST) -> list[str]:
    """Cut a text into messages, at line ends, else between words, else between characters.

    Nothing but white space at the cuts is lost; what is only white space is no message.
    """
    parts, rest = [], text.strip()
    while rest:
        size = _fitting(rest, longest)
        parts.append(rest[:size].rstrip())
        rest = rest[size:].strip()
    return parts


def cut(text: str, *, tail: str = "", longest: int = LONGEST) -> str:
    """Return `text` and `tail` as one message; where both are too long the end of `text` goes, never the tail."""
    if units(text) + units(tail) <= longest:
        return text + tail
    room = max(longest - units(tail) - 1, 0)
    return split(text[: _prefix(text, room)] + "…" + tail, longest)[0]


def one_line(text: str, longest: int) -> str:
    """Return a text of strangers as one line of `longest` characters at the most, without control characters.

    Characters that turn the direction of writing around could make a line read as another.
    """
    shown = "".join(char if char.isprintable() or char == JOINER else " " for char in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= longest else shown[: longest - 1].rstrip() + "…"


def _fitting(text: str, longest: int) -> int:
    """Return how many characters of a text make up its first message."""
    size = _prefix(text, longest)
    if size == len(text):
        return size
    for separator in ("\n", " "):
        at = text.rfind(separator, 1, size + 1)
        if at > 0:
            return at
    while size > 1 and _belongs_to_the_one_before(text, size):
        size -= 1
    return size if size > 1 else max(_prefix(text, longest), 1)


def _prefix(text: str, longest: int) -> int:
    """Return how many characters fit into so many units."""
    size = min(len(text), longest)
    while units(text[:size]) > longest:
        size -= max(1, (units(text[:size]) - longest) // 2)
    return size


def _belongs_to_the_one_before(text: str, at: int) -> bool:
    """Say whether the character there is only a part of what is seen: an accent, a skin tone, a joined emoji."""
    char = text[at]
    return (
        JOINER in (char, text[at - 1])
        or unicodedata.category(char).startswith("M")
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )
