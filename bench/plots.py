"""`python -m bench.plots`: draws what the bench has kept, over the number of listings, into docs/performance/."""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "performance"
# A plot each, by how the rows' names begin; what fits none is drawn under "other".
PLOTS = {
    "ingest": ("Ingest, of bare psycopg", ("ingest", "resighted")),
    "changes": ("Transitions, events and sweeps, of the raw limit", ("transition", "event", "sweep")),
    "lag": ("Lag from commit to event, idle: p95 in ms", ("lag",)),
    "lists": (
        "Lists, times a bare view",
        ("api-first", "api-far", "api-filtered", "staff-first", "staff-far", "staff-filtered"),
    ),
    "growth": ("Pages, times themselves at 10,000 listings", ()),
    "other": ("Processes", ()),
}


def plot_of(name: str) -> str:
    """Return which plot a row is drawn in."""
    if name.endswith("-growth"):
        return "growth"
    return next((key for key, (_, begins) in PLOTS.items() if begins and name.startswith(begins)), "other")


def draw(rows: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Draw each group of rows; return the files written."""
    groups: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    several = {row["name"] for row in rows if row["size"] != min(one["size"] for one in rows)}
    for row in rows:
        if row["name"] in several:  # what was measured at one size makes no line
            groups[plot_of(row["name"])][row["name"]].append(row)
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _file(groups[key], title, folder / f"{key}.png") for key, (title, _) in PLOTS.items() if key in groups
    ]


def _file(lines: dict[str, list[dict[str, Any]]], title: str, path: Path) -> Path:
    figure, axes = pyplot.subplots(figsize=(8, 5), dpi=110)
    for name, points in sorted(lines.items()):
        _line(axes, name, sorted(points, key=lambda point: point["size"]))
    commits = sorted({point["commit"] for points in lines.values() for point in points})
    unit = "ms" if " in ms" in title else "ratio"
    axes.set(title=title, xscale="log", xlabel="stored listings", ylabel=unit, ylim=(0, None))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")
    figure.text(0.99, 0.01, f"commit {', '.join(commits)}", ha="right", fontsize="x-small")
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
    return path


def _line(axes: Axes, name: str, points: list[dict[str, Any]]) -> None:
    drawn = axes.plot(
        [point["size"] for point in points], [point["ratio"] for point in points], "o-", label=name
    )
    reach = float(points[0]["reach"].split()[1])
    axes.axhline(reach, color=drawn[0].get_color(), linewidth=0.8, linestyle=":")


def main() -> int:
    """Draw, and name the files."""
    results = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "bench.json"
    if not results.exists():
        print(f"There is no {results}. Run: make bench")
        return 2
    mpl.use("agg")
    for path in draw(json.loads(results.read_text()), FOLDER):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
