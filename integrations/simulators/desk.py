"""The owner's desk: what the demo's owner sees and does through the admin API, with a token of their own."""

import json
import logging
from collections.abc import Sequence
from typing import Any

import requests

from integrations.simulators.world import Reply, World

log = logging.getLogger("simulators")

MOST = 200


class Desk:
    """Takes the world and a staff user's token, which goes into no log and no memory; without one nobody is there."""

    def __init__(self, world: World, token: str) -> None:
        self.world = world
        self.token = token

    def listings(self, state: str) -> list[dict[str, Any]]:
        """Take a state, return its newest listings, or none where the orchestrator can't say just now."""
        return self._page({"state": state, "limit": MOST})

    def found(self, text: str) -> dict[str, Any] | None:
        """Take a part of a listing's link, return the listing, or None where it is not known (yet)."""
        return next(iter(self._page({"q": text, "limit": 1})), None)

    def ledger(self, listing_id: str) -> dict[str, Any] | None:
        """Take a listing, return what was booked by kind, or None where the orchestrator can't say just now."""
        reply = self.ask("GET", f"/{listing_id}/ledger")
        return dict(json.loads(reply.text)["totals"]) if reply.status == 200 else None

    def upload(self, listing_id: str, pictures: Sequence[bytes]) -> Reply:
        """Take a listing and its pictures, add them as photos, return the reply."""
        files = [("photos", (f"{number}.jpg", each, "image/jpeg")) for number, each in enumerate(pictures)]
        return self.ask("POST", f"/{listing_id}/photos", files=files)

    def ask(self, method: str, path: str = "", **content: Any) -> Reply:
        """Take a method, a path below the listings' and what goes along, return the reply; 0 where none came."""
        url = f"{self.world.orchestrator_url}/admin/listings{path}"
        with requests.Session() as session:
            session.trust_env = False  # as in World.post: netrc would replace the token
            try:
                answer = session.request(
                    method, url, headers={"Authorization": f"Token {self.token}"}, timeout=30, **content
                )
            except requests.RequestException as error:
                log.info("owner: orchestrator not reached (%s)", type(error).__name__)
                return Reply(0)
        return Reply(answer.status_code, answer.text)

    def _page(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        reply = self.ask("GET", params=asked)
        listings: list[dict[str, Any]] = json.loads(reply.text)["listings"] if reply.status == 200 else []
        return listings
