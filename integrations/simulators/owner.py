"""The owner of the demo: photographs what was bought, lists it, lowers a price, gives one up, takes one back.

Acts only from outside, as a person would: through the admin API and the Telegram chat. Not
everything is done: what is left waits for whoever tries the demo.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.simulators.backlog import Deal, deals
from integrations.simulators.chatterbot import Chatterbot
from integrations.simulators.desk import Desk
from integrations.simulators.habits import Habits, cheaper, foreseen, price_to_ask
from integrations.simulators.messenger import DEAL, NO_DEAL
from integrations.simulators.partner import answered
from integrations.simulators.pictures import VIEWS, camera
from integrations.simulators.telegram import Telegram
from integrations.simulators.telegram_updates import SIZES
from integrations.simulators.world import Reply

log = logging.getLogger("simulators")

# Minutes of the partners' life, as everywhere here.
LOOKS_EVERY = 2.0
DEALS_A_LOOK = 2
# A photo sent to the chat that is not there by then is uploaded at the desk.
CHAT_PATIENCE = 60.0
PRICE_LOWERED_AFTER = 60.0
GIVEN_UP_AFTER = 110.0
# Of so many sales one comes back, one of the first few of them; for so many sales one is given up.
DOZEN, FEW, SALES_FOR_ONE = 12, 4, 6
FAULT = "Buyer: the autofocus hunts in low light"

Listing = dict[str, Any]


class Owner:
    """Takes the stand-ins that the owner meets, and the desk. What was done outlasts a restart."""

    def __init__(self, desk: Desk, chatterbot: Chatterbot, telegram: Telegram) -> None:
        self.desk, self.chatterbot, self.telegram = desk, chatterbot, telegram
        self.world = desk.world
        self.done: dict[str, float] = {}

    def run(self) -> None:
        """Look after the business now and then until the world ends."""
        while self.world.pause(LOOKS_EVERY * 60 / self.world.time_scale):
            self.look()

    def look(self) -> None:
        """Do what is due now."""
        self._hear_old_deals()
        bought = self.desk.listings("PURCHASED")
        self._hear_of_a_change_of_mind(bought)
        for listing in bought:
            self._photograph(listing, foreseen(listing["marketplace_url"]))
        # What somebody else has photographed or listed is theirs to go on with.
        for listing in self._own("RECEIVED", "photos", "chat"):
            self._list(listing, foreseen(listing["marketplace_url"]))
        sold = self._own("SOLD", "list")
        self._look_after(self._own("LISTED", "list"), len(sold))
        self._take_back(sold)

    def remembered(self) -> Any:
        """Return what was done, and when."""
        return dict(self.done)

    def recall(self, kept: Any) -> None:
        """Take what an earlier run did; it is not done again."""
        self.done = {str(act): float(at) for act, at in kept.items()}

    def _own(self, state: str, *acts: str) -> list[Listing]:
        """Return the listings in a state to which the owner has done one of the acts."""
        listings = self.desk.listings(state)
        return [each for each in listings if any(f"{act} {each['id']}" in self.done for act in acts)]

    def _hear_old_deals(self) -> None:
        """Let Chatterbot tell of the next few deals that it had made, once their items are found."""
        open_deals = [deal for deal in deals() if f"deal {deal.item_id}" not in self.done]
        for deal in open_deals[:DEALS_A_LOOK]:
            listing = self.desk.found(str(deal.item_id))
            if listing is None:
                return
            if listing["state"] != "FOUND":
                self.done[f"deal {deal.item_id}"] = time.time()
                continue
            self._tell_deal(deal, listing["id"])

    def _tell_deal(self, deal: Deal, listing_id: str) -> None:
        body = deal.body(listing_id)
        self._once(
            f"deal {deal.item_id}", lambda: Reply(self.chatterbot.messenger.send(DEAL, body)["status"])
        )

    def _hear_of_a_change_of_mind(self, bought: list[Listing]) -> None:
        """Let Chatterbot tell, once, that a seller backed out after the deal: money is at risk then."""
        left = [each for each in bought if not foreseen(each["marketplace_url"]).photographs]
        if left and all(f"deal {deal.item_id}" in self.done for deal in deals()):
            told = {"listing_id": left[-1]["id"], "reason": "The seller has changed their mind"}
            self._once("no deal", lambda: Reply(self.chatterbot.messenger.send(NO_DEAL, told)["status"]))

    def _photograph(self, listing: Listing, habits: Habits) -> None:
        if not habits.photographs or not self._due(listing["purchased_at"], habits.photographed_after):
            return
        pictures = [camera(*SIZES[-1], habits.look, view) for view in range(min(habits.photos, VIEWS))]
        chat_at = self.done.get(f"chat {listing['id']}")
        if chat_at is None and habits.by_telegram and self.telegram.sent:
            self._once(f"chat {listing['id']}", lambda: self._send_photos(listing, pictures))
        elif chat_at is None or self._minutes_since(chat_at) > CHAT_PATIENCE:
            self._once(f"photos {listing['id']}", lambda: self.desk.upload(listing["id"], pictures))

    def _send_photos(self, listing: Listing, pictures: list[bytes]) -> Reply:
        """Send pictures to the chat as an album: in reply to the listing's message, or under its code."""
        code, chat_id = listing["short_code"], self.telegram.sent[-1]["chat"]["id"]
        about = [sent for sent in self.telegram.sent if _is_about(sent, code)]
        reply_to = about[-1]["message_id"] if about else None
        reply = Reply(0)
        for place, picture in enumerate(pictures):
            reply = self.telegram.send_photo(
                "" if place or about else f"{code} has arrived",
                reply_to,
                picture=picture,
                chat_id=chat_id,
                album=str(int(listing["id"][-12:], 16)),
            )
        return reply

    def _list(self, listing: Listing, habits: Habits) -> None:
        if not self._due(listing["received_at"], habits.listed_after):
            return
        listing_id = listing["id"]
        if habits.repair:
            amount, note = habits.repair
            self._book(listing_id, "repairs", "ledger", {"kind": "repairs", "amount": amount, "note": note})
        price = price_to_ask(listing["asking_price"], listing["estimated_profit"])
        if habits.lists and price is not None:
            wanted = {"to_state": "LISTED", "ebay_asking_price": str(price)}
            self._once(
                f"list {listing_id}", lambda: self.desk.ask("POST", f"/{listing_id}/transition", json=wanted)
            )

    def _look_after(self, listed: list[Listing], sold: int) -> None:
        """Lower what has not sold for a while, and give up the oldest now and then."""
        for listing in listed:
            if listing["ebay_asking_price"] and self._due(listing["listed_at"], PRICE_LOWERED_AFTER):
                self._lower(listing["id"], cheaper(Decimal(listing["ebay_asking_price"])))
        given_up = sum(act.startswith("end ") for act in self.done)
        old = [listing for listing in listed if self._due(listing["listed_at"], GIVEN_UP_AFTER)]
        waiting = [listing for listing in old if f"end {listing['id']}" not in self.done]
        if waiting and given_up * SALES_FOR_ONE <= sold:
            oldest = min(waiting, key=lambda listing: str(listing["listed_at"]))
            reason = {"reason": "No offers: kept for the shop window"}
            self._once(
                f"end {oldest['id']}",
                lambda: self.desk.ask("DELETE", f"/{oldest['id']}/ebay", json=reason),
            )

    def _lower(self, listing_id: str, price: Decimal) -> None:
        changed = {"price": str(price)}
        self._once(f"lower {listing_id}", lambda: self.desk.ask("PATCH", f"/{listing_id}/ebay", json=changed))

    def _take_back(self, sold: list[Listing]) -> None:
        """Refund the cheapest of the first few of every dozen sales: a return costs all that was spent."""
        in_order = sorted(sold, key=lambda listing: str(listing["sold_at"]))
        for start in range(0, len(in_order), DOZEN):
            first = [each for each in in_order[start : start + FEW] if each["ebay_sold_price"]]
            if len(first) == FEW:
                cheapest = min(first, key=lambda listing: Decimal(listing["ebay_sold_price"]))
                told = {"amount": cheapest["ebay_sold_price"], "note": FAULT, "returned": True}
                self._book(cheapest["id"], "refund", "refund", told)

    def _book(self, listing_id: str, kind: str, act: str, told: dict[str, Any]) -> None:
        """Book an amount, once: the ledger knows better than any memory what was booked."""

        def book() -> Reply:
            known = self.desk.ledger(listing_id)
            if known is None or kind in known:
                return Reply(0 if known is None else 200)
            return self.desk.ask("POST", f"/{listing_id}/{act}", json=told)

        self._once(f"{kind} {listing_id}", book)

    def _once(self, act: str, do: Callable[[], Reply]) -> None:
        """Do it unless it was done; what was refused is left to people, what was not heard is tried again."""
        if act in self.done:
            return
        reply = do()
        if answered(reply):
            self.done[act] = time.time()
        level = logging.WARNING if reply.status >= 400 else logging.INFO
        log.log(level, "owner: %s, answered %s", act, reply.status or "not at all")

    def _due(self, since: str | None, minutes: float) -> bool:
        if since is None:
            return False
        return self._minutes_since(datetime.fromisoformat(since).timestamp()) >= minutes

    def _minutes_since(self, at: float) -> float:
        return (time.time() - at) * self.world.time_scale / 60


def _is_about(sent: dict[str, Any], code: str) -> bool:
    """Take a message and a listing's code, return whether it is about that listing and no other."""
    text = str(sent.get("text", ""))
    return f"[{code}]" in text and text.count("[") == 1
