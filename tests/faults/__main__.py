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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.faults.bench import Bench, Fault
from tests.faults.catalogue import FAULTS
from tests.faults.guard import guarded
from tests.faults.machines import ENDED, Ended, Machines, NotThere, port_mapper
from tests.faults.report import Counts, Row, load, now, save, table, write
from tests.faults.stack import make_template

LANES = 3


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
        row.run = now()
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
        write(rows, [fault.name for fault in FAULTS if not (fault.name in found and found[fault.name].times)])
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
    """Run the faults: on lanes beside each other, each with servers of its own; then one by one what is measured."""
    queue, lock = [fault for fault in faults if not fault.alone], threading.Lock()
    count = max(1, min(LANES, len(queue)))

    def work(opened: ExitStack) -> Bench:
        bench = Bench(*opened.enter_context(lane()), times, short)
        while not ENDED.is_set():
            with lock:
                if not queue:
                    break
                fault = queue.pop(0)
            row = row_of(fault, bench)
            with lock:
                keep(row)
        return bench

    with port_mapper(), ExitStack() as opened:
        with ThreadPoolExecutor(count) as pool:
            try:
                benches = [done.result() for done in [pool.submit(work, opened) for _ in range(count)]]
            finally:
                if sys.exc_info()[0]:
                    ENDED.set()
        for fault in faults:
            if fault.alone:
                keep(row_of(fault, benches[0]))


@contextmanager
def lane() -> Iterator[tuple[Machines, str]]:
    """Start servers and migrate a database that is copied for each stack; give them and the token of its staff."""
    with Machines() as machines, tempfile.TemporaryDirectory(prefix="aetos-faults-template-") as folder:
        yield machines, make_template(machines, Path(folder))


def row_of(fault: Fault, bench: Bench) -> Row:
    """Run one fault; where the harness itself fails, that is what the row says."""
    try:
        return fault.run(bench)
    except Ended:
        raise
    except Exception as error:  # noqa: BLE001  one that fails never stops the rest
        bench.say(f"{fault.name}: {error!r}")
        traceback.print_exc()
        bench.machines.mend()  # it may have left a server broken
        return Row(fault.name, counts=Counts(findings=[f"the harness failed: {error!r}"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
