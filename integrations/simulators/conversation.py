"""How a simulated seller behaves: decided by the item's link and title alone, so runs can be repeated."""

from dataclasses import dataclass
from random import Random

CONFIRMED, FAILED, REPLIED, SILENT = "confirmed", "failed", "replied", "silent"
OUTCOMES = frozenset({CONFIRMED, FAILED, REPLIED, SILENT})

QUESTIONS = (
    "Hi, is the {} still available?",
    "Hello, is this {} still for sale, and does everything work?",
    "Hi there, would you take a little less for the {} if I collect this week?",
)
REPLIES = (
    "Yes, still available. When could you collect?",
    "Hi, yes it is. It has been a great camera, no faults at all.",
    "Still here! A few people have asked, so first come first served.",
    "Yes. What would you offer?",
)
AGREEMENTS = ("Deal. I can post it tomorrow.", "Fine by me, it is yours.", "OK, let's do that.")
REASONS = (
    "Sold to someone else",
    "Seller wants the full price",
    "Seller will only swap",
    "Seller stopped answering",
)


@dataclass(frozen=True)
class Conversation:
    """What will be said about one lead, and when: the times are minutes of the partners' life."""

    outcome: str
    question: str
    reply: str
    reply_after: float
    decision_after: float
    agreed_price: str | None
    shipping_cost: str | None
    agreement: str
    reason: str
    thread_id: str
    seller_id: str
    by_order: bool


def foreseen(url: str, title: str, camera: str, price: float | None, outcome: str = "") -> Conversation:
    """Take a lead's link, title, camera, price and, if it is forced, its outcome, return how it will go."""
    draw = Random(f"{url}|{title}")
    fate = draw.random()
    drawn = CONFIRMED if fate < 0.52 else FAILED if fate < 0.62 else REPLIED if fate < 0.7 else SILENT
    outcome = outcome or drawn
    share = draw.uniform(0.86, 0.98)
    # Nobody agrees on a price that was never named.
    if outcome == CONFIRMED and price is None:
        outcome = REPLIED
    return Conversation(
        outcome=outcome,
        question=draw.choice(QUESTIONS).format(camera),
        reply=draw.choice(REPLIES),
        reply_after=draw.uniform(8, 45),
        decision_after=draw.uniform(15, 90),
        agreed_price=None if price is None else f"{agreed(price, share)}.00",
        shipping_cost=draw.choice((None, None, "4.99", "7.95")),
        agreement=draw.choice(AGREEMENTS),
        reason=draw.choice(REASONS),
        thread_id=f"t_{draw.randrange(10**14, 10**15)}",
        seller_id=str(draw.randrange(10**14, 10**15)),
        by_order=draw.random() < 0.25,
    )


def agreed(price: float, share: float) -> int:
    """Take what is asked and the share of it that is paid, return whole pounds below the asking price."""
    return max(0, min(round(price * share), int(price) - 1 if price >= 2 else int(price)))
