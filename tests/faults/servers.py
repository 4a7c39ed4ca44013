"""RabbitMQ and PostgreSQL broken under the product: stopped, killed, starved, unbound, restarted."""

import threading
import time
from collections.abc import Callable
from typing import Any

from tests.faults.bench import Bench, Fault, prove
from tests.faults.killing import confirm, in_talks
from tests.faults.report import Row
from tests.faults.stack import Stack

# The first outage of a run is the longest: of the ten minutes that are promised, at the pace of `pace`.
LONG_OUTAGE, OUTAGE = 10.0, 1.0
HOLD_SECONDS = 20.0
MORE_THAN_IT_READS = 400  # events: behind them it is deaf
POSTERS = 3
TRIED = (
    "SELECT count(*) FROM integrations_outboxmessage WHERE channel = 'events' AND attempts > 0 AND id > %s"
)


class NotHeld(Exception):
    """Nobody came to the place where the harness waited."""


Break = Callable[[Stack, int], None]


def rounds(name: str, break_it: Break) -> Callable[[Bench, Stack, int], list[float]]:
    """Return what breaks something so many times, and waits after each until everything is settled."""

    def act(bench: Bench, stack: Stack, times: int) -> list[float]:
        recovered = []
        for number in range(times):
            break_it(stack, number)
            mended = time.time()
            stack.settle(stack.patience)
            recovered.append(time.time() - mended)
            if (number + 1) % 5 == 0:
                bench.say(f"{name}: {number + 1} of {times}")
        return recovered

    return act


def work(stack: Stack) -> None:
    """Ask for what makes events and partner calls."""
    stack.post_job(5)
    confirm(stack, stack.talking, len(stack.talking))
    stack.talking = []


def stop_rabbit(stack: Stack, number: int) -> None:
    """Stop RabbitMQ, work on without it, start it again."""
    prepare_talks(stack)
    rabbit = stack.machines.rabbit
    rabbit.stop()
    try:
        work(stack)
        stack.wait(lambda: False, LONG_OUTAGE if not number and not stack.is_twin else OUTAGE)
    finally:
        rabbit.start()


def prepare_talks(stack: Stack) -> None:
    """Have a listing in talks, of which a callback makes two events at once."""
    stack.talking = in_talks(stack, 1)


def kill_rabbit(stack: Stack, number: int) -> None:
    """Kill RabbitMQ as a relay publishes. Every other time it hangs first, so that nothing has reached it."""
    rabbit = stack.machines.rabbit
    poster = come_to_publish(stack, 50)
    try:
        if number % 2 == 0:
            rabbit.freeze()
        stack.release()
        stack.wait(lambda: False, 0.4 if number % 2 == 0 else 0.02)
        rabbit.kill()
    finally:
        poster.join()
        rabbit.start()


def come_to_publish(stack: Stack, items: int) -> threading.Thread:
    """Have a job come in, and a relay wait just before it publishes what came of it; return who delivers the job."""
    stack.arm("relay-about-to-publish")
    poster = threading.Thread(target=stack.post_job, args=(items,))
    poster.start()
    if not stack.wait(stack.held, HOLD_SECONDS):
        poster.join()
        raise NotHeld("no relay came to publish")
    return poster


def fill_disk(stack: Stack, number: int) -> None:
    """Let RabbitMQ think its disk full as a relay publishes. Every tenth time that ends with a killed broker."""
    prepare_talks(stack)
    rabbit, last = stack.machines.rabbit, number % 10 == 0
    poster = come_to_publish(stack, MORE_THAN_IT_READS if last else 50)
    try:
        rabbit.disk_alarm(True)
        stack.release()
        work(stack)
        stack.wait(lambda: False, OUTAGE)
    finally:
        stack.release()
        poster.join()
        if last:
            rabbit.kill()
            rabbit.start()  # which ends the alarm
        else:
            rabbit.disk_alarm(False)


def unbind(stack: Stack, number: int) -> None:
    """Take every binding away, work, and bind again."""
    prepare_talks(stack)
    before = stack.number("SELECT coalesce(max(id), 0) FROM integrations_outboxmessage")
    stack.bind(on=False)
    try:
        work(stack)
        # On a busy machine the relay comes to it late, and there must be something to lose.
        stack.wait(lambda: stack.number(TRIED, before), HOLD_SECONDS)
        stack.wait(lambda: False, OUTAGE)
    finally:
        stack.bind()


def crash_postgres(stack: Stack, number: int) -> None:
    """Restart PostgreSQL as after a power cut, while jobs come in and staff act."""
    ended, answers = threading.Event(), []

    def post() -> None:
        while not ended.is_set():
            # ScraperV2 does not call again; only what we have taken is promised.
            answers.append(stack.post_job(2, sure=False))

    posters = [threading.Thread(target=post) for _ in range(POSTERS)]
    try:
        with stack.machines.postgres.about_to_crash():
            for poster in posters:
                poster.start()
            stack.wait(lambda: False, 1.0)
            # On a busy machine longer, so that there is something to lose.
            stack.wait(lambda: len(answers) >= 2 * POSTERS, HOLD_SECONDS)
        stack.machines.postgres.start()
        stack.wait(lambda: False, 0.5)
    finally:
        ended.set()
        for poster in posters:
            poster.join()


def _fault(
    name: str, break_it: Break, protection: str, twin: str, *, short: bool = False, **options: Any
) -> Fault:
    def run(bench: Bench) -> Row:
        act = rounds(name, break_it)
        return prove(bench, name, act, protection=protection, twin=twin, workers=2, **options)

    return Fault(name, run, short=short)


FAULTS = (
    _fault("RabbitMQ: stopped for ten minutes", stop_rabbit, "the outbox", "no outbox"),
    _fault("RabbitMQ: killed in a publish", kill_rabbit, "publisher confirms", "no confirms"),
    _fault("RabbitMQ: under a disk alarm", fill_disk, "publisher confirms", "no confirms", FAULTS_LEASE="20"),
    _fault("RabbitMQ: all bindings gone", unbind, "mandatory publishing", "not mandatory", short=True),
    _fault(
        "PostgreSQL: restarted `-m immediate` under load",
        crash_postgres,
        "a commit that waits for the disk",
        "commits do not wait",
        short=True,
    ),
)
