"""Partners that fail, each in every way: while it lasts all waits, and afterwards each record is there once.

All four fail at the same time, each called for something of its own: a lead, a
camera on eBay, a scrape, a message in the chat.
"""

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from PIL import Image

from integrations.simulators import faults
from integrations.simulators.partner import Partner
from tests.faults.bench import Bench, Fault, prove
from tests.faults.killing import all_at_once
from tests.faults.report import Row
from tests.faults.stack import Stack

PARTNERS = 4
ROUNDS = 5  # of each, at the most: in a round each of the four fails to answer a call of its own
LOST_ANSWERS = 50
MEET_SECONDS = 60.0
# The product waits seconds for a partner; here it is told to wait one.
IMPATIENT: dict[str, Any] = {"telegram": True, "workers": 2, "FAULTS_IMPATIENT": "1"}
TO_PURCHASED = ("MESSAGING", "NEGOTIATING", "PURCHASED")
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Kind:
    """One way to fail. `fault` is what the simulated partners are told; `protection` and `twin` as in `prove`."""

    name: str
    fault: dict[str, Any]
    protection: str = "asking again"
    twin: str = "asked once"
    hold: float = 1.5
    short: bool = False

    def act(self, bench: Bench, stack: Stack, times: int) -> list[float]:
        """Let all partners fail, ask each for something, and let the fault end; return each recovery's seconds."""
        first, *cameras = received(stack, min(times, ROUNDS) + 1)
        recovered = []
        # So that there is an earlier answer, which can be mixed up with that to a later call.
        stack.move(first, "LISTED", ebay_asking_price="500.00")
        for camera in cameras:
            listing = self._prepared(stack)
            before = [partner.counts["requests"] for partner in called(stack)]
            switch(stack, **self.fault)
            stack.trigger()
            stack.move(listing, "MESSAGING")
            stack.move(camera, "LISTED", ebay_asking_price="500.00")
            stack.wait(lambda before=before: all_met(stack, before), MEET_SECONDS)
            time.sleep(self.hold)
            switch(stack)
            ended = time.monotonic()
            stack.settle(stack.patience)
            recovered.append(time.monotonic() - ended)
        return recovered

    def _prepared(self, stack: Stack) -> str:
        (listing,) = stack.found(1)
        stack.settle(stack.patience)
        return listing

    def run(self, bench: Bench) -> Row:
        """Do it, and its twin."""
        row = prove(
            bench, f"partners: {self.name}", self.act, protection=self.protection, twin=self.twin, **IMPATIENT
        )
        row.times = len(row.recovered) * PARTNERS
        return row


def called(stack: Stack) -> list[Partner]:
    """Return the four."""
    sims = stack.sims
    return [sims.chatterbot, sims.ebaylister, sims.scraperv2, sims.telegram]


def switch(stack: Stack, **fault: Any) -> None:
    """Let all four fail so, or work again; nothing is replied, sold or told by itself."""
    quiet = {"chatterbot": "silent", "ebaylister": "unsold"}
    for partner in called(stack):
        partner.faults.switch(faults.Fault(**fault, outcome=quiet.get(partner.name, "")))


def all_met(stack: Stack, before: list[int]) -> bool:
    """Say whether each has been called since."""
    return all(
        partner.counts["requests"] > count for partner, count in zip(called(stack), before, strict=True)
    )


def purchased(stack: Stack, count: int) -> list[str]:
    """Return so many cameras that were bought, with all that this caused done."""
    ids = stack.found(count)
    for state in TO_PURCHASED:
        all_at_once(min(8, count), partial(every, ids, lambda pk, state=state: stack.move(pk, state)))
        stack.settle(stack.patience)
    return ids


def received(stack: Stack, count: int) -> list[str]:
    """Return so many cameras that were bought and photographed, with all that this caused done."""
    ids = purchased(stack, count)
    all_at_once(min(8, count), partial(every, ids, lambda pk: upload(stack, pk)))
    stack.settle(stack.patience)
    return ids


def every(ids: list[str], act: Any, number: int) -> None:
    """Do something with every eighth of the listings, from that number on."""
    for pk in ids[number::8]:
        act(pk)


def upload(stack: Stack, listing_id: str, *, width: int = 64) -> Any:
    """Upload a photo as staff; return the answer."""
    picture = io.BytesIO()
    Image.effect_noise((width, width), 90).convert("RGB").save(picture, "JPEG", quality=95)
    files = {"photos": ("a.jpg", picture.getvalue(), "image/jpeg")}
    return stack.api("POST", f"/admin/listings/{listing_id}/photos", files=files)


# ---- fifty lost answers -------------------------------------------------------------------------


def lose_answers(bench: Bench, stack: Stack, times: int) -> list[float]:
    """Let the answers to fifty calls that did their work be lost, at the partners that can be asked afterwards."""
    count = LOST_ANSWERS if times > 2 else 4
    cameras, listings = received(stack, count), stack.found(count)
    stack.settle(60)
    for partner in called(stack)[:3]:
        quiet = {"chatterbot": "silent", "ebaylister": "unsold", "scraperv2": "no_listings"}[partner.name]
        fault = faults.Fault(drop_answer=True, on="POST", times=count, outcome=quiet)
        partner.faults.switch(fault)
    start = time.monotonic()
    for number in range(count):
        stack.move(listings[number], "MESSAGING")
        stack.move(cameras[number], "LISTED", ebay_asking_price="500.00")
    for _ in range(count):
        stack.trigger()
    stack.wait(lambda: not any(lossy(stack)), 180)
    bench.say(f"partners: {3 * count} answers lost")
    switch(stack)
    stack.settle(60)
    return [time.monotonic() - start]


def lossy(stack: Stack) -> Iterator[bool]:
    """Say of each partner whether answers are still to be lost."""
    return (bool(partner.faults.shown().get("drop_answer")) for partner in called(stack)[:3])


def answers_lost(bench: Bench) -> Row:
    """Do it, and its twin."""
    name = "partners: answer lost after the commit"
    options = {"workers": 2, "FAULTS_IMPATIENT": "1"}
    row = prove(
        bench,
        name,
        lose_answers,
        protection="names that a repeated call keeps",
        twin="a new name each time",
        **options,
    )
    row.times = 3 * (LOST_ANSWERS if bench.times > 2 else 4)
    row.recovered = []
    return row


KINDS = (
    Kind("down", {"status": 503}),
    # What they were asked for they do in the end, though nobody waits for the answer any more.
    Kind("slower than we wait", {"slow": 2.5}, hold=4.0, short=True),
    Kind("HTML with 200", {"garbage": True}),
    Kind("an empty answer", {"empty": True}),
    Kind("a redirect", {"redirect": True}, twin="a redirect is final"),
    Kind("50 MB", {"huge": 50 * MEGABYTE}),
    Kind("a byte a second", {"drip": 1.0}, "an end to waiting", "waits for ever"),
    Kind("another one's answer", {"mixed_up": True}, twin="a number that is taken is final"),
)
FAULTS = (
    *(Fault(f"partners: {kind.name}", kind.run, short=kind.short) for kind in KINDS),
    Fault("partners: answer lost after the commit", answers_lost),
)
