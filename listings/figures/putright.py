"""Putting an estimate right: the fee, the postage, or the correction of one product; and what that would move.

Nothing changes but by `apply`, which takes what its asker has seen: where that has changed meanwhile, it refuses.
"""

import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from listings import outreach
from listings.models import EstimateCorrection, OutreachRule, OutreachSettings, ProductListing
from listings.profit import ZERO
from listings.states import State

SETTINGS = {"fee": "ebay_fee_percent", "postage": "postage"}
MODEL = "model"
# The bounds of each kind, both included.
BOUNDS = {
    "fee": (Decimal(0), Decimal(100)),
    "postage": (Decimal(0), Decimal(1000)),
    MODEL: (Decimal(-100_000), Decimal(100_000)),
}


class ChangedMeanwhile(Exception):
    """Somebody else has changed the value since it was shown."""


class UnknownProduct(Exception):
    """No listing has this product."""


@dataclass(frozen=True)
class Change:
    """One value to be put right: `kind` is fee, postage or model; `product_id` says which model."""

    kind: str
    product_id: int | None
    name: str
    old: Decimal

    def put_into(self, new: Decimal) -> tuple[OutreachSettings, dict[int, Decimal]]:
        """Return settings and corrections as they would be, unsaved."""
        limits, corrected = settings(), outreach.corrections()
        if self.product_id is not None:
            return limits, corrected | {self.product_id: new}
        limits = copy.copy(limits)
        setattr(limits, SETTINGS[self.kind], new)
        return limits, corrected


@dataclass(frozen=True)
class Moves:
    """How many found listings something lets through, before and after."""

    words: str
    before: int
    after: int
    rule: OutreachRule | None = None


def settings() -> OutreachSettings:
    """Return the settings; to look writes nothing, so where the row is missing its defaults count."""
    return OutreachSettings.objects.first() or OutreachSettings()


def change(kind: str, product_id: int | None = None) -> Change:
    """Return what would be changed, with its value now.

    Raises:
        UnknownProduct: it is no product of ours.
    """
    if product_id is None:
        return Change(
            kind, None, "eBay's fee" if kind == "fee" else "Postage", getattr(settings(), SETTINGS[kind])
        )
    known = ProductListing.objects.filter(product_id=product_id).order_by("-created_at", "-id").first()
    if known is None:
        raise UnknownProduct(str(product_id))
    name = f"{known.brand} {known.model}".strip()
    return Change(MODEL, product_id, name, outreach.corrections().get(product_id, ZERO))


def moves(what: Change, new: Decimal) -> list[Moves]:
    """Count the found listings that are worth buying, and that each active rule lets through: now, and with `new`."""
    now, then = (settings(), outreach.corrections()), what.put_into(new)
    which = Q(state=State.FOUND) & (Q(product_id=what.product_id) if what.product_id is not None else Q())
    found = ProductListing.objects.filter(which)

    def worth(pair: Any) -> int:
        return outreach.with_net_estimate(found, *pair).filter(net_estimate__gt=0).count()

    def let_through(rule: OutreachRule, pair: Any) -> int:
        return outreach.matching(rule, *pair).filter(which).count()

    active = [
        rule
        for rule in OutreachRule.objects.filter(active=True)[:20]
        if rule.product_id is None or what.product_id in (None, rule.product_id)
    ]
    return [
        Moves("Found, with a net estimate above nothing", worth(now), worth(then)),
        *(Moves(rule.name, let_through(rule, now), let_through(rule, then), rule) for rule in active),
    ]


@transaction.atomic
def apply(what: Change, new: Decimal, *, by: str) -> Any:
    """Put the value right; return the row that was changed.

    Raises:
        ChangedMeanwhile: it is not `what.old` any more.
    """
    OutreachSettings.load()
    limits = OutreachSettings.objects.select_for_update().get(pk=1)
    if change(what.kind, what.product_id).old != what.old:
        raise ChangedMeanwhile(what.name)
    if what.product_id is not None:
        row, _ = EstimateCorrection.objects.update_or_create(
            product_id=what.product_id,
            defaults={"name": what.name, "amount": new, "changed_by": by, "changed_at": Now()},
        )
        return row
    setattr(limits, SETTINGS[what.kind], new)
    limits.save(update_fields=[SETTINGS[what.kind]])
    return limits
