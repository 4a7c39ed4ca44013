"""What a stack is asked to do, by partners and by staff; it is remembered, so that the oracle can count."""

import itertools
import uuid
from collections.abc import Sequence
from typing import Any

import requests

from integrations.simulators.keys import Keys
from tests.faults.watched import Watched

_items = itertools.count(700_000_000)


class Asked(Watched):
    """The partners' and the staff's side of HTTP."""

    keys: Keys
    token: str
    urls: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.told: list[int] = []
        self.sightings = 0
        self.to_cancel: list[str] = []
        self.talking: list[str] = []
        self._turn = itertools.count()

    def url(self) -> str:
        """Return a web's address, each in its turn."""
        return self.urls[next(self._turn) % len(self.urls)]

    def post(self, path: str, body: Any, *, key: str, url: str = "", timeout: float = 60.0) -> int:
        """Call a webhook; return the status, or 0 where no answer came."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                headers = {"X-API-Key": key}
                answer = session.post((url or self.url()) + path, json=body, headers=headers, timeout=timeout)
            except requests.RequestException:
                return 0
            return answer.status_code

    def post_job(
        self,
        count: int = 1,
        *,
        job_id: str = "",
        items: Sequence[int] = (),
        url: str = "",
        sure: bool = True,
    ) -> int:
        """Deliver a job of so many new items, as ScraperV2 does, once; return the status (0: no answer).

        Where it is not `sure` to be heard, it counts as told only if we have said that we took it.
        """
        numbers = list(items) or [self.new_item() for _ in range(count)]
        body = {
            "job_id": job_id or a_number(),
            "brands": ["Sony"],
            "matches": [a_match(number) for number in numbers],
        }
        new = [number for number in numbers if number not in self.told]
        self.told += new if sure else []
        self.sightings += len(new)
        path = "/webhooks/scraper/job-complete"
        status = self.post(path, body, key=self.keys.scraper_webhook_key, url=url)
        self.told += new if not sure and 200 <= status < 300 else []
        return status

    def api(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Call the admin API as staff.

        Raises:
            requests.RequestException: no answer came.
        """
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                self.url() + path,
                json=body,
                headers={"Authorization": f"Token {self.token}"},
                timeout=60,
                **options,
            )

    def trigger(self, brand: str = "Sony") -> str:
        """Have staff start a scrape; return our id of it."""
        body = {"brand": brand, "search": f"{brand} cameras"}
        answer = self.api("POST", "/admin/scrape/trigger", body)
        answer.raise_for_status()
        return str(answer.json()["job_id"])

    def move(self, listing_id: str, to_state: str, **told: Any) -> int:
        """Have staff take an arrow; return the status."""
        return self.api(
            "POST", f"/admin/listings/{listing_id}/transition", {"to_state": to_state, **told}
        ).status_code

    def new_item(self) -> int:
        """Return the number of an item that nobody has seen yet."""
        return next(_items)

    def found(self, count: int = 1) -> list[str]:
        """Return the ids of so many new listings, found by one job and waited for."""
        items = [self.new_item() for _ in range(count)]
        self.post_job(items=items)
        urls = [f"https://www.facebook.com/marketplace/item/{item}/" for item in items]
        query = "SELECT id::text FROM listings_productlisting WHERE marketplace_url = ANY(%s) ORDER BY id"
        self.wait(lambda: len(self.sql(query, urls)) == count, 20)
        return [str(row[0]) for row in self.sql(query, urls)]


def a_number() -> str:
    """Return a job's id."""
    return str(uuid.uuid4())


def a_match(item: int) -> dict[str, Any]:
    """Return a match as ScraperV2 sends it, of the item with that number."""
    return {
        "listing": {
            "url": f"https://www.facebook.com/marketplace/item/{item}/?ref=search&tracking=abc%3A{item}",
            "title": f"Sony A6400 no. {item}",
            "price": 400.0,
            "location": "Edinburgh",
        },
        "product": {"id": 230, "brand": "Sony", "model": "a6400", "full_name": "Sony a6400"},
        "confidence": 95.0,
        "reasons": ["Exact model match: 'a6400'"],
        "potential_profit": 100.0,
    }
