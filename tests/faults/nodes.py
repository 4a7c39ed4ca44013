"""Several nodes at once: beats, relays and workers that know nothing of each other, and clocks that do not agree."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from integrations.simulators import faults
from tests.faults.bench import Bench, Fault, prove, without
from tests.faults.killing import all_at_once, confirm, in_talks
from tests.faults.report import Counts, Row
from tests.faults.stack import Stack

Round = Callable[[Stack], None]
SLOW_SECONDS = 0.3


def rounds(name: str, work: Round) -> Callable[[Bench, Stack, int], list[float]]:
    """Return what works so many times, and waits after each until everything is settled."""

    def act(bench: Bench, stack: Stack, times: int) -> list[float]:
        took = []
        for number in range(times):
            start = time.time()
            work(stack)
            stack.settle(stack.patience)
            took.append(time.time() - start)
            if (number + 1) % 5 == 0:
                bench.say(f"{name}: {number + 1} of {times}")
        return took

    return act


def plan_is_due(stack: Stack) -> None:
    """Have a search plan due, and something overdue, for every beat to find."""
    stack.sql(
        """
        INSERT INTO scraping_searchplan (name, brands, search, times, time_zone, active, created_by, last_result)
        VALUES ('harness', '["Sony"]', 'Sony cameras', '["00:01"]', 'Europe/London', true, 'harness', '')
        ON CONFLICT (name) DO NOTHING
        """
    )
    stack.sql(
        """
        INSERT INTO scraping_searchrun (plan_id, slot_at, status, detail)
        SELECT id, clock_timestamp(), 'waiting', '' FROM scraping_searchplan WHERE name = 'harness'
        """
    )
    done = "SELECT count(*) FROM scraping_searchrun WHERE status = 'waiting'"
    stack.wait(lambda: not stack.number(done), stack.patience)


def much_to_publish(stack: Stack) -> None:
    """Have many events at once, two of them of one listing."""
    talking = in_talks(stack, 2)
    all_at_once(3, lambda number: confirm(stack, talking, 2) if not number else stack.post_job(30))


def much_to_call(stack: Stack) -> None:
    """Have many calls to two partners at once."""
    ids = stack.found(6)
    all_at_once(3, lambda number: [stack.move(each, "MESSAGING") for each in ids[number::3]])
    stack.trigger()


def much_to_call_slowly(stack: Stack) -> None:
    """Have many calls to two partners that take their time, so that two who make the same call meet there."""
    slow = faults.Fault(slow=SLOW_SECONDS)
    stack.sims.chatterbot.faults.switch(replace(slow, outcome="silent"))
    stack.sims.scraperv2.faults.switch(slow)
    much_to_call(stack)


def once_each(counts: Counts) -> Counts:
    """Take what is only repeated for doubled: nobody died, so nothing has a reason to be sent again."""
    counts.doubled += counts.repeated
    return counts


def strictly(bench: Bench, name: str, work: Round, *, protection: str, twin: str, **options: Any) -> Row:
    """Prove it where even a repetition is one too many."""
    act = rounds(name, work)
    options["FAULTS_LEASE"] = "25"  # nobody dies, so nobody waits for one; a busy machine must not end it
    row = prove(
        bench,
        name,
        act,
        protection=protection,
        twin=lambda bench: once_each(without(bench, twin, act, times=4, **options)),
        **options,
    )
    once_each(row.counts)
    return row


def two_beats(bench: Bench) -> Row:
    """Let two beats send every sweep twice."""
    return strictly(
        bench,
        "two beats at once",
        plan_is_due,
        protection="the lock on a search plan",
        twin="no lock on plans",
        beats=2,
        workers=3,
        twins=("slow plans",),
    )


def two_relays(bench: Bench) -> Row:
    """Let three workers' relays go for the same events."""
    return strictly(
        bench,
        "two relays at once",
        much_to_publish,
        protection="the lease of a channel",
        twin="no lease",
        beats=2,
        workers=3,
    )


def two_workers(bench: Bench) -> Row:
    """Let three workers go for the same calls."""
    return strictly(
        bench,
        "two workers at once",
        much_to_call_slowly,
        protection="the lease of a channel",
        twin="no lease",
        beats=2,
        workers=3,
        count_calls=True,
    )


OWN_CLOCK = ("the database's clock", "a clock of one's own")
BROKERS_CLOCK = ("tasks that the broker lets go", "expiry by the worker's clock")


def clock_off(
    name: str,
    nodes: tuple[str, ...],
    seconds: int,
    lacking: tuple[str, str] = OWN_CLOCK,
    **options: Any,
) -> Callable[[Bench], Row]:
    """Return a fault: these nodes' clocks are so many seconds off."""

    def run(bench: Bench) -> Row:
        changes = {f"{node.upper()}__FAULTS_CLOCK": str(seconds) for node in nodes}
        return strictly(
            bench,
            name,
            much_of_all,
            protection=lacking[0],
            twin=lacking[1],
            twins=("slow relay",),
            **{**options, **changes},
        )

    return run


def much_of_all(stack: Stack) -> None:
    """Have events, calls, a scrape and something overdue at once."""
    much_to_publish(stack)
    much_to_call(stack)
    ids = in_talks(stack, 1)
    stack.to_cancel += ids
    stack.sql(
        "UPDATE listings_productlisting SET deadline_at = now() - interval '1 second' WHERE id::text = ANY(%s)",
        ids,
    )


FAULTS = (
    Fault("two beats at once", two_beats),
    Fault("two relays at once", two_relays, short=True),
    Fault("two workers at once", two_workers),
    Fault(
        "clock: a web and a worker five minutes ahead",
        clock_off(
            "clock: a web and a worker five minutes ahead", ("web0", "worker0"), 300, webs=2, workers=2
        ),
    ),
    Fault(
        "clock: the only worker five minutes ahead of beat",
        clock_off("clock: the only worker five minutes ahead of beat", ("worker0",), 300, BROKERS_CLOCK),
    ),
    Fault(
        "clock: a web, a worker and beat five minutes behind",
        clock_off(
            "clock: a web, a worker and beat five minutes behind",
            ("web0", "worker0", "beat0"),
            -300,
            webs=2,
            workers=2,
        ),
    ),
)
