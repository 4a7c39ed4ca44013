"""Draw the secrets that nobody has given, and keep them in `.env`, so that no key ships with the product.

Run by its path, before the settings can load: it needs the standard library alone.

    python aetos/management/dotenv.py               add to `.env` what it lacks
    python aetos/management/dotenv.py -- COMMAND    the same, then run the command with what `.env` says

What the environment or `.env` says already is never changed.
"""

import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

DOTENV = Path(__file__).resolve().parents[2] / ".env"
NAMES = (
    "SECRET_KEY",
    "SCRAPER_API_KEY",
    "SCRAPER_WEBHOOK_KEY",
    "CHATTERBOT_API_KEY",
    "CHATTERBOT_WEBHOOK_KEY",
    "EBAY_API_KEY",
    "EBAY_WEBHOOK_KEY",
    "METRICS_KEY",
    "DEMO_PASSWORD",
)
HEADING = (
    "# Drawn at random at the first start, for this machine alone. The environment wins over this file.\n"
)
LENGTHS = {"SECRET_KEY": 48, "DEMO_PASSWORD": 12}
SETTING = re.compile(r"^(?:export )?([A-Za-z_][A-Za-z_0-9]*)=(.*)$", re.MULTILINE)


def values(text: str) -> dict[str, str]:
    """Take a `.env`'s text, return what it sets; where a name stands twice, the last one counts."""
    return {name: value.strip().strip("'\"") for name, value in SETTING.findall(text)}


def bad_lines(text: str) -> list[int]:
    """Take a `.env`'s text, return the numbers of the lines that are read as nothing, or not as they are meant."""
    return [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line and not line.startswith("#") and not _is_setting(line)
    ]


def _is_setting(line: str) -> bool:
    found = SETTING.fullmatch(line)
    value = found[2].strip() if found else ""
    # Where only one end is quoted, the quote would become part of the value.
    ends = {value[:1], value[-1:]} & {"'", '"'}
    return bool(found) and (not ends or (len(value) > 1 and value[0] == value[-1]))


def complete(path: Path, environment: Mapping[str, str]) -> list[str]:
    """Add to the file what neither it nor the environment gives; return the names that were added."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    known = values(text)
    added = [name for name in NAMES if not known.get(name) and name not in environment]
    if not added:
        return []
    lines = [f"{name}={secrets.token_urlsafe(LENGTHS.get(name, 24))}\n" for name in added]
    gap = "\n" if text and not text.endswith("\n") else ""
    # Nobody but its owner may ever read it, not even between its creation and a chmod.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
        file.write(gap + HEADING + "".join(lines))
    return added


def main(given: list[str]) -> None:
    """Take the command line; run its command, if any, in place of this process. Ends with a sentence where it can't."""
    try:
        text = DOTENV.read_text(encoding="utf-8") if DOTENV.exists() else ""
        if bad := bad_lines(text):
            sys.exit(f"{DOTENV}, line {bad[0]}: not a setting. Write NAME=value, or begin the line with #.")
        added = complete(DOTENV, os.environ)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        sys.exit(f"{DOTENV}, line {line}: not UTF-8. Save the file as UTF-8, or type the line anew.")
    except OSError as error:
        sys.exit(
            f"{DOTENV}: {error.strerror}. Make it a file that you can read and write, on a disk with room."
        )
    if added:
        print(f"Drew {len(added)} keys at random, for this machine alone; they are in .env.", flush=True)  # noqa: T201
    if given[:1] == ["--"]:
        for name, value in values(DOTENV.read_text(encoding="utf-8")).items():
            os.environ.setdefault(name, value)
        os.execvp(given[1], given[1:])  # noqa: S606  the command is the caller's own


if __name__ == "__main__":
    main(sys.argv[1:])
