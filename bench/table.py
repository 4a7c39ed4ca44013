"""The table, for the terminal and for docs/performance.md."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- bench: table -->", "<!-- /bench: table -->"
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
    """Put the table between its markers in a page; return False where the page has none."""
    page = path.read_text() if path.exists() else ""
    if BEGIN not in page or END not in page:
        return False
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    middle = "\n".join(["", f"Measured at commit {commit}.", "", *lines(rows), ""])
    path.write_text(f"{head}{BEGIN}\n{middle}\n{END}{tail}")
    return True
