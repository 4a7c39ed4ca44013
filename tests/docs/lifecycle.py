"""Writes docs/lifecycle.md from the one transition table: `python -m tests.docs.lifecycle`."""

import inspect
import os
from pathlib import Path

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()

from django.conf import settings

from listings import lifecycle
from listings.states import ARROWS, ENTERED_AT, TIMEOUT_SETTING, State, allowed_from

TARGET = Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md"
HEAD = """# The lifecycle

Made from `listings/states.py` and `listings/lifecycle.py` by `python -m tests.docs.lifecycle`; a test holds that it is
up to date. No other arrow exists: the model, the door and the database refuse it.
"""


def written() -> str:
    """Return the page as the code has it."""
    return "\n".join(
        [HEAD, *_picture(), "", "## States", "", *_states(), "", "## Arrows", "", *_arrows(), ""]
    )


def _picture() -> list[str]:
    arrows = [f"    {origin} --> {to}" for origin, to in ARROWS]
    ends = [f"    {state} --> [*]" for state in State if not allowed_from(state)]
    return ["```mermaid", "stateDiagram-v2", f"    [*] --> {State.FOUND}", *arrows, *ends, "```"]


def _states() -> list[str]:
    rows = ["| state | its moment | ends by itself | leads to |", "|---|---|---|---|"]
    for state in State:
        setting = TIMEOUT_SETTING.get(state)
        days = f"after {getattr(settings, setting)} days (`{setting}`)" if setting else "no"
        to = ", ".join(allowed_from(state)) or "nothing: it is terminal"
        rows.append(f"| {state} | `{ENTERED_AT[state]}` | {days} | {to} |")
    return rows


def _arrows() -> list[str]:
    rows = ["| from | to | verb | event | what it does |", "|---|---|---|---|---|"]
    for (origin, to), verb in ARROWS.items():
        told = (inspect.getdoc(getattr(lifecycle, verb)) or "").partition("\n\n")[0].replace("\n", " ")
        does = told.partition(": ")[2]
        rows.append(f"| {origin} | {to} | `{verb}` | `listing.state.{to.lower()}` | {does} |")
    return rows


if __name__ == "__main__":
    TARGET.write_text(written(), encoding="utf-8")
