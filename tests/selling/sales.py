"""A sale as eBayLister tells it, and what came of it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from integrations.models import InboxMessage, OutboxMessage
from listings.models import LedgerLine, Note, ProductListing
from listings.profit import to_pennies
from listings.states import State
from tests.factories import dumps

EBAY_KEY = "ebay-key-of-the-tests"
PATH = "/webhooks/ebay/item-sold"
SOLD_AT = "2026-05-04T12:00:00Z"
Tell = Callable[..., Any]


def sale(listing: ProductListing, **changes: Any) -> dict[str, Any]:
    """Return a whole sale of a listing at 500.00; a change to `...` leaves the field out."""
    body = {
        "listing_id": listing.ebay_listing_id,
        "sku": str(listing.pk),
        "sold_price": "500.00",
        "ebay_fees": "64.30",
        "shipping_cost": "7.95",
        "sold_at": SOLD_AT,
        "order_id": "12-34567-89012",
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


def teller(client: Any, *, key: str = EBAY_KEY, path: str = PATH) -> Tell:
    """Return what posts a body (bytes or JSON) as eBayLister does."""

    def post(body: Any) -> Any:
        data = body if isinstance(body, bytes) else dumps(body)
        return client.post(
            path, data, content_type="application/json", headers={"authorization": f"Bearer {key}"}
        )

    return post


def fresh(listing: ProductListing) -> ProductListing:
    """Read a listing again."""
    return ProductListing.objects.get(pk=listing.pk)


def arrows(listing: ProductListing) -> list[str]:
    """Return the states that a listing entered, in order."""
    return list(listing.history.order_by("sequence").values_list("to_state", flat=True))


def last_inbox() -> InboxMessage:
    """Return what came in last."""
    return InboxMessage.objects.latest("id")


def said() -> list[str]:
    """Return what Telegram is to be told, in order: the first line of each message."""
    rows = OutboxMessage.objects.filter(topic="telegram.send").order_by("id")
    return [str(row.body["text"]) for row in rows]


def kept(listing: ProductListing) -> dict[str, Any]:
    """Return all that is known of a listing, but for its inbox: what a refusal and a repeat leave as it is."""
    return {
        "row": ProductListing.objects.values().get(pk=listing.pk),
        "log": arrows(listing),
        "ledger": list(LedgerLine.objects.filter(listing=listing).order_by("id").values()),
        "events": list(OutboxMessage.objects.filter(key=str(listing.pk)).order_by("id").values("id")),
        "notes": list(Note.objects.filter(listing=listing).order_by("id").values()),
    }


def coherent(listing: ProductListing) -> None:
    """Hold row, log, events, ledger and profit of a listing against each other, computed anew from the lines."""
    now, log = fresh(listing), list(listing.history.order_by("sequence"))
    assert [entry.sequence for entry in log] == list(range(1, now.version + 1))
    assert log[-1].to_state == now.state
    events = OutboxMessage.objects.filter(
        key=str(now.pk), channel="events", topic__startswith="listing.state."
    )
    topics = list(events.order_by("id").values_list("topic", flat=True))
    assert topics == [f"listing.state.{entry.to_state.lower()}" for entry in log[1:]]

    sums: dict[str, Decimal] = {}
    for line in LedgerLine.objects.filter(listing=now):
        sums[line.kind] = sums.get(line.kind, Decimal(0)) + line.amount
    postage = [sums[kind] for kind in ("postage_in", "postage_out") if kind in sums]
    assert (now.purchase_price, now.ebay_sold_price) == (sums.get("purchase"), sums.get("sale"))
    assert (now.ebay_fees, now.shipping_cost) == (sums.get("ebay_fees"), sum(postage) if postage else None)
    if now.state != State.SOLD:
        assert now.final_profit is None
        return
    costs = [sums.get(kind, Decimal(0)) for kind in sums if kind != "sale"]
    known = "sale" in sums and "purchase" in sums
    assert now.final_profit == (to_pennies(sums["sale"] - sum(costs)) if known else None)
    assert now.profit_is_provisional == ("ebay_fees" not in sums or not postage)
