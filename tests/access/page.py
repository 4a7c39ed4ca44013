"""The table of who may do what as a page, docs/authorisation.md: `python -m tests.access` writes it."""

from collections import defaultdict
from pathlib import Path

from tests.access.authorisation import LOGIN, NOTHING, PRINCIPALS, YES, Row, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "authorisation.md"
HEAD = f"""# Who may do what

Written by `python -m tests.access` from the routes themselves; `tests/access/test_authorisation.py` asks
every cell of the running product, and fails where a route is missing here.

| cell | means |
|---|---|
| {YES} | does it (2xx, or a redirect after a form) |
| 401, 403, 404, 405 | is refused so, and nothing is written |
| {LOGIN} | is led to the sign-in, and nothing is written |
| {NOTHING} | nothing is written: there is nothing of that kind to do |

- *anonymous* brings nothing. *inactive* has a session and a token of an operator who was deactivated since.
- *deleted token* brings a token that was deleted or replaced. Tokens do not expire by themselves: a token ends when it
  is deleted (`/staff/authtoken/tokenproxy/`, or `manage.py drf_create_token -r NAME` for a new one), and when its
  user is deactivated or no longer staff.
- *not staff* is an account with every right of an operator but not that of the back office.
- *viewer*, *operator*, *superuser* are signed in on pages, and bring their token to `/admin/…` and `/metrics`.
- *scraper*, *chatterbot*, *ebay* bring that partner's key, *telegram* its secret, *metrics* `METRICS_KEY`.
- A photo is also seen by whoever has its signed address, until that expires.
- Each path answers in both spellings, with and without a slash at the end. Permissions can be given one by one;
  `tests/access/test_permissions.py` holds each act to exactly its own.
"""
SECTIONS = {
    "The partners": "/webhooks",
    "The API": "/admin/",
    "The back office": "/staff/",
    "Everything else": "/",
}


def page() -> str:
    """Write the table as Markdown."""
    left, lines = table(), [HEAD]
    for title, prefix in SECTIONS.items():
        rows = [row for row in left if row.route.startswith(prefix) or row.route == prefix.rstrip("/")]
        left = [row for row in left if row not in rows]
        lines += [
            f"\n## {title}\n",
            f"| | | {' | '.join(PRINCIPALS)} |",
            f"|---|---|{'---|' * len(PRINCIPALS)}",
        ]
        lines += _lines(rows)
    return "\n".join(lines) + "\n"


def _lines(rows: list[Row]) -> list[str]:
    """Write rows; methods of one route that are answered alike stand in one line."""
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        words = row.words.replace("|", "\\|")
        alike[words, " | ".join(row.cells[who] for who in PRINCIPALS)].append(row.method)
    return [f"| {', '.join(methods)} | `{words}` | {cells} |" for (words, cells), methods in alike.items()]
