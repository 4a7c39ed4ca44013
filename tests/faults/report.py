"""What the harness found: one row a fault, and the page that is written from them."""

import json
import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.aetos.processes import ROOT

PAGE = ROOT / "docs" / "reliability.md"
HEAD = (
    "area",
    "what fails",
    "times",
    "lost",
    "doubled",
    "out of order",
    "repeated",
    "time to recover",
    "taken away: then",
)


@dataclass
class Counts:
    """What the oracle counted after a fault. `repeated` is the same event once more, with the same id."""

    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    repeated: int = 0
    findings: list[str] = field(default_factory=list)

    def add(self, other: "Counts") -> None:
        """Add another's counts."""
        self.lost += other.lost
        self.doubled += other.doubled
        self.out_of_order += other.out_of_order
        self.repeated += other.repeated
        self.findings += other.findings

    @property
    def harm(self) -> str:
        """Say in words what went wrong; nothing if nothing did."""
        words = [
            f"{count} {what}"
            for count, what in (
                (self.lost, "lost"),
                (self.doubled, "doubled"),
                (self.out_of_order, "out of order"),
            )
            if count
        ]
        return ", ".join(words) or "; ".join(self.findings[:2])


@dataclass
class Row:
    """One line of the table. `recovered` holds the seconds of each time, `run` when and at which commit it was done."""

    fault: str
    times: int = 0
    counts: Counts = field(default_factory=Counts)
    recovered: list[float] = field(default_factory=list)
    protection: str = ""
    twin: Counts | None = None
    note: str = ""
    took: float = 0.0
    run: str = ""

    @property
    def wrong(self) -> list[str]:
        """Say what keeps this row from being a success: harm done, no recovery, or a twin that came to none."""
        wrong = [f"{self.fault}: {self.counts.harm}"] if self.counts.harm else []
        if self.protection and (self.twin is None or not self.twin.harm):
            wrong.append(
                f"{self.fault}: without {self.protection} nothing was lost or doubled, so it proves nothing"
            )
        if not self.times:
            wrong.append(f"{self.fault}: it never happened")
        return wrong

    def cells(self) -> tuple[str, ...]:
        """Return the row as it stands in the table."""
        times = sorted(self.recovered)
        recovery = f"{times[len(times) // 2]:.1f} s, worst {times[-1]:.1f} s" if times else "–"
        twin = f"{self.protection}: {self.twin.harm or 'NOTHING'}" if self.twin else "–"
        counts = self.counts
        found = (counts.lost, counts.doubled, counts.out_of_order, counts.repeated)
        area, what = self.area
        return (area, what, str(self.times), *map(str, found), recovery, twin)

    @property
    def area(self) -> tuple[str, str]:
        """Return which part of the product it is about, and what fails there."""
        area, colon, what = self.fault.partition(": ")
        return (area, what) if colon else ("nodes", area)


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table, by area."""
    rows = list(rows)
    areas = list(dict.fromkeys(row.area[0] for row in rows))
    rows.sort(key=lambda row: areas.index(row.area[0]))
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def notes(rows: Iterable[Row]) -> str:
    """Return what is to be said of a row beyond the table, as a Markdown list: the figures of the load, above all."""
    return "".join(f"\n- **{row.fault}**: {row.note}\n" for row in rows if row.note)


def write(rows: Sequence[Row], missing: Sequence[str] = (), page: Path = PAGE) -> None:
    """Write the page anew: between its marks stands what this run found, and what is missing from it."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    not_run = f"\nNot in this run: {', '.join(missing)}.\n" if missing else ""
    found = f"{BEGIN}\n{run_on(rows)}\n\n{table(rows)}\n{notes(rows)}{not_run}{END}"
    page.write_text(f"{before}{found}{after}", encoding="utf-8")


BEGIN, END = "<!-- what a run found: begin -->", "<!-- what a run found: end -->"


def now() -> str:
    """Say which day it is, and at which commit the code."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return f"{datetime.now(UTC):%d %B %Y} at commit `{commit or 'unknown'}`"


def run_on(rows: Sequence[Row]) -> str:
    """Say where and when these ran: most of them, and by name those that were run at another commit."""
    runs = Counter(row.run for row in rows).most_common()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{os.cpu_count()} cores and {memory:.0f} GiB, {platform.system()} {platform.machine()}"
    seconds = sum(row.took for row in rows)
    said = (
        f"Run on {runs[0][0] if runs else 'no day'}, {seconds / 60:.0f} minutes of faults, "
        f"on {machine}, Python {platform.python_version()}."
    )
    for run, _ in runs[1:]:
        said += f"\nOn {run}: {'; '.join(row.fault for row in rows if row.run == run)}."
    return said


def save(rows: Iterable[Row], path: Path) -> None:
    """Keep the rows in a file, so that runs can be put together."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


def load(path: Path) -> dict[str, Row]:
    """Return the rows that `save` kept, by fault."""
    rows = {}
    for each in json.loads(path.read_text(encoding="utf-8")):
        twin = each.pop("twin")
        counts = Counts(**each.pop("counts"))
        rows[each["fault"]] = Row(**each, counts=counts, twin=Counts(**twin) if twin else None)
    return rows
