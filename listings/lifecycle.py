"""THE DOOR: the only code that moves a listing to another state.

One verb per arrow, in lifecycle order. Each locks the row, takes the arrow,
and writes in one transaction: the listing, one TransitionLog row, one event,
and the partner call that the new state needs. Staff, API, webhooks, tasks and
sweeps all come through here; `by` says who: `scraper`, `user:NAME`,
`rule:NAME`, `chatterbot`, `ebay`, `telegram:NAME` or `timeout`.

Every verb returns the listing in its new state, and raises
    ProductListing.DoesNotExist: there is no such listing;
    IllegalArrow: no arrow leads there from the state that the listing is in.
"""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django_fsm import ConcurrentTransition, TransitionNotAllowed

from integrations import bulk, outbox
from integrations.clock import Clock
from integrations.models import OutboxMessage
from integrations.prepared import Prepared, the
from listings import announcements, deliveries, facts, leads, ledger, lifecycle_bulk, telegram
from listings.models import Note, ProductListing, TransitionLog
from listings.states import ARROWS, ENTERED_AT, FORWARD, TIMEOUT_SETTING, State, allowed_from

ListingId = uuid.UUID | str
Follow = Callable[..., list[OutboxMessage]]  # takes the listing in its new state, and by=


class IllegalArrow(Exception):
    """No arrow leads from the listing's state to `to_state`; `allowed` lists where one could go."""

    def __init__(self, from_state: str, to_state: str) -> None:
        super().__init__(f"No arrow leads from {from_state} to {to_state}.")
        self.from_state, self.to_state, self.allowed = from_state, to_state, allowed_from(from_state)


class AlreadyListed(Exception):
    """Another listing has this `ebay_listing_id`."""


# ---- the verbs ----------------------------------------------------------------------------------

# What comes by thousands: → FOUND, and → CANCELLED of what is overdue, by sets.
found, expire = lifecycle_bulk.found, lifecycle_bulk.expire


def message_seller(listing_id: ListingId, *, by: str, reason: str = "") -> ProductListing:
    """FOUND → MESSAGING: a lead goes to Chatterbot, unless it was Chatterbot who told us.

    The seller has `MESSAGING_TIMEOUT_DAYS` to answer.
    """
    return _take(listing_id, State.MESSAGING, by=by, reason=reason, follow=leads.opened)


def start_negotiating(listing_id: ListingId, *, by: str, reason: str = "") -> ProductListing:
    """MESSAGING → NEGOTIATING: the seller has replied; the deal has `NEGOTIATING_TIMEOUT_DAYS`."""
    return _take(listing_id, State.NEGOTIATING, by=by, reason=reason)


def purchase(
    listing_id: ListingId,
    *,
    by: str,
    reason: str = "",
    purchase_price: Decimal | None = None,
    negotiated_price: Decimal | None = None,
    shipping_cost: Decimal | None = None,
) -> ProductListing:
    """NEGOTIATING → PURCHASED: the deal is made. A price that is not known stays null."""
    told = {
        "purchase_price": purchase_price,
        "negotiated_price": negotiated_price,
        "postage_in": shipping_cost,
    }
    return _take(listing_id, State.PURCHASED, by=by, reason=reason, told=told)


def receive(listing_id: ListingId, *, by: str, reason: str = "") -> ProductListing:
    """PURCHASED → RECEIVED: the camera is in our hands."""
    return _take(listing_id, State.RECEIVED, by=by, reason=reason)


def list_on_ebay(
    listing_id: ListingId,
    *,
    by: str,
    reason: str = "",
    ebay_listing_id: str | None = None,
    ebay_asking_price: Decimal | None = None,
) -> ProductListing:
    """RECEIVED → LISTED: eBay shows it, under `ebay_listing_id`, at `ebay_asking_price`.

    Raises:
        AlreadyListed: another listing has that `ebay_listing_id`.
    """
    told = {"ebay_listing_id": ebay_listing_id, "ebay_asking_price": ebay_asking_price}
    try:
        return _take(listing_id, State.LISTED, by=by, reason=reason, told=told, follow=deliveries.overtaken)
    except IntegrityError as error:
        other = ProductListing.objects.filter(ebay_listing_id=ebay_listing_id).exclude(pk=listing_id).first()
        if ebay_listing_id is None or other is None:
            raise
        raise AlreadyListed(
            f"eBay listing {ebay_listing_id} belongs to {other.short_code} already."
        ) from error


def sell(
    listing_id: ListingId,
    *,
    by: str,
    reason: str = "",
    ebay_sold_price: Decimal | None = None,
    ebay_fees: Decimal | None = None,
    shipping_cost: Decimal | None = None,
    purchase_price: Decimal | None = None,
    ebay_order_id: str | None = None,
    sold_on: date | None = None,
) -> ProductListing:
    """LISTED → SOLD: `final_profit` is computed and kept. `shipping_cost` is added to what the way in cost."""
    told = {
        "ebay_sold_price": ebay_sold_price,
        "ebay_fees": ebay_fees,
        "postage_out": shipping_cost,
        "purchase_price": purchase_price,
        "ebay_order_id": ebay_order_id,
    }
    return _take(
        listing_id,
        State.SOLD,
        by=by,
        reason=reason,
        told=told,
        on=sold_on,
        follow=lambda it, by: [*telegram.sale_rows(it), *deliveries.overtaken(it, by=by)],
    )


def cancel(listing_id: ListingId, *, by: str, reason: str = "") -> ProductListing:
    """FOUND, MESSAGING, NEGOTIATING or PURCHASED → CANCELLED: Chatterbot is told to stop, if it has the lead."""
    return _take(listing_id, State.CANCELLED, by=by, reason=reason, follow=leads.abandoned)


VERBS = {
    State.MESSAGING: message_seller,
    State.NEGOTIATING: start_negotiating,
    State.PURCHASED: purchase,
    State.RECEIVED: receive,
    State.LISTED: list_on_ebay,
    State.SOLD: sell,
    State.CANCELLED: cancel,
}


@transaction.atomic
def walk(listing_id: ListingId, to: State, *, by: str, reason: str = "", **told: Any) -> ProductListing:
    """Take the legal arrows one by one up to `to`, each logged, all in one transaction; `told` goes with the last.

    Raises:
        IllegalArrow: `to` does not lie ahead of the listing.
    """
    listing = locked(listing_id)
    if listing.state not in FORWARD or to not in FORWARD[FORWARD.index(State(listing.state)) + 1 :]:
        raise IllegalArrow(listing.state, to)
    for step in FORWARD[FORWARD.index(State(listing.state)) + 1 : FORWARD.index(to) + 1]:
        verb: Any = VERBS[step]
        listing = verb(listing_id, by=by, reason=reason, **(told if step == to else {}))
    return listing


# ---- what changes without an arrow --------------------------------------------------------------


@transaction.atomic
def snooze(listing_id: ListingId, *, by: str, days: int, reason: str) -> ProductListing:
    """Move the deadline to `days` from now, or from the old deadline where that is later; keep who and why.

    Raises:
        ValueError: the listing's state has no deadline.
    """
    listing = locked(listing_id)
    if listing.deadline_at is None:
        raise ValueError(f"Nothing runs out in {State(listing.state).label}.")
    before, listing.deadline_at = (
        listing.deadline_at,
        max(listing.db_now, listing.deadline_at) + timedelta(days=days),
    )
    listing.updated_at, listing.warned_deadline = listing.db_now, None
    listing.save(update_fields=["deadline_at", "updated_at", "warned_deadline"])
    text = f"Snoozed from {before:%d %b %H:%M} to {listing.deadline_at:%d %b %H:%M} UTC: {reason}"
    Note.objects.create(listing=listing, by=by, text=text)
    return listing


def restart_deadline(listing: ProductListing) -> None:
    """Give a locked listing the whole time of its state again."""
    days = TIMEOUT_SETTING[State(listing.state)]
    listing.deadline_at = listing.db_now + timedelta(days=getattr(settings, days))
    listing.updated_at, listing.warned_deadline = listing.db_now, None
    listing.save(update_fields=["deadline_at", "updated_at", "warned_deadline"])


# ---- what every verb does -----------------------------------------------------------------------


def locked(listing_id: ListingId) -> ProductListing:
    """Read a listing and lock its row until the transaction ends; `db_now` is the database's time."""
    listing: ProductListing = _LOCKED.get(listing_id)
    return listing


_LOCKED = Prepared(
    lambda asked: ProductListing.objects.annotate(db_now=Clock()).select_for_update().filter(pk=asked),
    the(ProductListing._meta.pk),
)


@transaction.atomic
def _take(
    listing_id: ListingId,
    to: State,
    *,
    by: str,
    reason: str,
    told: dict[str, Any] | None = None,
    on: date | None = None,
    follow: Follow | None = None,
) -> ProductListing:
    listing = locked(listing_id)
    origin = State(listing.state)
    verb = ARROWS.get((origin, to))
    if verb is None:
        raise IllegalArrow(origin, to)
    try:
        getattr(listing, verb)()
    except TransitionNotAllowed as error:
        raise IllegalArrow(origin, to) from error
    changed = facts.take(listing, told or {}, by=by, note=reason, on=on) | _enter(listing, to)
    if to is State.SOLD:
        changed |= ledger.restate(listing)
    new = {name: getattr(listing, name) for name in sorted(changed)}
    if not bulk.change(ProductListing, {"id": listing.pk, "state": origin.value}, {"state": to.value, **new}):
        raise ConcurrentTransition  # the lock was not taken: somebody else has moved it
    _tell(listing, origin, by=by, reason=reason)
    if follow:
        outbox.put(follow(listing, by=by))
    return listing


def _tell(listing: ProductListing, origin: State, *, by: str, reason: str) -> None:
    """Log and announce the arrow from `origin` that has just been taken."""
    at, arrow = listing.state_changed_at, {"from_state": origin.value, "to_state": str(listing.state)}
    arrow["triggered_by"] = by
    sold: dict[str, Any] = {}
    if listing.state == State.SOLD:
        sold["final_profit"] = announcements.amount(listing.final_profit)
    event = announcements.arrow_taken(listing.pk, **arrow, reason=reason, at=at, **sold)
    row = {"listing_id": listing.pk, "sequence": listing.version, "event_id": event["event_id"], **arrow}
    bulk.insert(
        TransitionLog, [{**row, "transitioned_at": at, "metadata": {"reason": reason} if reason else {}}]
    )
    outbox.put_rows([event])


def _enter(listing: ProductListing, to: State) -> set[str]:
    # Two nodes' clocks never turn a listing's history around: time is the database's, and does not run back.
    now = max(listing.db_now, listing.state_changed_at)
    setattr(listing, ENTERED_AT[to], now)
    listing.state_changed_at = listing.updated_at = now
    listing.version += 1
    days = TIMEOUT_SETTING.get(to)
    listing.deadline_at = now + timedelta(days=getattr(settings, days)) if days else None
    return {ENTERED_AT[to], "state_changed_at", "updated_at", "version", "deadline_at"}
