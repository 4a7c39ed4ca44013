"""What a figure counts, as conditions: the figure and the list that it links to ask the same."""

from django.db.models import Q

from listings.models import TransitionLog
from listings.states import State

CANCELLED_IN: dict[State, Q] = {
    State.MESSAGING: Q(state=State.CANCELLED, messaged_at__isnull=False, negotiating_at__isnull=True),
    State.NEGOTIATING: Q(state=State.CANCELLED, negotiating_at__isnull=False, purchased_at__isnull=True),
}

WENT: dict[str, tuple[str, Q]] = {
    "replied": ("The seller replied", Q(negotiating_at__isnull=False)),
    "bought": ("It was bought", Q(purchased_at__isnull=False)),
    "open": ("Still open", Q(state__in=(State.MESSAGING, State.NEGOTIATING))),
}

# Estimate and profit can be compared: both are known, and the profit is final.
COMPARABLE = Q(
    state=State.SOLD,
    final_profit__isnull=False,
    profit_is_provisional=False,
    returned_at__isnull=True,
    estimated_profit__isnull=False,
    asking_price__isnull=False,
)

OUTCOMES: dict[str, tuple[str, Q]] = {
    "known": ("Profit known", Q(final_profit__isnull=False)),
    "loss": ("Sold at a loss", Q(final_profit__lt=0)),
    "provisional": ("Profit provisional", Q(state=State.SOLD, profit_is_provisional=True)),
    "returned": ("Returned", Q(returned_at__isnull=False)),
    "comparable": ("Estimate and final profit known", COMPARABLE),
    "paid": ("Price asked and paid known", Q(asking_price__isnull=False, purchase_price__isnull=False)),
    "fee": ("Fee and sold price known", Q(ebay_fees__isnull=False, ebay_sold_price__gt=0)),
    "postage": ("Postage known", Q(state=State.SOLD, shipping_cost__isnull=False)),
}


def timed_out() -> Q:
    """Return the condition that the time-out has cancelled a listing."""
    log = TransitionLog.objects.filter(to_state=State.CANCELLED, triggered_by="timeout")
    return Q(pk__in=log.values("listing"))


def messaged_by(who: str) -> Q:
    """Return the condition that `who` (as in the log: `user:NAME`, `rule:NAME` …) had the seller messaged."""
    return Q(
        pk__in=TransitionLog.objects.filter(to_state=State.MESSAGING, triggered_by=who).values("listing")
    )
