"""What a card of the board shows."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any
from uuid import UUID

from django.utils import timezone

from integrations.show import amount, page_of, span
from listings import offers, photos
from listings.admin.show import LETTERS, warmth
from listings.models import Photo, ProductListing
from listings.states import ENTERED_AT, State

# The state that follows one without a deadline: who is there now, tells how long one stays.
FOLLOWED_BY: dict[State, State] = {
    State.FOUND: State.MESSAGING,
    State.PURCHASED: State.RECEIVED,
    State.RECEIVED: State.LISTED,
    State.LISTED: State.SOLD,
}
SAMPLE, ENOUGH = 50, 5
# What eBayLister has been asked and has not answered yet.
PENDING = {
    offers.CREATE: "Pending: eBay is asked to list it",
    offers.UPDATE: "Pending: eBay is asked to change it",
    offers.END: "Pending: eBay is asked to end it",
}


def stays() -> dict[str, timedelta]:
    """Return the median stay in each state that does not end by itself, of the last that left it; few tell nothing."""
    found = {}
    for state, then in FOLLOWED_BY.items():
        rows = ProductListing.objects.filter(state=then).order_by("-state_changed_at", "-pk")
        moments = rows.values_list(ENTERED_AT[state], ENTERED_AT[then])[:SAMPLE]
        # A step on the way may have been walked through at once: that is no stay.
        known = [left - entered for entered, left in moments if entered and left and left > entered]
        if len(known) >= ENOUGH:
            found[state.value] = timedelta(seconds=median(each.total_seconds() for each in known))
    return found


def cards(rows: Iterable[Any], medians: dict[str, timedelta], now: datetime) -> list[dict[str, Any]]:
    """Return the cards of listings that carry `net_estimate`; two queries more: their covers, what eBay was asked."""
    rows = list(rows)
    pictures = covers([row.pk for row in rows])
    asked = {pk: PENDING[call["operation"]] for pk, call in offers.pending(rows).items()}
    return [
        _card(row, pictures.get(row.pk, (None, 0)), medians, now) | {"pending": asked.get(str(row.pk), "")}
        for row in rows
    ]


def covers(ids: list[UUID]) -> dict[UUID, tuple[Photo, int]]:
    """Return the cover of each listing that has one, and the number of its photos."""
    found: dict[UUID, tuple[Photo, int]] = {}
    for photo in Photo.objects.filter(listing_id__in=ids).order_by("position", "id"):
        cover, count = found.get(photo.listing_id, (photo, 0))
        found[photo.listing_id] = (cover, count + 1)
    return found


def _card(
    row: Any, pictures: tuple[Photo | None, int], medians: dict[str, timedelta], now: datetime
) -> dict[str, Any]:
    cover, count = pictures
    state, stay = State(row.state), now - row.state_changed_at
    warm, why = _warmth(row, medians.get(row.state), now)
    price, price_words = _price(row)
    net, net_words = _net(row)
    return {
        "id": row.pk,
        "state": state.value,
        "letter": LETTERS[state],
        "title": row.title,
        "url": page_of("listings_productlisting", row.pk),
        "cover": photos.staff_url(cover, thumbnail=True) if cover else None,
        "photos": count,
        "price": price,
        "price_words": price_words,
        "net": net,
        "net_words": net_words,
        "confidence": round(row.confidence_score),
        "age": span(stay),
        "warm": warm,
        "warm_why": why,
        "left": _left(row, now),
        "error": row.error_message,
        "closed": state in (State.SOLD, State.CANCELLED),
    }


def _price(row: ProductListing) -> tuple[Decimal | None, str]:
    """Return the amount that counts in this state, and what it is."""
    if row.state == State.SOLD:
        return row.ebay_sold_price, "sold"
    if row.state == State.LISTED:
        return row.ebay_asking_price, "on eBay"
    if row.purchase_price is not None:
        return row.purchase_price, "paid"
    if row.negotiated_price is not None:
        return row.negotiated_price, "agreed"
    return row.asking_price, "asking"


def _net(row: Any) -> tuple[Decimal | None, str]:
    if row.state != State.SOLD:
        return row.net_estimate, "expected" if row.state == State.LISTED else "net est."
    return row.final_profit, "provisional" if row.profit_is_provisional else "profit"


def _left(row: ProductListing, now: datetime) -> str:
    if row.deadline_at is None:
        return ""
    return f"{span(row.deadline_at - now)} left" if row.deadline_at > now else "overdue"


def _warmth(row: ProductListing, usual: timedelta | None, now: datetime) -> tuple[int, str]:
    """Return how warm the age is, and why: by the deadline, else by how long the others stay."""
    if row.deadline_at is not None:
        local = timezone.localtime(row.deadline_at)
        return warmth(row, now), f"Cancels itself {local.day} {local:%b %H:%M}"
    if not usual:
        return 0, ""
    share = (now - row.state_changed_at) / usual
    warm = 0 if share < 1 else 1 if share < 1.5 else 2 if share < 2.5 else 3
    return warm, f"Half of them leave {State(row.state).label} within {span(usual)}"


def words(row: ProductListing) -> str:
    """Name a listing and its price in a line, for the sheet's head."""
    price, what = _price(row)
    return f"{amount(price)} {what}"
