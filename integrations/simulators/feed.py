"""The demo's own jobs: the same nine at every first start, then a small new one now and then."""

import logging
from random import Random
from typing import Any

from integrations.simulators.catalogue import BRANDS, CATALOGUE, products_of
from integrations.simulators.market import Item, drawn_uuid, href, match, new_item
from integrations.simulators.scraperv2 import ScraperV2
from integrations.simulators.sightings import cheaper

log = logging.getLogger("simulators")

# Part of every id and price below: with another seed a second start would double the demo.
SEED = "a dozen cameras"

# Brands of each job, how many items it shows for the first time, and how many it shows again.
PLAN: tuple[tuple[tuple[str, ...], int, int], ...] = (
    (("Sony",), 20, 0),
    (("Canon",), 20, 0),
    (("Nikon",), 17, 0),
    (("Fujifilm",), 16, 0),
    (("Olympus",), 14, 0),
    (("Sony", "Canon"), 18, 7),
    (("Nikon", "Fujifilm"), 17, 6),
    (BRANDS, 10, 6),
    (("Sony", "Canon", "Nikon"), 16, 8),
)
# The one whose engine lets through what it can't price, and names every camera that fits.
OLDER_ENGINE = 7
PATIENCE = 30


def demo_jobs() -> list[dict[str, Any]]:
    """Return the webhook bodies of the demo's jobs in order, the same ones at every call."""
    return _plan()[0]


def demo_items() -> list[Item]:
    """Return the items of the demo's jobs at the last price they were seen at."""
    return _plan()[1]


def _plan() -> tuple[list[dict[str, Any]], list[Item]]:
    draw = Random(SEED)
    known: dict[int, Item] = {}
    shown: set[str] = set()
    jobs: list[dict[str, Any]] = []
    for number, (brands, fresh, again) in enumerate(PLAN):
        job_id, tracking = drawn_uuid(draw), drawn_uuid(draw)
        items = _first_seen(draw, list(brands), fresh) + _seen_again(draw, known, list(brands), again)
        known |= {item.id: item for item in items}
        draw.shuffle(items)
        matches = [match(item, _new_href(draw, item, tracking, shown)) for item in items]
        if number == OLDER_ENGINE:
            oddities, odd_items = _oddities(draw, tracking)
            matches += oddities
            known |= {item.id: item for item in odd_items}
        jobs.append({"job_id": job_id, "brands": list(brands), "matches": matches})
    # Two links to one item in one payload: the last job shows its first find twice.
    twice = jobs[-1]["matches"][0]
    url = twice["listing"]["url"].split("?")[0] + "?ref=browse_tab&referral_code=marketplace_top_picks"
    jobs[-1]["matches"].append({**twice, "listing": {**twice["listing"], "url": url}})
    return jobs, list(known.values())


def _first_seen(draw: Random, brands: list[str], count: int) -> list[Item]:
    products = products_of(brands)
    return [new_item(draw, draw.choice(products)) for _ in range(count)]


def _seen_again(draw: Random, known: dict[int, Item], brands: list[str], count: int) -> list[Item]:
    """Return some of what was seen before, every other one cheaper than it was."""
    candidates = [item for item in known.values() if item.product.brand in brands and item.price]
    chosen = draw.sample(candidates, min(count, len(candidates)))
    return [item.at(cheaper(draw, item)) if place % 2 else item for place, item in enumerate(chosen)]


def _new_href(draw: Random, item: Item, tracking: str, shown: set[str]) -> str:
    """Return a link to the item that was not shown before: ScraperV2 passes over one that it knows."""
    url = href(draw, item, tracking)
    while url in shown:
        url = href(draw, item, tracking)
    shown.add(url)
    return url


def _oddities(draw: Random, tracking: str) -> tuple[list[dict[str, Any]], list[Item]]:
    """Return what a buyer's screen must bear: no price, two cameras in one, a price that can't be."""
    cameras = {product.model: product for product in CATALOGUE}
    unpriced = Item(
        draw.randrange(10**14, 10**16), cameras["a7 II"], "Sony A7 II <body> & grip, make me an offer", None
    )
    pair = Item(
        draw.randrange(10**14, 10**16), cameras["EOS 80D"], "Canon EOS 80D and EOS 200D, sold together", 265
    )
    broken = Item(draw.randrange(10**14, 10**16), cameras["D5300"], "Nikon D5300 18-55mm swap only", -1)
    first = match(pair, href(draw, pair, tracking))
    second = match(pair, href(draw, pair, tracking), cameras["EOS 200D"])
    matches = [match(unpriced, href(draw, unpriced, tracking)), first, second]
    return [*matches, match(broken, href(draw, broken, tracking))], [unpriced, pair]


class Feed:
    """Posts the demo's jobs through the real webhook, then goes on finding a few more.

    Takes the simulated ScraperV2 and the seconds between the later, small jobs (0: none).
    """

    def __init__(self, scraper: ScraperV2, every: float = 240.0) -> None:
        self.scraper = scraper
        self.world = scraper.world
        self.every = every
        scraper.standing = demo_items()

    def run(self) -> None:
        """Wait until the orchestrator serves, post every job in order, then go on until the end."""
        log.info("feed: waiting for %s", self.world.orchestrator_url)
        while not self.world.alive():
            if not self.world.pause(1):
                return
        jobs = demo_jobs()
        if not all(self._delivered(job) for job in jobs):
            return
        log.info("feed: %d sample jobs delivered", len(jobs))
        draw = Random()
        while self.every and self.world.pause(self.every):
            self.scraper.start(draw.sample(BRANDS, 2), "mirrorless cameras")

    def _delivered(self, job: dict[str, Any]) -> bool:
        """Return whether the orchestrator took the job; one that can't just now is asked again."""
        for attempt in range(PATIENCE):
            reply = self.scraper.publish(job)
            if 200 <= reply.status < 300:
                return True
            if 400 <= reply.status < 500:
                log.warning("feed: job %s was refused with %d, the feed ends", job["job_id"], reply.status)
                return False
            if not self.world.pause(min(10, 1 + attempt)):
                return False
        log.warning("feed: job %s could not be delivered, the feed ends", job["job_id"])
        return False
