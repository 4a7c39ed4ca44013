"""`python -m bench.measure`: measures rows at one size, in a process of its own, and keeps each as it is done."""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import django

from bench.databases import ROOT, url
from bench.rows import SIZES, SPECS, Bench

MODULES = ("bench.ingest", "bench.transition", "bench.events", "bench.sweep", "bench.process", "bench.reads")


def load() -> None:
    """Import the modules that register rows, in the order of the table."""
    for module in MODULES:
        if find_spec(module):
            import_module(module)


def keep(path: Path, row: dict[str, object], commit: str) -> None:
    """Put a row in the place of an older one of its name and size."""
    kept = json.loads(path.read_text()) if path.exists() else []
    kept = [one for one in kept if (one["name"], one["size"]) != (row["name"], row["size"])]
    path.write_text(json.dumps([*kept, {**row, "commit": commit}], indent=1, ensure_ascii=False))


def commit() -> str:
    """Name the commit, with a plus sign where the product or the bench differs from it."""
    head = _git("rev-parse", "--short", "HEAD")
    return head + ("+" if _git("status", "--porcelain", "--", ".", ":!docs", ":!build") else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main() -> int:
    """Measure the rows named at the size named; one that fails never stops the rest. Return how many failed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it is ignored, as in the background
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--broker", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("names", nargs="+")
    asked = parser.parse_args()
    django.setup()
    load()
    at = commit()
    with tempfile.TemporaryDirectory(prefix="aetos-bench-") as folder, ExitStack() as stack:
        urls = {size: url(asked.server, size) for size in SIZES}
        bench = Bench(
            asked.size, quick=asked.quick, urls=urls, broker=asked.broker, folder=Path(folder), stack=stack
        )
        return sum(not _measured(bench, name, asked.results, at) for name in asked.names)


def _measured(bench: Bench, name: str, results: Path, at: str) -> bool:
    began = time.monotonic()
    try:
        row = SPECS[name].row(bench.size, SPECS[name].measure(bench))
    except Exception:  # noqa: BLE001  a row can fail in any way, and says so
        traceback.print_exc()
        print(f"  {name} at {bench.size:,} FAILED", flush=True)
        return False
    keep(results, row.as_json(), at)
    raw = "" if row.raw is None else f" of {row.raw:,.4g}, ratio {row.ratio:.2f}"
    seconds = time.monotonic() - began
    print(f"  {name}: {row.ours:,.4g} {row.unit}{raw} ({row.reach}), {seconds:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    try:
        sys.exit(min(main(), 1))
    except KeyboardInterrupt:
        sys.exit(130)
