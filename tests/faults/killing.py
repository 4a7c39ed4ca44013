"""Processes killed in the middle of what they do: web, worker, relay, beat, each at every place that matters."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.faults.asked import a_number
from tests.faults.bench import Bench, Fault, prove, settled
from tests.faults.report import Counts, Row
from tests.faults.stack import Stack

DEATH_SECONDS, FIRST_SECONDS, ATTEMPTS = 20.0, 5.0, 4
Prepared = list[str]


class NotHit(Exception):
    """Nobody passed the point that was armed: the scenario does not do what it says."""


@dataclass(frozen=True)
class Kill:
    """One place to die at: which points, what leads there, and which twin lacks the protection."""

    name: str
    points: tuple[str, ...]
    provoke: Callable[[Stack, Prepared, int], None]
    protection: str
    twin: str
    nodes: dict[str, Any]
    each_round: int = 1
    prepare: Callable[[Stack, int], Prepared] = field(default=lambda stack, count: [])
    short: bool = False

    def act(self, bench: Bench, stack: Stack, times: int) -> list[float]:
        """Die so many times, in rounds; wait after each until everything is settled again."""
        recovered = []
        while (dead := len(stack.deaths())) < times:
            count = min(self.each_round, times - dead)
            prepared = self.prepare(stack, count)
            for number in range(count):
                stack.arm(self.points[number % len(self.points)])
            # Once more where it passed by: a relay that was still at work, say, has claimed nothing anew.
            for _ in range(ATTEMPTS):
                self.provoke(stack, prepared, count)
                if stack.wait(lambda dead=dead: len(stack.deaths()) > dead, DEATH_SECONDS):
                    break
            else:
                raise NotHit(f"{self.name}: nobody died at {', '.join(self.points)}")
            stack.settle(stack.patience)
            recovered.append(time.time() - stack.deaths()[-1])
            stack.disarm()
            if len(recovered) % 5 == 0:
                bench.say(f"{self.name}: {len(stack.deaths())} of {times}")
        return recovered

    def run(self, bench: Bench) -> Row:
        """Do it, and its twin."""
        return prove(bench, self.name, self.act, protection=self.protection, twin=self.twin, **self.nodes)


# ---- what leads to the points -------------------------------------------------------------------


def all_at_once(count: int, act: Callable[[int], Any]) -> None:
    """Do so many things at the same time."""
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(act, number) for number in range(count)]:
            done.result()


def scrape(stack: Stack, prepared: Prepared, count: int) -> None:
    """Have staff start scrapes, which ScraperV2 will call about."""

    def trigger(number: int) -> None:
        with suppress(requests.RequestException):  # the web may die under it, too
            stack.trigger()

    all_at_once(count, trigger)


def deliver(stack: Stack, prepared: Prepared, count: int) -> None:
    """Deliver jobs that nobody asked for, once, each to a web of its own."""
    all_at_once(count, lambda number: stack.post_job(3, url=stack.urls[number % len(stack.urls)]))


def deliver_until_answered(stack: Stack, prepared: Prepared, count: int) -> None:
    """Deliver jobs as a partner does that tries again until it is answered."""

    def insist(number: int) -> None:
        job_id, items = a_number(), [stack.new_item() for _ in range(3)]
        url = stack.urls[number % len(stack.urls)]
        for _ in range(5):
            if 200 <= stack.post_job(job_id=job_id, items=items, url=url) < 500:
                return

    all_at_once(count, insist)


def found(stack: Stack, count: int) -> Prepared:
    """Have listings there."""
    return stack.found(count)


def message_and_scrape(stack: Stack, prepared: Prepared, count: int) -> None:
    """Have staff start a scrape and message sellers: two partners are called by two workers."""
    dead = len(stack.deaths())
    stack.trigger()
    # The scrape's call is the first to die: a message's would be known again by its listing, and prove nothing.
    stack.wait(lambda: len(stack.deaths()) > dead, FIRST_SECONDS)
    for listing_id in prepared[: max(1, count - 1)]:
        stack.move(listing_id, "MESSAGING")


def in_talks(stack: Stack, count: int) -> Prepared:
    """Have listings there whose sellers were messaged."""
    ids = stack.found(count)
    for listing_id in ids:
        stack.move(listing_id, "MESSAGING")
    stack.settle(stack.patience)
    return ids


def confirm(stack: Stack, prepared: Prepared, count: int) -> None:
    """Have Chatterbot confirm deals: two arrows, and so two events of one listing at once."""
    for listing_id in prepared:
        body = {"listing_id": listing_id, "agreed_price": "350.00"}
        stack.post("/webhooks/chatterbot/deal-confirmed", body, key=stack.keys.chatterbot_webhook_key)


def overdue(stack: Stack, prepared: Prepared, count: int) -> None:
    """Let the sellers' time run out."""
    stack.to_cancel += prepared
    stack.sql(
        "UPDATE listings_productlisting SET deadline_at = now() - interval '1 second' WHERE id::text = ANY(%s)",
        prepared,
    )


# ---- beat ---------------------------------------------------------------------------------------


def beat_is_killed(bench: Bench) -> Row:
    """Kill beat as it sends a sweep, where nothing but its sweeps moves anything."""
    kill = Kill("beat: in a sweep", ("beat-sending",), deliver, "anybody to start it again", "", {})

    def stays_dead(bench: Bench) -> Counts:
        with bench.stack(twins=("no nudges",)) as stack:
            stack.node("beat0").wanted, stack.patience = False, 4.0
            kill.act(bench, stack, 1)
            return settled(stack, audit=False)

    return prove(
        bench, kill.name, kill.act, protection=kill.protection, twin=stays_dead, twins=("no nudges",)
    )


WEBS: dict[str, Any] = {"webs": 3}
WORKERS: dict[str, Any] = {"workers": 3}
KILLS = (
    Kill(
        "web: after authentication",
        ("web-authenticated",),
        scrape,
        "asking for overdue jobs",
        "nobody asks",
        {"web_workers": 3},
        each_round=4,
    ),
    Kill(
        "web: after the inbox commit",
        ("web-kept",),
        deliver,
        "the inbox row",
        "no inbox",
        WEBS,
        each_round=3,
        short=True,
    ),
    Kill(
        "web: in the ingest",
        ("web-in-ingest",),
        deliver,
        "one transaction",
        "ingest commits as it goes",
        WEBS,
        each_round=3,
    ),
    Kill(
        "web: before the commit",
        ("web-before-commit",),
        deliver,
        "the outbox",
        "published inside",
        WEBS,
        each_round=3,
    ),
    Kill(
        "web: before the answer",
        ("web-before-answer",),
        deliver_until_answered,
        "the job's digest",
        "no digest",
        WEBS,
        each_round=3,
    ),
    Kill(
        "worker: before the partner call",
        ("worker-before-call",),
        message_and_scrape,
        "marking after the call",
        "marked before the call",
        WORKERS,
        each_round=2,
        prepare=found,
    ),
    Kill(
        "worker: after the partner call",
        ("worker-after-call",),
        message_and_scrape,
        "looking before calling again",
        "nobody looks",
        WORKERS,
        each_round=2,
        prepare=found,
        short=True,
    ),
    Kill(
        "worker: before the commit",
        ("worker-before-commit-job", "worker-before-commit"),
        message_and_scrape,
        "calling outside the transaction",
        "call in a transaction",
        WORKERS,
        each_round=2,
        prepare=found,
    ),
    Kill(
        "worker: before the acknowledgement",
        ("worker-before-ack",),
        deliver,
        "marking call by call",
        "marked with the acknowledgement",
        {**WORKERS, "telegram": True},
    ),
    Kill(
        "relay: after its claim",
        ("relay-claimed",),
        deliver,
        "the end of a lease",
        "lease for ever",
        WORKERS,
    ),
    Kill(
        "relay: after a publish",
        ("relay-published",),
        deliver,
        "marking after the confirm",
        "marked before publishing",
        WORKERS,
        short=True,
    ),
    Kill(
        "relay: after the confirm",
        ("relay-confirmed",),
        deliver,
        "the event's own id",
        "a new id each time",
        WORKERS,
    ),
    Kill(
        "relay: after the mark",
        ("relay-marked",),
        confirm,
        "marking one wave at a time",
        "marked by the batch",
        WORKERS,
        prepare=in_talks,
    ),
    Kill(
        "worker: in the sweep of what is overdue",
        ("sweep-cancelling",),
        overdue,
        "one transaction for listing, log and call",
        "claimed before the work",
        WORKERS,
        prepare=lambda stack, count: in_talks(stack, 3),
    ),
)
FAULTS = (
    *(Fault(kill.name, kill.run, short=kill.short) for kill in KILLS),
    Fault("beat: in a sweep", beat_is_killed),
)
