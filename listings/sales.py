"""What eBayLister tells us about a sale (contract, sections 1 and 6).

A camera is sold once, by one order. What is ahead of the listing is walked to;
the order told again is a repeat, which may bring what was not known before;
what cannot be is kept for staff, since a buyer may be waiting.
"""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from rest_framework import serializers

from integrations import outbox, webhooks
from integrations.callers import Refusal
from integrations.models import InboxMessage
from integrations.rest import MoneyField
from integrations.show import amount
from integrations.webhooks import Answer, Webhook
from listings import facts, lifecycle, telegram, told
from listings.models import EbayOffer, LedgerLine, ProductListing
from listings.profit import to_pennies
from listings.states import State
from listings.told import Conflict

EBAY, KIND = "ebay", "item-sold"
REASON = "item sold"
# The amounts of a sale, as facts are named, and as people call them.
AMOUNTS = {"ebay_sold_price": "price", "ebay_fees": "fees", "postage_out": "postage"}
NOT_BOUGHT = (State.FOUND, State.MESSAGING, State.NEGOTIATING)


class EbayWebhook(Webhook):
    """`POST /webhooks/ebay/item-sold`."""

    partner = EBAY
    kind = KIND


class TextIdField(serializers.CharField):
    """An id of eBay's: a text, or a whole number, which becomes one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, required=False, allow_null=True, allow_blank=True, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Return the text; an empty one is none."""
        if isinstance(data, bool) or not isinstance(data, str | int):
            self.fail("invalid")
        return super().to_internal_value(str(data)) or None


class ItemSoldSerializer(told.ToldSerializer):
    """A sale, in the words of our facts."""

    listing_id = TextIdField(source="ebay_listing_id")
    sku = TextIdField()
    order_id = TextIdField(source="ebay_order_id")
    sold_price = MoneyField(source="ebay_sold_price")
    ebay_fees = MoneyField(required=False, allow_null=True)
    shipping_cost = MoneyField(required=False, allow_null=True, source="postage_out")
    sold_at = told.PastField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a body that names no listing; write amounts to the penny."""
        if not attrs.get("ebay_listing_id") and not attrs.get("sku"):
            raise serializers.ValidationError({"listing_id": ["Give listing_id or sku."]})
        return attrs | {name: to_pennies(attrs.get(name)) for name in AMOUNTS}


def item_sold(message: InboxMessage, payload: Any) -> Answer:
    """Understand `item-sold`: the webhook's handler."""
    sale = told.read(ItemSoldSerializer, payload)
    listing = None
    try:
        listing = named(sale)
        if listing is None:
            return told.parked(f"eBay listing {sale.get('ebay_listing_id') or sale['sku']}")
        check_names(listing, sale)
        return told.is_true(take_in(listing, sale, by=EBAY))
    except Conflict as conflict:
        return told.in_conflict(conflict, listing)


def read(message: InboxMessage) -> dict[str, Any] | None:
    """Return the sale that a kept message tells of; None where it tells of none."""
    try:
        return told.read(ItemSoldSerializer, webhooks.parse(message.raw))
    except Refusal:
        return None


# ---- which listing ------------------------------------------------------------------------------


def named(sale: Mapping[str, Any]) -> ProductListing | None:
    """Find and lock the listing that eBay's number names, or else the sku; None where neither is known (yet)."""
    found = _find(sale)
    return lifecycle.locked(found.pk) if found else None


def _find(sale: Mapping[str, Any]) -> ProductListing | None:
    rows = ProductListing.objects.all()
    number, own_id = sale.get("ebay_listing_id"), _own_id(sale)
    by_number = rows.filter(ebay_listing_id=number).first() if number else None
    return by_number or (rows.filter(pk=own_id).first() if own_id else None)


def check_names(listing: ProductListing, sale: Mapping[str, Any]) -> None:
    """Hold both names of a body against the listing that was found by one.

    Raises:
        Conflict: they belong to two.
    """
    number, own_id = sale.get("ebay_listing_id"), _own_id(sale)
    if own_id and own_id != listing.pk:
        raise Conflict(f"A sale names eBay listing {number}, which is not sku {own_id}'s.")
    if number and listing.ebay_listing_id and number != listing.ebay_listing_id:
        raise Conflict(
            f"A sale names eBay listing {number}, but this is eBay listing {listing.ebay_listing_id}."
        )


def _own_id(sale: Mapping[str, Any]) -> uuid.UUID | None:
    """Return the sku where it is an id of ours: what was listed by hand may have another."""
    try:
        return uuid.UUID(sale.get("sku") or "")
    except ValueError:
        return None


# ---- what becomes of it -------------------------------------------------------------------------


@transaction.atomic
def take_in(listing: ProductListing, sale: Mapping[str, Any], *, by: str) -> ProductListing:
    """Sell a locked listing, or complete what is known of its sale; return it.

    Raises:
        Conflict: it was cancelled or not bought yet, or the sale differs from the one that is known.
    """
    if listing.state == State.SOLD:
        _refuse_second_order(listing, sale)
        _refuse_other_amounts(listing, sale)
        return _complete(listing, sale, by=by)
    _refuse_what_was_never_for_sale(listing, sale)
    if listing.state != State.LISTED:
        asked = EbayOffer.objects.filter(listing=listing, requested_at__isnull=False).first()
        listing = lifecycle.walk(
            listing.pk,
            State.LISTED,
            by=by,
            reason=REASON,
            ebay_listing_id=sale.get("ebay_listing_id"),
            ebay_asking_price=asked.price if asked else None,
        )
    elif listing.ebay_listing_id is None and sale.get("ebay_listing_id"):
        _learn_number(listing, sale, by=by)
    return lifecycle.sell(
        listing.pk,
        by=by,
        reason=REASON,
        ebay_sold_price=sale["ebay_sold_price"],
        ebay_fees=sale["ebay_fees"],
        shipping_cost=sale["postage_out"],
        ebay_order_id=sale.get("ebay_order_id"),
        sold_on=_day(sale),
    )


def cannot_be(listing: ProductListing, sale: Mapping[str, Any]) -> bool:
    """Say whether nothing of a sale can be booked here: it is another's, it is not bought yet, or sold twice."""
    if _find(sale) != listing:  # eBay's number may have become another's since this was told
        return True
    try:
        check_names(listing, sale)
    except Conflict:
        return True
    return listing.state in NOT_BOUGHT or _is_double_sale(listing, sale)


def _is_double_sale(listing: ProductListing, sale: Mapping[str, Any]) -> bool:
    orders = {listing.ebay_order_id, sale.get("ebay_order_id")} - {None, ""}
    return listing.state == State.SOLD and len(orders) > 1


def differences(listing: ProductListing, sale: Mapping[str, Any]) -> dict[str, tuple[Decimal, Decimal]]:
    """Return the amounts told that never stood in the ledger although others did: what stands there, what was told.

    What stood there once is no news: it was told before somebody put it right.
    """
    found = {}
    for name, totals in _totals(listing).items():
        if totals and sale[name] is not None and sale[name] not in totals:
            found[name] = (totals[-1], sale[name])
    return found


def missing(listing: ProductListing, sale: Mapping[str, Any]) -> list[str]:
    """Name the amounts told that have no line yet."""
    return [name for name, totals in _totals(listing).items() if not totals and sale[name] is not None]


def _totals(listing: ProductListing) -> dict[str, list[Decimal]]:
    """Return what each amount of the sale came to after each of its lines."""
    kinds: dict[str, str] = {facts.BOOKED[name]: name for name in AMOUNTS}
    lines: dict[str, list[Decimal]] = {name: [] for name in AMOUNTS}
    booked = LedgerLine.objects.filter(listing=listing, kind__in=kinds).order_by("id")
    for kind, value in booked.values_list("kind", "amount"):
        lines[kinds[kind]].append(value)
    return {name: list(accumulate(values)) for name, values in lines.items()}


def _refuse_what_was_never_for_sale(listing: ProductListing, sale: Mapping[str, Any]) -> None:
    order = f"eBay order {sale['ebay_order_id']}" if sale.get("ebay_order_id") else "eBay"
    words = f"{order} sold it for {amount(sale['ebay_sold_price'])}"
    if listing.state == State.CANCELLED:
        raise Conflict(f"{words}, but {told.cancelled_by(listing)}.")
    if listing.state in NOT_BOUGHT:
        raise Conflict(
            f"{words}, but it is only {State(listing.state).label} here. "
            "Move it to Purchased with what was paid, then apply this; or cancel the order on eBay."
        )


def _refuse_second_order(listing: ProductListing, sale: Mapping[str, Any]) -> None:
    if _is_double_sale(listing, sale):
        raise Conflict(
            f"Sold twice: eBay order {sale['ebay_order_id']} for {amount(sale['ebay_sold_price'])}, but order "
            f"{listing.ebay_order_id} has bought it. Cancel order {sale['ebay_order_id']} on eBay, then dismiss this."
        )


def _refuse_other_amounts(listing: ProductListing, sale: Mapping[str, Any]) -> None:
    if other := differences(listing, sale):
        parts = [
            f"{AMOUNTS[name]} {amount(new)} instead of {amount(known)}"
            for name, (known, new) in other.items()
        ]
        raise Conflict(f"The same sale is told with another amount: {', '.join(parts)}.")


def _complete(listing: ProductListing, sale: Mapping[str, Any], *, by: str) -> ProductListing:
    """Learn what a repeat brings that was not known; tell staff when the profit is final by it."""
    unknown = missing(listing, sale)
    new: dict[str, Any] = {name: sale[name] for name in unknown}
    numbers = ("ebay_order_id", "ebay_listing_id")
    new |= {name: sale[name] for name in numbers if sale.get(name) and getattr(listing, name) is None}
    if not new:
        return listing
    was_provisional = listing.profit_is_provisional
    parts = [f"{AMOUNTS[name]} {amount(sale[name])}" for name in unknown]
    parts += [
        f"{name.removeprefix('ebay_').replace('_', ' ')} {new[name]}" for name in numbers if name in new
    ]
    facts.learn(
        listing, by=by, text=f"eBay tells more of the sale: {', '.join(parts)}.", on=_day(sale), **new
    )
    if was_provisional and not listing.profit_is_provisional:
        outbox.put(telegram.profit_rows(listing))
    return listing


def put_right(listing: ProductListing, sale: Mapping[str, Any], *, by: str) -> ProductListing:
    """Book what was told of a sale instead of what is known: each amount by a further line with the difference.

    Raises:
        Conflict: another order has bought the camera.
    """
    _refuse_second_order(listing, sale)
    new: dict[str, Any] = {name: amount_told for name, (_, amount_told) in differences(listing, sale).items()}
    parts = [f"{AMOUNTS[name]} {amount(value)}" for name, value in new.items()]
    if new:
        facts.learn(listing, by=by, text=f"Put right as eBay told us: {', '.join(parts)}.", **new)
    return _complete(listing, sale, by=by)


def _learn_number(listing: ProductListing, sale: Mapping[str, Any], *, by: str) -> None:
    number = sale["ebay_listing_id"]
    facts.learn(listing, by=by, text=f"eBay's listing number is {number}.", ebay_listing_id=number)


def _day(sale: Mapping[str, Any]) -> Any:
    """Return the day of the sale for staff; None, for today, where it was not told."""
    at = sale.get("sold_at")
    return at.astimezone(ZoneInfo(settings.STAFF_TIME_ZONE)).date() if at else None
