"""Where a card of the board may be dropped, what that sends, and why it may not be dropped elsewhere."""

from typing import Any

from integrations import outbox
from listings.admin.arrows import STEPS, Step
from listings.admin.show import LETTERS
from listings.lifecycle import FORWARD
from listings.states import State, allowed_from

NO_WAY_BACK: dict[State, str] = {
    State.FOUND: "A messaged seller can't be un-messaged.",
    State.MESSAGING: "The seller has replied already.",
    State.NEGOTIATING: "The deal is made. What was paid is corrected in the ledger.",
    State.PURCHASED: "It is in our hands already.",
    State.RECEIVED: "End it on eBay from its page; it stays Listed.",
    State.LISTED: "It is sold. A return is booked on its page.",
}


def sends(step: Step) -> str:
    """Say in a line what the outside hears of a step, beside the event that every step is."""
    return " ".join([*_writes(step), *step.also]) or "Nothing is sent but our event."


def _writes(step: Step) -> list[str]:
    """Say what partners hear: a key that is hit by mistake must not be how they come to hear it."""
    return [words for topic, words in step.calls if topic in outbox.ROUTES]


def why_illegal(origin: State, to: State) -> tuple[str, str]:
    """Return the reason in two or three words, and in a sentence."""
    if origin == to:
        return "Came from here", "Put it back with Esc."
    if not allowed_from(origin):
        return "No way on", f"{origin.label} is the end: no step leads from it."
    if to == State.CANCELLED:
        return "Too late", "It is bought and here: sell it, and book a loss if there is one."
    if to not in FORWARD or origin not in FORWARD:
        sources = [state.label for state in State if to.value in allowed_from(state)]
        return "Not from here", f"It comes from {' or '.join(sources)} only."
    if FORWARD.index(to) < FORWARD.index(origin):
        return "No way back", NO_WAY_BACK[to]
    between = FORWARD[FORWARD.index(origin) + 1 : FORWARD.index(to)]
    away = "Two steps away" if len(between) == 1 else f"{len(between) + 1} steps away"
    return away, f"First {', then '.join(state.label for state in between)}."


def moves() -> dict[str, dict[str, dict[str, Any]]]:
    """Return, for each state and each column, whether a card may be dropped there, and the words for it."""
    return {
        origin.value: {to.value: _move(origin, to) for to in State if to != State.FOUND or origin != to}
        for origin in State
    }


def _move(origin: State, to: State) -> dict[str, Any]:
    step = STEPS.get(to)
    if step is None or to.value not in allowed_from(origin):
        head, words = why_illegal(origin, to)
        return {"legal": False, "head": head, "words": words}
    return {
        "legal": True,
        "asks": step.asks,
        "writes": bool(_writes(step)),
        "head": f"Drop: {step.words}",
        "words": sends(step),
    }


def options(origin: State) -> dict[str, list[dict[str, Any]]]:
    """Return the steps for the sheet: those that can be taken, the primary one first, and the others with why not."""
    legal = [_option(State(to)) | {"words": sends(STEPS[State(to)])} for to in allowed_from(origin)]
    others = [to for to in STEPS if to.value not in allowed_from(origin) and to != origin]
    return {
        "legal": legal,
        "illegal": [_option(to) | {"words": ": ".join(why_illegal(origin, to))} for to in others],
    }


def _option(to: State) -> dict[str, Any]:
    step = STEPS[to]
    return {
        "to": to.value,
        "css": to.value.lower(),
        "letter": LETTERS[to],
        "label": to.label,
        "act": f"{step.words.removesuffix('…')}.",
        "asks": step.asks,
    }
