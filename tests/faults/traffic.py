"""What reaches the product on a busy day: jobs, callbacks, sales and staff, as a stream of calls.

Each camera goes its way by the calls of those who move it: Chatterbot, staff's
programs, eBayLister. Between them come jobs with new items and with such as
were seen before, and staff look at lists, listings and histories.
"""

import itertools
import random
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.faults.stack import Stack, a_match

LARGEST_JOB = 50
LISTS = (
    "state=FOUND&limit=50",
    "state=FOUND&brand=sony&ordering=-estimated_profit&limit=20",
    "limit=50&offset=100",
    "q=a6400&limit=20",
    "needs_attention=true&limit=20",
    "state=SOLD&min_profit=10&limit=50",
)
# The way of one camera, and who calls: a webhook's path, or the state that staff move it to.
WAY = (
    "chatterbot/message-sent",
    "chatterbot/seller-replied",
    "chatterbot/deal-confirmed",
    "RECEIVED",
    "LISTED",
    "ebay/item-sold",
)
# In twenty calls of each kind.
WEBHOOKS = ["job"] * 4 + list(WAY[:3]) * 4 + ["ebay/item-sold"] * 4
API = ["RECEIVED"] * 4 + ["LISTED"] * 4 + ["list"] * 6 + ["listing"] * 3 + ["history"] * 3


@dataclass
class Call:
    """One call: what it is called in the figures, where it goes, what it carries, and its camera if it moves one."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any = None
    camera: str = ""
    items: tuple[int, ...] = ()


class Traffic:
    """Makes calls, and learns from their answers which cameras there are. Any thread may use it."""

    def __init__(self, stack: Stack, seed: int = 1) -> None:
        self._stack, self._draw = stack, random.Random(seed)
        self._lock = threading.Lock()
        self._ready: dict[str, deque[str]] = {step: deque() for step in WAY}
        self._known: deque[str] = deque(maxlen=500)
        self._seen: set[str] = set()
        self._items: deque[int] = deque(maxlen=2000)
        self._numbers = itertools.count(1)
        keys = stack.keys
        self._keys = {"chatterbot": keys.chatterbot_webhook_key, "ebay": keys.ebay_webhook_key}
        self._staff = {"Authorization": f"Token {stack.token}"}

    def webhooks(self) -> Iterator[Call]:
        """Make the partners' calls, for ever."""
        while True:
            for name in self._draw.sample(WEBHOOKS, len(WEBHOOKS)):
                yield self.job() if name == "job" else self._step(name) or self.job()

    def api(self) -> Iterator[Call]:
        """Make the calls of staff and their programs, for ever."""
        while True:
            for name in self._draw.sample(API, len(API)):
                yield (self._step(name) if name in WAY else None) or self._look(name)

    def job(self, size: int = 0) -> Call:
        """Make a job, of 1 to 50 matches: about half of them new, the others seen before at another price."""
        draw, size = self._draw, size or min(LARGEST_JOB, 1 + int(self._draw.expovariate(1 / 12)))
        with self._lock:
            old = draw.sample(list(self._items), min(size // 2, len(self._items)))
            new = [self._stack.new_item() for _ in range(size - len(old))]
            self._items += new
            self._stack.sightings += size  # at the most: what was not answered may have been taken in
        matches = [a_match(item) for item in new + old]
        for match in matches[len(new) :]:
            match["listing"]["price"] = float(draw.randrange(300, 500))
        body = {"job_id": str(uuid.uuid4()), "brands": ["Sony"], "matches": matches}
        key = {"X-API-Key": self._stack.keys.scraper_webhook_key}
        return Call("job", "POST", "/webhooks/scraper/job-complete", key, body, items=tuple(new + old))

    def answered(self, call: Call, status: int, answer: Any) -> None:
        """Learn from an answer: a camera has moved, new ones are there, a job was taken in."""
        with self._lock:
            if call.name == "job" and 200 <= status < 300:
                self._stack.told += call.items
            elif call.camera and status == 200:
                after = WAY.index(call.name) + 1
                if after < len(WAY):
                    self._ready[WAY[after]].append(call.camera)
            elif call.name == "list" and status == 200:
                for each in answer["listings"]:
                    if each["state"] == "FOUND" and each["id"] not in self._seen:
                        self._seen.add(each["id"])
                        self._known.append(each["id"])
                        self._ready[WAY[0]].append(each["id"])

    def _step(self, name: str) -> Call | None:
        """Move a camera one step on; None where none stands there."""
        with self._lock:
            if not self._ready[name]:
                return None
            camera, number = self._ready[name].popleft(), next(self._numbers)
        if name in ("RECEIVED", "LISTED"):
            body: dict[str, Any] = {"to_state": name, "reason": "load"}
            if name == "LISTED":
                body |= {"ebay_listing_id": f"load-{number}", "ebay_asking_price": "500.00"}
            path = f"/admin/listings/{camera}/transition"
            return Call(name, "POST", path, self._staff, body, camera)
        partner = name.partition("/")[0]
        body = {"listing_id": camera}
        if name == "chatterbot/deal-confirmed":
            body |= {"agreed_price": "350.00", "shipping_cost": "4.50"}
        if partner == "ebay":
            body = {"sku": camera, "sold_price": "500.00", "ebay_fees": "60.10", "order_id": f"load-{number}"}
        return Call(name, "POST", f"/webhooks/{name}", {"X-API-Key": self._keys[partner]}, body, camera)

    def _look(self, name: str) -> Call:
        with self._lock:
            known = self._draw.choice(list(self._known)) if self._known else ""
        if name in ("listing", "history") and known:
            path = f"/admin/listings/{known}" + ("/history" if name == "history" else "")
            return Call(name, "GET", path, self._staff)
        return Call("list", "GET", f"/admin/listings?{self._draw.choice(LISTS)}", self._staff)
