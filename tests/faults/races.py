"""Races: what happens at the same moment, two hundred times, is won by one each time.

Each runs in a process of its own, on a database of its own; run as a module,
this is that process: `python -m tests.faults.races NAME --rounds 200 --twins 10`
on the database that DATABASE_URL names, WHICH IT EMPTIES.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.aetos.processes import ROOT
from tests.faults.bench import Bench, Fault
from tests.faults.report import Counts, Row

ROUNDS_A_TIME = 10  # 20 times are 200 rounds
TWIN_ROUNDS = 6
LONGEST_SECONDS = 900
ROW_AND_GUARDS = "the row lock and the guards behind it"
KINDS = {
    "arrow": ("the same arrow 50 times at once", ROW_AND_GUARDS),
    "sweep": ("sweep against callback", "the row lock"),
    "job": ("the same job 20 times at once", "the job's lock"),
    "items": ("six jobs that share their items", "the unique key of an item"),
    "sold": ("sold against sold", ROW_AND_GUARDS),
    "staff": ("two staff, two arrows", ROW_AND_GUARDS),
    "photo": ("photo against photo", ROW_AND_GUARDS),
}
_databases = count(1)


def race(kind: str, bench: Bench) -> Row:
    """Run one kind of race on PostgreSQL, with its twin."""
    name, protection = KINDS[kind]
    rounds = bench.times * ROUNDS_A_TIME
    bench.say(f"{name}: {rounds} races")
    start = time.monotonic()
    database = f"races_{os.getpid()}_{next(_databases)}"
    bench.machines.postgres.admin(f'CREATE DATABASE "{database}" TEMPLATE "template_faults"')
    try:
        found = apart(kind, bench.machines.postgres.url(database), rounds)
    finally:
        bench.machines.postgres.admin(f'DROP DATABASE "{database}" WITH (FORCE)')
    row = Row(f"race: {name}", rounds, counted(found["verdicts"], found["audit"]), protection=protection)
    row.twin = counted(found["twin_verdicts"], {})
    row.took = time.monotonic() - start
    bench.say(
        f"{name}: {row.counts.harm or 'one winner each'}; without {protection}: {row.twin.harm or 'NOTHING'}"
    )
    return row


def apart(kind: str, url: str, rounds: int) -> dict[str, Any]:
    """Run a race in a process of its own; return its verdicts, its twin's, and what the audit found."""
    with TemporaryDirectory(prefix="aetos-races-") as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "tests.faults.races", kind, "--rounds", str(rounds)]
        done = subprocess.run(
            [*command, "--answer", str(answer)],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "DATABASE_URL": url,
                "LOG_LEVEL": "CRITICAL",
                "DATA_DIR": folder,
            },
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        if done.returncode:
            raise RuntimeError(f"the race {kind}: {done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(answer.read_text())
        return found


def counted(verdicts: Sequence[str], audit: dict[str, int]) -> Counts:
    """Count the rounds that went wrong, by what was wrong with them."""
    wrong = Counter(verdict for verdict in verdicts if verdict)
    counts = Counts(findings=[f"audit: {number} × not so: {rule}" for rule, number in audit.items()])
    for verdict, times in wrong.items():
        kind, _, _ = verdict.partition(": ")
        if kind == "lost":
            counts.lost += times
        elif kind == "doubled":
            counts.doubled += times
        else:
            counts.findings.append(f"{times} × {verdict}")
    return counts


FAULTS = tuple(
    Fault(f"race: {name}", partial(race, kind), short=kind == "staff") for kind, (name, _) in KINDS.items()
)


def main(given: Sequence[str]) -> int:
    """Take the command line, run a race and its twin here, say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.races", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--twins", type=int, default=TWIN_ROUNDS, help="rounds without the protection")
    parser.add_argument("--answer", type=Path, help="a file for the verdicts, as JSON")
    options = parser.parse_args(given)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from tests.faults.contests import CONTESTS, hold

    verdicts, audit = hold(CONTESTS[options.kind], options.rounds)
    twins: list[str] = []
    if options.twins:
        twins, _ = hold(CONTESTS[options.kind], options.twins, protected=False)
    found = {"verdicts": verdicts, "audit": audit, "twin_verdicts": twins}
    if options.answer:
        options.answer.write_text(json.dumps(found))
    print(Counter(verdicts), audit, Counter(twins))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
