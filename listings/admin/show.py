"""How the back office writes a listing's state, its age and who did what."""

from datetime import datetime, timedelta
from functools import cache

from django.utils import timezone
from django.utils.safestring import SafeString

from integrations.show import markup, span
from listings.models import ProductListing
from listings.states import State

LETTERS: dict[State, str] = {state: state.value[0] for state in State} | {State.CANCELLED: "X"}
_NAMES = {"scraper": "ScraperV2", "chatterbot": "Chatterbot", "ebay": "eBay", "timeout": "the time-out"}


@cache
def state_badge(state: str | None, *, name: bool = True) -> SafeString:
    """Mark up a state: its letter in a tile, since colour alone says nothing to some, and its name."""
    if state is None:
        return markup("{}", "new")
    known = State(state)
    tile = markup('<span class="ae-tile" aria-hidden="true">{}</span>', LETTERS[known])
    words = markup("<span{}>{}</span>", "" if name else markup(' class="{}"', "ae-hidden"), known.label)
    return markup('<span class="ae-state ae-{}">{}{}</span>', known.value.lower(), tile, words)


def who(by: str) -> str:
    """Say who `triggered_by` was, as a person would."""
    kind, _, name = by.partition(":")
    if kind == "user" and name:
        return name
    if kind == "telegram" and name:
        return f"{name} (Telegram)"
    return f"rule {name}" if kind == "rule" and name else _NAMES.get(by, by)


def warmth(listing: ProductListing, now: datetime) -> int:
    """Return how near the deadline is, from 0 (under half of the time is used) to 4 (under 12 hours left)."""
    if listing.deadline_at is None:
        return 0
    left = listing.deadline_at - now
    whole = listing.deadline_at - listing.state_changed_at
    used = 1 - left / whole if whole > timedelta(0) else 1.0
    if left < timedelta(hours=12):
        return 4
    if used >= 0.85 or left < timedelta(hours=24):
        return 3
    return 2 if used >= 0.7 else 1 if used >= 0.5 else 0


def age(listing: ProductListing) -> SafeString:
    """Mark up how long a listing is in its state, and what is left until that ends by itself."""
    now = timezone.now()
    words = span(now - listing.state_changed_at)
    if listing.deadline_at is None:
        return markup('<span class="ae-age ae-warm-0">{}</span>', words)
    left = listing.deadline_at - now
    rest = f"{span(left)} left" if left > timedelta(0) else "overdue"
    return markup(
        '<span class="ae-second">{}</span> <span class="ae-age ae-warm-{}" title="{}">{}</span>',
        words,
        warmth(listing, now),
        f"Cancelled by itself at {timezone.localtime(listing.deadline_at):%d %b %H:%M %Z}",
        rest,
    )


def outward(url: str, words: str) -> SafeString:
    """Mark up a link to the marketplace, which learns nothing of us by it."""
    return markup(
        '<a class="ae-link" href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>', url, words
    )
