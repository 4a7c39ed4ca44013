"""Deals that Chatterbot made before the demo began: with them the later states are not empty for the first hour."""

from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from integrations.simulators.conversation import CONFIRMED, foreseen
from integrations.simulators.feed import demo_items

DEALS = 24
# The demo's outreach rule writes to their sellers by itself, and a deal is made once.
LEFT_OUT = "Fujifilm"


@dataclass(frozen=True)
class Deal:
    """One deal: the marketplace's number of the item, and what was agreed."""

    item_id: int
    agreed_price: str
    shipping_cost: str | None
    agreement: str

    def body(self, listing_id: str) -> dict[str, Any]:
        """Take the listing that it is about, return what Chatterbot tells of it."""
        told = {"listing_id": listing_id, "agreed_price": self.agreed_price, "message": self.agreement}
        return told | ({"shipping_cost": self.shipping_cost} if self.shipping_cost else {})


@lru_cache(maxsize=1)
def deals() -> tuple[Deal, ...]:
    """Return the deals, the same ones at every call."""
    priced = [item for item in demo_items() if item.price and item.product.brand != LEFT_OUT]
    made = []
    for item in Random("last week").sample(priced, DEALS):
        talk = foreseen(item.url, item.title, item.product.full_name, item.price, CONFIRMED)
        made.append(Deal(item.id, str(talk.agreed_price), talk.shipping_cost, talk.agreement))
    return tuple(made)
