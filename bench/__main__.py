"""`python -m bench [NAME ...] [--quick]`: measures the rows named, or all that this commit has no figures of yet."""

import argparse
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import django

from bench import databases, table
from bench.databases import ROOT
from bench.measure import commit, load
from bench.rows import SIZES, SPECS
from tests.services import find_postgres, find_rabbitmq, with_path

BUILD = ROOT / "build"
PAGE = ROOT / "docs" / "performance.md"


def main() -> int:
    """Measure, print the table and put it into docs/performance.md."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asked, named = _arguments(), dict(os.environ)
    _load_specs()
    if unknown := set(asked.names) - set(SPECS):
        print(f"There is no row {', '.join(sorted(unknown))}. There are: {', '.join(SPECS)}.")
        return 2
    results = BUILD / ("bench-quick.json" if asked.quick else "bench.json")
    results.parent.mkdir(exist_ok=True)
    sizes = tuple(asked.sizes or (SIZES[:1] if asked.quick else SIZES))
    with ExitStack() as stack:
        server = find_postgres(named, stack)
        broker = find_rabbitmq(named, stack)
        if server is None:
            print("The bench needs PostgreSQL: name one by DATABASE_URL.")
            return 2
        # What DATABASE_URL names is not touched: ours are beside it, its name with the size behind.
        beside = server.url if "DATABASE_URL" in named else with_path(server.url, "aetos_bench")
        failed = [
            size for size in sizes if not _measure(size, asked, results, beside, broker.url if broker else "")
        ]
        if not (asked.keep or failed or asked.names):
            databases.drop(beside, SIZES)
    _show(results, asked)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="rows to measure, whatever was measured before"
    )
    parser.add_argument(
        "--quick", action="store_true", help="two runs, 10,000 listings: to see that it works"
    )
    parser.add_argument(
        "--size", dest="sizes", type=int, action="append", choices=SIZES, help="only at this size"
    )
    parser.add_argument("--again", action="store_true", help="measure also what this commit has figures of")
    parser.add_argument("--keep", action="store_true", help="leave the seeded databases for the next run")
    return parser.parse_args()


def _load_specs() -> None:
    # The rows' modules import the product's: they want settings, and no database.
    os.environ.update(databases.environment("sqlite://:memory:", BUILD / "bench"))
    django.setup()
    load()


def _wanted(size: int, asked: argparse.Namespace, results: Path) -> list[str]:
    names = [name for name in asked.names or SPECS if size in SPECS[name].sizes]
    at = commit()
    if asked.names or asked.again or at.endswith("+") or not results.exists():
        return names
    done = {(row["name"], row["size"]) for row in json.loads(results.read_text()) if row["commit"] == at}
    return [name for name in names if (name, size) not in done]


def _measure(size: int, asked: argparse.Namespace, results: Path, server: str, broker: str) -> bool:
    names = _wanted(size, asked, results)
    if not names:
        return True
    databases.ready(server, size)
    print(f"{size:,} listings: {', '.join(names)}", flush=True)
    database = databases.url(server, size)
    command = [sys.executable, "-m", "bench.measure", "--size", str(size), "--server", server]
    command += ["--broker", broker, "--results", str(results), *(["--quick"] if asked.quick else []), *names]
    environment = databases.environment(database, BUILD / "bench", broker)
    return _run(command, environment)


def _run(command: list[str], environment: dict[str, str]) -> bool:
    """Run what measures. Where we are ended it is told so, and takes away what it has added: that may take a while."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        return process.wait() == 0
    except BaseException:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise


def _show(results: Path, asked: argparse.Namespace) -> None:
    rows = json.loads(results.read_text()) if results.exists() else []
    order = list(SPECS)
    rows = sorted(
        (row for row in rows if row["name"] in SPECS), key=lambda row: (order.index(row["name"]), row["size"])
    )
    print("\n".join(table.lines(rows)))
    if not asked.quick and not asked.names and table.write(PAGE, rows, commit()):
        print(
            f"written into {PAGE.relative_to(ROOT)}; the figures of each run are in {results.relative_to(ROOT)}"
        )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("Ended; what was measured is kept, and what was added is taken away.")
        sys.exit(130)
