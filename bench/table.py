"""The table, for the terminal and for docs/performance.md."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

COLUMNS = ("work", "listings", "against", "ours", "raw", "ratio", "reach", "spread")


def lines(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Return the rows as a Markdown table, in the order given."""
    cells = [COLUMNS, *(_cells(row) for row in rows)]
    width = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    text = ["| " + " | ".join(cell.ljust(width[at]) for at, cell in enumerate(line)) + " |" for line in cells]
    return [text[0], "|" + "|".join("-" * (each + 2) for each in width) + "|", *text[1:]]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["work"] + (f" ({row['note']})" if row["note"] else ""),
        f"{row['size']:,}",
        row["against"],
        f"{_figure(row['ours'])} {row['unit']}",
        "" if row["raw"] is None else f"{_figure(row['raw'])} {row['unit']}",
        "" if row["raw"] is None else f"{row['ratio']:.2f}",
        f"{row['reach']} {'yes' if row['met'] else 'NO'}",
        f"{row['spread']:.0%}",
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def write(path: Path, rows: Iterable[dict[str, Any]], commit: str) -> bool:
    """Put the table into a page; return False where the page has no place for it."""
    return put(path, "table", [f"Measured at commit {commit}.", "", *lines(rows)])


def put(path: Path, mark: str, text: Iterable[str]) -> bool:
    """Put lines between the two comments of a name in a page; return False where the page has none."""
    begin, end = f"<!-- bench: {mark} -->", f"<!-- /bench: {mark} -->"
    page = path.read_text() if path.exists() else ""
    if begin not in page or end not in page:
        return False
    head, _, rest = page.partition(begin)
    tail = rest.partition(end)[2]
    middle = "\n".join(["", *text, ""])
    path.write_text(f"{head}{begin}\n{middle}\n{end}{tail}")
    return True
