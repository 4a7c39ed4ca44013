"""Whom to write to next: Chatterbot sends few messages an hour, so the order is worth money.

Staff approve listings, or a rule does. A run every minute takes the best, by
net estimate × confidence, within the hourly rate, the daily cap and the budget,
unless the kill switch is thrown. The queue is a view of what is approved and
still FOUND: nothing has to be kept in step with the lifecycle.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Case, DecimalField, ExpressionWrapper, F, Q, QuerySet, Value, When
from django.db.models.functions import Now, Upper

from integrations import clock
from listings import lifecycle, tally
from listings.models import (
    Approval,
    EstimateCorrection,
    KillSwitch,
    OutreachRule,
    OutreachSettings,
    ProductListing,
    TransitionLog,
)
from listings.profit import ZERO
from listings.states import State

log = structlog.get_logger(__name__)

BOUND = (State.MESSAGING, State.NEGOTIATING, State.PURCHASED)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BATCH = 1000


class NotFoundState(Exception):
    """Only a listing that is FOUND can be approved."""


@dataclass(frozen=True)
class Limits:
    """What may still be sent now, and when more."""

    hour_left: int
    day_left: int
    next_slot_at: datetime | None
    bound: Decimal
    budget_left: Decimal
    stopped: KillSwitch | None


@dataclass(frozen=True)
class Waiting:
    """A listing in the queue: its place from 1, and why it has not gone yet."""

    place: int
    listing: ProductListing
    reason: str


# ---- the estimate -------------------------------------------------------------------------------


def corrections() -> dict[int, Decimal]:
    """Return what experience adds to the net estimate of a product, by its id."""
    return dict(EstimateCorrection.objects.exclude(amount=0).values_list("product_id", "amount"))


def with_net_estimate(
    rows: QuerySet[ProductListing],
    limits: OutreachSettings,
    corrected: Mapping[int, Decimal] | None = None,
) -> QuerySet[Any]:
    """Add `net_estimate` and `score` to each row, in the database; null where price or estimate is unknown.

    ScraperV2's profit is gross: eBay's fee on the expected sale price and the
    postage come off, and what experience says of the product is added.

    Args:
        corrected: corrections by product id; those in force, where none are given.
    """
    corrected = corrections() if corrected is None else corrected
    money = DecimalField(max_digits=12, decimal_places=4)
    fee = Value(limits.ebay_fee_percent / 100, output_field=money)
    postage = Value(limits.postage, output_field=money)
    sale = F("asking_price") + F("estimated_profit")
    whens = [When(product_id=product, then=Value(amount)) for product, amount in corrected.items()]
    learned = Case(*whens, default=Value(ZERO), output_field=money) if whens else Value(ZERO, money)
    net = ExpressionWrapper(F("estimated_profit") - sale * fee - postage + learned, output_field=money)
    score = ExpressionWrapper(net * F("confidence_score") / Value(100), output_field=money)
    return rows.annotate(net_estimate=net, score=score)


# ---- into the queue -----------------------------------------------------------------------------


@transaction.atomic
def approve(listing_id: uuid.UUID | str, *, by: str) -> Approval:
    """Let a listing be messaged when its turn comes; one that is approved already stays so.

    Raises:
        ProductListing.DoesNotExist: there is no such listing.
        NotFoundState: it is not FOUND any more.
    """
    listing = lifecycle.locked(listing_id)
    if listing.state != State.FOUND:
        raise NotFoundState(
            f"Only a found listing can be approved; this one is {State(listing.state).label}."
        )
    approval, _ = Approval.objects.get_or_create(listing=listing, defaults={"approved_by": by})
    if approval.withdrawn_at is not None:
        approval.approved_by, approval.approved_at, approval.withdrawn_at = by, listing.db_now, None
        approval.save()
    return approval


def withdraw(listing_id: uuid.UUID | str) -> bool:
    """Take a listing out of the queue, past every rule; False where it was not in it."""
    waiting_one = Approval.objects.filter(
        listing__pk=listing_id, listing__state=State.FOUND, withdrawn_at=None
    )
    return waiting_one.update(withdrawn_at=Now()) > 0


def matching(
    rule: OutreachRule,
    limits: OutreachSettings | None = None,
    corrected: Mapping[int, Decimal] | None = None,
) -> QuerySet[ProductListing]:
    """Return the found listings that a rule would approve, the best first: a way to try it before it is on.

    Args:
        limits, corrected: what the net estimate is made with; as in force, where they are not given.
    """
    fits = Q(state=State.FOUND, confidence_score__gte=rule.min_confidence, asking_price__isnull=False)
    if rule.product_id is not None:
        fits &= Q(product_id=rule.product_id)
    if rule.max_price is not None:
        fits &= Q(asking_price__lte=rule.max_price)
    found = ProductListing.objects.filter(fits)
    rows = with_net_estimate(found, limits or OutreachSettings.load(), corrected)
    if rule.brand:
        rows = rows.annotate(_brand=Upper("brand")).filter(_brand=rule.brand.upper())
    return rows.filter(net_estimate__gte=rule.min_net_estimate).order_by("-score", "id")


def apply_rules() -> int:
    """Approve what the active rules let through; return how many."""
    approved = 0
    for rule in OutreachRule.objects.filter(active=True):
        new = matching(rule).filter(approval__isnull=True).values_list("pk", flat=True)[:BATCH]
        rows = [Approval(listing_id=listing_id, approved_by=f"rule:{rule.name}") for listing_id in new]
        Approval.objects.bulk_create(rows, ignore_conflicts=True)
        approved += len(rows)
    return approved


# ---- the limits ---------------------------------------------------------------------------------


def stopped() -> KillSwitch | None:
    """Return the kill switch where it is thrown."""
    return KillSwitch.objects.filter(lifted_at__isnull=True).first()


@transaction.atomic
def stop(*, by: str, reason: str) -> KillSwitch:
    """Throw the kill switch; where it is thrown already, the first reason stands."""
    OutreachSettings.objects.select_for_update().get(pk=OutreachSettings.load().pk)
    return stopped() or KillSwitch.objects.create(thrown_by=by, reason=reason)


def resume(*, by: str) -> bool:
    """Lift the kill switch; False where it was not thrown."""
    return KillSwitch.objects.filter(lifted_at__isnull=True).update(lifted_at=Now(), lifted_by=by) > 0


def money_bound() -> Decimal:
    """Return what is bound: the price agreed or paid where it is known, else the price asked."""
    numbers = tally.numbers()
    pennies = sum(numbers[state].pennies for state in BOUND if state in numbers)
    return Decimal(pennies).scaleb(-2)


def limits_now(settings: OutreachSettings) -> Limits:
    """Work out what may be sent. Messages by hand count; those that Chatterbot told us of itself do not."""
    now = clock.now()
    sent = TransitionLog.objects.filter(to_state=State.MESSAGING, transitioned_at__gt=now - DAY)
    times = list(
        sent.exclude(triggered_by="chatterbot")
        .order_by("transitioned_at")
        .values_list("transitioned_at", flat=True)
    )
    hour = [at for at in times if at > now - HOUR]
    bound = money_bound()
    hour_left, day_left = settings.hourly_rate - len(hour), settings.daily_cap - len(times)
    slots = []
    if hour_left <= 0:
        slots.append(hour[-hour_left] + HOUR if len(hour) > -hour_left else now + HOUR)
    if day_left <= 0:
        slots.append(times[-day_left] + DAY if len(times) > -day_left else now + DAY)
    return Limits(
        max(0, hour_left),
        max(0, day_left),
        max(slots, default=None),
        bound,
        settings.budget - bound,
        stopped(),
    )


# ---- out of the queue ---------------------------------------------------------------------------


def queued(settings: OutreachSettings) -> QuerySet[ProductListing]:
    """Return what waits, the best first; what cannot be estimated comes last, by age."""
    approved = Q(state=State.FOUND, approval__isnull=False, approval__withdrawn_at=None)
    rows = ProductListing.objects.filter(approved).select_related("approval")
    unknown = Case(When(score__isnull=True, then=Value(1)), default=Value(0))
    return with_net_estimate(rows, settings).order_by(unknown, "-score", "approval__id")


def waiting(settings: OutreachSettings, limits: Limits, *, most: int = 100) -> list[Waiting]:
    """List the queue with each listing's place, and why it waits."""
    free, left = min(limits.hour_left, limits.day_left), limits.budget_left
    rows, held = [], False
    for place, listing in enumerate(queued(settings)[:most], start=1):
        price = listing.asking_price
        over = price is not None and price > left
        rows.append(
            Waiting(place, listing, _reason(limits, listing, place <= free, left if over else None, held))
        )
        held = held or over
        left -= price or ZERO
    return rows


def _reason(
    limits: Limits, listing: ProductListing, has_slot: bool, too_little: Decimal | None, held: bool
) -> str:
    if limits.stopped:
        return f"Outreach is stopped by {limits.stopped.thrown_by}: {limits.stopped.reason}"
    if listing.asking_price is None:
        return "No price is known: message by hand, or wait for one"
    if too_little is not None and not held:
        return f"The budget has {max(too_little, ZERO):.2f} left"
    if held:
        return "Waits behind a listing that the budget cannot take yet"
    if not limits.day_left:
        return "The daily cap is reached"
    return "Goes within a minute" if has_slot else "Waits for its turn in the hourly rate"


def run() -> list[uuid.UUID]:
    """Message the sellers whose turn it is, each in a transaction of its own; return the listings.

    The settings row is the lock: two runs at once take turns, and the second sees what the first has sent.
    """
    apply_rules()
    sent: list[uuid.UUID] = []
    while (listing_id := _send_one()) is not None:
        sent.append(listing_id)
    return sent


@transaction.atomic
def _send_one() -> uuid.UUID | None:
    OutreachSettings.load()
    settings = OutreachSettings.objects.select_for_update().get(pk=1)
    limits = limits_now(settings)
    if limits.stopped or not limits.hour_left or not limits.day_left:
        return None
    best = queued(settings).filter(asking_price__isnull=False).first()
    # The first that the budget cannot take holds the queue: a cheaper one behind it is worth less.
    if best is None or best.asking_price is None or best.asking_price > limits.budget_left:
        return None
    try:
        lifecycle.message_seller(
            best.pk, by=best.approval.approved_by, reason="its turn in the outreach queue"
        )
    except lifecycle.IllegalArrow as error:
        log.info("left the queue meanwhile", listing_id=str(best.pk), error=str(error))
        return _send_one()
    return best.pk


def summary() -> dict[str, Any]:
    """Return what the back office shows above the queue."""
    settings = OutreachSettings.load()
    limits = limits_now(settings)
    return {"settings": settings, "limits": limits, "waiting": waiting(settings, limits)}
