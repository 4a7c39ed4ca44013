"""The lifecycle as data: every state, every arrow, and what a state asks for.

This is the one transition table. The model's transitions, the database's
triggers and checks, the API's `allowed_transitions`, the tests and the README
are all held against it.
"""

from django.db import models


class State(models.TextChoices):
    """Where a camera is on its way from an offer to a sale."""

    FOUND = "FOUND", "Found"
    MESSAGING = "MESSAGING", "Messaging"
    NEGOTIATING = "NEGOTIATING", "Negotiating"
    PURCHASED = "PURCHASED", "Purchased"
    RECEIVED = "RECEIVED", "Received"
    LISTED = "LISTED", "Listed"
    SOLD = "SOLD", "Sold"
    CANCELLED = "CANCELLED", "Cancelled"


CANCELLABLE = (State.FOUND, State.MESSAGING, State.NEGOTIATING, State.PURCHASED)

# (from, to) → the verb that takes it, on the model and on the door alike.
ARROWS: dict[tuple[State, State], str] = {
    (State.FOUND, State.MESSAGING): "message_seller",
    (State.MESSAGING, State.NEGOTIATING): "start_negotiating",
    (State.NEGOTIATING, State.PURCHASED): "purchase",
    (State.PURCHASED, State.RECEIVED): "receive",
    (State.RECEIVED, State.LISTED): "list_on_ebay",
    (State.LISTED, State.SOLD): "sell",
    **{(state, State.CANCELLED): "cancel" for state in CANCELLABLE},
}

# A camera's way, in its order; CANCELLED is beside it.
FORWARD = (
    State.FOUND,
    State.MESSAGING,
    State.NEGOTIATING,
    State.PURCHASED,
    State.RECEIVED,
    State.LISTED,
    State.SOLD,
)

# The moment at which each state was entered; null means that it never was.
ENTERED_AT: dict[State, str] = {
    State.FOUND: "found_at",
    State.MESSAGING: "messaged_at",
    State.NEGOTIATING: "negotiating_at",
    State.PURCHASED: "purchased_at",
    State.RECEIVED: "received_at",
    State.LISTED: "listed_at",
    State.SOLD: "sold_at",
    State.CANCELLED: "cancelled_at",
}

# States that end by themselves, and the setting that says after how many days of 24 hours.
TIMEOUT_SETTING: dict[State, str] = {
    State.MESSAGING: "MESSAGING_TIMEOUT_DAYS",
    State.NEGOTIATING: "NEGOTIATING_TIMEOUT_DAYS",
}


def allowed_from(state: str) -> list[str]:
    """List the states that one arrow leads to from `state`, in lifecycle order."""
    return [to.value for origin, to in ARROWS if origin == state]
