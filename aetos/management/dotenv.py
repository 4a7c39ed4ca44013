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
    """Take the command line; run its command, if any, in place of this process."""
    added = complete(DOTENV, os.environ)
    if added:
        print(f"Drew {len(added)} keys at random, for this machine alone; they are in .env.", flush=True)  # noqa: T201
    if given[:1] == ["--"]:
        for name, value in values(DOTENV.read_text(encoding="utf-8")).items():
            os.environ.setdefault(name, value)
        os.execvp(given[1], given[1:])  # noqa: S606  the command is the caller's own


if __name__ == "__main__":
    main(sys.argv[1:])
