"""`python -m tests.faults [NAME ...]`: break the product on purpose, and judge what is left.

Without names every fault is done, 20 times each. `--write` puts what was
found into docs/reliability.md. Ctrl-C ends all that was started.
"""

import argparse
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.faults.bench import Bench, Fault
from tests.faults.catalogue import FAULTS
from tests.faults.guard import guarded
from tests.faults.machines import ENDED, Ended, Machines, NotThere
from tests.faults.report import Counts, Row, load, save, table, write
from tests.faults.stack import make_template

LANES = 2


def main(given: Sequence[str]) -> int:
    """Take the command line, run the faults, return the exit status: 1 where something was lost or doubled."""
    options = arguments(given)
    if options.list:
        print("\n".join(fault.name for fault in FAULTS))
        return 0
    chosen = choose(options.names, short=options.short)
    return guarded(partial(harness, options, chosen))


def harness(options: argparse.Namespace, chosen: Sequence[Fault]) -> int:
    """Run the faults that were chosen, tell what came of it, return the exit status."""
    start = time.monotonic()
    found = load(options.keep) if options.keep and options.keep.exists() else {}

    def keep(row: Row) -> None:
        found[row.fault] = row
        if options.keep:
            save(found.values(), options.keep)

    try:
        run(chosen, keep, times=options.times or (1 if options.short else 20), short=options.short)
    except NotThere as error:
        print(error)
        return 2
    except KeyboardInterrupt:
        print("Ended; nothing is left running.")
        return 130
    rows = [found[fault.name] for fault in FAULTS if fault.name in found]
    print(f"\n{table(rows)}\n\n{len(chosen)} faults in {time.monotonic() - start:.0f} s")
    if options.write:
        write(rows)
    wrong = [line for row in rows for line in row.wrong]
    print("\n".join(["", *wrong]) if wrong else "Nothing was lost, nothing doubled, and every twin failed.")
    return 1 if wrong else 0


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Take the command line, return its options."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a fault's name")
    parser.add_argument("--short", action="store_true", help="a selection, each once: under 4 minutes")
    parser.add_argument("--times", type=int, default=0, help="how often each fault happens (20; short: 1)")
    parser.add_argument("--list", action="store_true", help="name the faults, and do none")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    parser.add_argument("--keep", type=Path, help="a file that gathers what several runs found")
    return parser.parse_args(given)


def choose(names: Sequence[str], *, short: bool) -> list[Fault]:
    """Return the faults whose name has one of the words in it; without any, all (short: the selection)."""
    if names:
        return [fault for fault in FAULTS if any(name.lower() in fault.name.lower() for name in names)]
    return [fault for fault in FAULTS if fault.short or not short]


def run(faults: Sequence[Fault], keep: Callable[[Row], None], *, times: int, short: bool) -> None:
    """Run the faults: those that bear company on two lanes, then one by one those that break a server."""
    beside = [fault for fault in faults if not fault.alone]
    with Machines() as machines, tempfile.TemporaryDirectory(prefix="aetos-faults-template-") as folder:
        token = make_template(machines, Path(folder))
        lanes = [
            Bench(machines, token, times, short, lane) for lane in range(LANES if len(beside) > 1 else 1)
        ]
        for bench in lanes[1:]:
            machines.rabbit.open_lane(bench.lane)
        queue, lock = list(beside), threading.Lock()

        def work(bench: Bench) -> None:
            while not ENDED.is_set():
                with lock:
                    if not queue:
                        return
                    fault = queue.pop(0)
                row = row_of(fault, bench)
                with lock:
                    keep(row)

        with ThreadPoolExecutor(len(lanes)) as pool:
            try:
                for done in [pool.submit(work, bench) for bench in lanes]:
                    done.result()
            finally:
                if sys.exc_info()[0]:
                    ENDED.set()
        for fault in faults:
            if fault.alone:
                row = row_of(fault, lanes[0])
                keep(row)
                if not row.times:  # it broke off, and may have left a server broken
                    machines.mend()


def row_of(fault: Fault, bench: Bench) -> Row:
    """Run one fault; where the harness itself fails, that is what the row says."""
    try:
        return fault.run(bench)
    except Ended:
        raise
    except Exception as error:  # noqa: BLE001  one that fails never stops the rest
        bench.say(f"{fault.name}: {error!r}")
        traceback.print_exc()
        return Row(fault.name, counts=Counts(findings=[f"the harness failed: {error!r}"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
