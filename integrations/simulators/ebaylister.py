"""eBayLister: puts a camera on eBay once per sku, and calls when it has sold."""

import logging
import re
from dataclasses import asdict
from typing import Any

from integrations.simulators.faults import NONE, Fault
from integrations.simulators.partner import Partner, readable
from integrations.simulators.sales import OUTCOMES, Offer, listed, rejected, sale_body, validated
from integrations.simulators.wire import JSON, Answer, Request, Unreadable, compact, same_key
from integrations.simulators.world import World

log = logging.getLogger("simulators")

WEBHOOK = "/webhooks/ebay/item-sold"
ONE = re.compile(r"/listings/([^/]+)")
ATTEMPTS = 5


class EbayLister(Partner):
    """Keeps offers and sells them. Outcomes for `_faults`: sold, late_fee, unsold, rejected.

    A sku is listed once: the same call again answers 200 with what was made the first time. An
    Idempotency-Key that comes back with another body is refused. A film camera whose description
    names no Film Format is refused too; with the outcome "rejected" everything is one.
    """

    name = "ebaylister"
    outcomes = OUTCOMES

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.offers: dict[str, Offer] = {}
        self.used_keys: dict[str, Any] = {}

    @property
    def listings(self) -> list[Offer]:
        """Return the offers in the order they were made."""
        with self.lock:
            return list(self.offers.values())

    def route(self, request: Request, fault: Fault) -> Answer:
        """Take a request, return the answer of the API."""
        path = request.path.rstrip("/")
        found = ONE.fullmatch(path)
        if path == "/health" and request.method == "GET":
            return compact(200, {"status": "ok"})
        if path != "/listings" and not found:
            return compact(404, {"detail": "Not Found"})
        if request.method not in (("GET", "PATCH", "DELETE") if found else ("GET", "POST")):
            return compact(405, {"detail": "Method Not Allowed"})
        if not same_key(request.bearer(), self.world.keys.ebay_api_key):
            return compact(401, {"detail": "Invalid API key"})
        if found:
            return self._one(found[1], request)
        if request.method == "GET":
            sku = request.arguments.get("sku")
            shown = [offer.shown() for offer in self.listings if sku in (None, offer.sku)]
            return compact(200, {"listings": shown})
        return self._create(request, fault)

    def act(self, order: dict[str, Any]) -> dict[str, Any]:
        """Take `{"act": "item-sold", "listing_id" or "sku": …}`, call the orchestrator with a sale.

        Further members replace those of the body; with `"body"` that is sent as it is. Return the
        reply's status and answer, and what was sent.
        """
        if order.get("act") != "item-sold":
            raise ValueError("act is item-sold")
        if "body" in order:
            return self._send(order["body"])
        offer = self.offer(str(order.get("listing_id") or order.get("sku")))
        changes = {name: value for name, value in order.items() if name not in ("act", "listing_id", "sku")}
        body = {**sale_body(offer, with_fee=True), **changes}
        with self.lock:
            offer.sells(body)
        return self._send(body)

    def offer(self, number: str) -> Offer:
        """Take eBay's number or the sku, return the offer; raise ValueError where there is none."""
        for offer in self.listings:
            if number in (offer.listing_id, offer.sku):
                return offer
        raise ValueError("no such listing")

    def kept(self) -> dict[str, Any]:
        """Return every offer with what will become of it."""
        return {"listings": [asdict(offer) for offer in self.offers.values()]}

    def forget(self) -> None:
        """Forget the offers and the keys used."""
        self.offers.clear()
        self.used_keys.clear()

    def remembered(self) -> Any:
        """Return the offers."""
        return [asdict(offer) for offer in self.listings]

    def recall(self, kept: Any) -> None:
        """Take the offers of an earlier run; what is not sold yet still may be, and a late fee still comes."""
        for values in kept:
            offer = Offer(**values)
            with self.lock:
                self.offers[offer.sku] = offer
            self._expect(offer, NONE)

    def _create(self, request: Request, fault: Fault) -> Answer:
        """Answer POST /listings."""
        content = _content(request)
        if isinstance(content, Answer):
            return content
        problems = validated(content) or rejected(content, forced=fault.outcome == "rejected")
        if problems:
            return compact(422, {"detail": problems})
        key = request.headers.get("idempotency-key", "")
        with self.lock:
            if key and self.used_keys.setdefault(key, content) != content:
                return compact(422, {"detail": {"Idempotency-Key": ["Used before, with another body."]}})
            offer = self.offers.get(content["sku"])
            if offer:
                return compact(200, offer.created())
            offer = listed(content, fault.outcome)
            self.offers[offer.sku] = offer
        log.info("ebaylister: listing %s made, %s %s", offer.listing_id, offer.brand, offer.model)
        self._expect(offer, fault)
        return compact(201, offer.created())

    def _expect(self, offer: Offer, fault: Fault) -> None:
        """Let an offer sell when its time comes, if it is to sell at all, or its fee follow the sale."""
        if offer.status == "sold":
            self._expect_fee(offer)
        elif offer.outcome != "unsold":
            self.follow(fault, offer.sells_after, lambda: self._sell(offer, fault))

    def _one(self, listing_id: str, request: Request) -> Answer:
        """Answer the calls about one listing."""
        with self.lock:
            offer = next((offer for offer in self.offers.values() if offer.listing_id == listing_id), None)
            if offer is None:
                return compact(404, {"detail": "Not Found"})
            if request.method == "GET":
                return compact(200, offer.shown())
            if offer.status == "sold":
                return compact(409, {"detail": "The item has sold."})
            if request.method == "DELETE":
                offer.status = "ended"
                return Answer(204)
            return self._change(offer, request)

    def _change(self, offer: Offer, request: Request) -> Answer:
        content = _content(request)
        if isinstance(content, Answer):
            return content
        problems = validated(content, whole=False)
        if problems:
            return compact(422, {"detail": problems})
        if offer.status == "ended":
            return compact(409, {"detail": "The listing has ended."})
        offer.change(content)
        return compact(200, offer.shown())

    def _sell(self, offer: Offer, fault: Fault) -> None:
        with self.lock:
            if self.offers.get(offer.sku) is not offer or offer.status != "active":
                return
            body = sale_body(offer, with_fee=offer.outcome == "sold")
            offer.sells(body)
        self._send(body, attempts=ATTEMPTS, twice=fault.callback_twice)
        self._expect_fee(offer)

    def _expect_fee(self, offer: Offer) -> None:
        """Let the fee follow where eBay's came after the order: the same sale is told again, now with it."""
        if offer.outcome == "late_fee" and offer.sale and "ebay_fees" not in offer.sale:
            self.world.later(offer.fee_after, lambda: self._tell_fee(offer))

    def _tell_fee(self, offer: Offer) -> None:
        whole = sale_body(offer, with_fee=True)
        with self.lock:
            offer.sells(whole)
        self._send(whole, attempts=ATTEMPTS)

    def _send(self, body: Any, *, attempts: int = 1, twice: bool = False) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.world.keys.ebay_webhook_key}"}
        reply = self.call(WEBHOOK, body, headers, attempts=attempts, twice=twice)
        return {"status": reply.status, "answer": readable(reply.text), "sent": body}


def _content(request: Request) -> Any:
    """Return the request's object, or the Answer that refuses it."""
    if request.content_type != JSON:
        return compact(415, {"detail": "application/json is expected."})
    try:
        content = request.json()
    except Unreadable:
        return compact(400, {"detail": "The body is not JSON."})
    if not isinstance(content, dict):
        return compact(422, {"detail": "An object is expected."})
    return content
