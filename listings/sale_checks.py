"""Listings on eBay of which nothing is heard: eBayLister is asked whether they have sold (contract, section 6).

A webhook can get lost, and so can the one that brings a late fee: for a month a
sale whose profit is provisional is asked for too. Each listing is claimed by
the time at which it is asked for, asked for outside any transaction, and what
eBayLister says goes in as if it had been posted: a late webhook then changes nothing.
"""

import hashlib
import json
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from integrations import clock, ebaylister, outbox, webhooks
from integrations.http import NotFound, PartnerError
from integrations.models import InboxMessage
from listings import lifecycle, sales, telegram
from listings.models import EbayOffer, Note, ProductListing
from listings.states import State

log = structlog.get_logger(__name__)

BATCH = 2000
SECONDS = 120.0
IN_A_ROW = 3  # unanswered ones, after which eBayLister is taken to be down
FEES_FOLLOW_WITHIN = timedelta(days=30)
UNSOLD = ("ended", "withdrawn")


@dataclass(frozen=True)
class OnEbay:
    """A listing of whose sale more may be known there, and when it was last asked for."""

    id: uuid.UUID
    number: str
    asked_at: datetime | None
    is_sold: bool


def reconcile(*, limit: int = BATCH, seconds: float = SECONDS) -> Counter[str]:
    """Ask for what is on eBay, and for sales that lack a cost, the longest unasked first, for so long and no longer.

    Returns:
        How many became what: active, sold, retold, conflict, unusable, waiting, ended, unknown, unanswered, failed.
    """
    outcomes: Counter[str] = Counter()
    end, silent = time.monotonic() + seconds, 0
    for listing in _due(limit):
        if time.monotonic() > end or silent >= IN_A_ROW:
            break
        if not _claim(listing):
            continue  # another run has it
        outcome = _ask(listing)
        outcomes[outcome] += 1
        silent = silent + 1 if outcome == "unanswered" else 0
    if outcomes:
        log.info("listings on eBay asked for", **outcomes)
    return outcomes


def _due(limit: int) -> list[OnEbay]:
    offered = Q(state=State.LISTED, ebay_offer__ended_at__isnull=True)
    lately = Q(sold_at__gte=Now() - FEES_FOLLOW_WITHIN)
    incomplete = Q(state=State.SOLD, profit_is_provisional=True) & lately
    due = ProductListing.objects.filter(offered | incomplete, ebay_listing_id__isnull=False)
    longest_first = due.order_by(F("ebay_offer__checked_at").asc(nulls_first=True), "listed_at")
    columns = longest_first.values_list("pk", "ebay_listing_id", "ebay_offer__checked_at", "state")
    return [
        OnEbay(pk, number or "", asked_at, is_sold=state == State.SOLD)
        for pk, number, asked_at, state in columns[:limit]
    ]


def _claim(listing: OnEbay) -> bool:
    EbayOffer.objects.get_or_create(listing_id=listing.id)  # what was listed by hand has none
    rows = EbayOffer.objects.filter(listing_id=listing.id)
    never = listing.asked_at is None
    as_seen = rows.filter(checked_at__isnull=True) if never else rows.filter(checked_at=listing.asked_at)
    # Not Now(): SQLite writes its own times otherwise than those that it is asked for.
    return bool(as_seen.update(checked_at=clock.now()))


def _ask(listing: OnEbay) -> str:
    try:
        shown = ebaylister.shown(listing.number)
        if shown.status == "sold":
            return _take_in(listing, shown)
        return _take_note(listing, shown.status) if shown.status in UNSOLD else "active"
    except NotFound:
        return "unknown"
    except PartnerError as error:
        text = "eBayLister did not say whether a listing has sold"
        log.warning(text, listing_id=str(listing.id), error=str(error))
        return "unanswered"
    except Exception:  # one listing that cannot be taken in never stops the rest
        log.exception("a sale could not be taken in", listing_id=str(listing.id))
        return "failed"


def _take_in(listing: OnEbay, shown: ebaylister.Shown) -> str:
    """Put a sale into the inbox, under the names that its webhook would have, and let it be understood.

    What came in before in the same words is not put there again: it waits for staff.
    """
    names = {"listing_id": listing.number, "sku": shown.sku or str(listing.id)}
    body = json.dumps(names | shown.sale).encode()
    of_this = InboxMessage.objects.filter(partner=sales.EBAY, kind=sales.KIND, subject=listing.id)
    if of_this.filter(Q(body=body) | Q(digest=hashlib.sha256(body).hexdigest())).exists():
        return "waiting"
    message = InboxMessage.objects.create(
        partner=sales.EBAY,
        kind=sales.KIND,
        body=body,
        content_type="application/json",
        subject=listing.id,
    )
    answer = webhooks.process(message.pk)
    if answer.keep_as == InboxMessage.Status.REFUSED:
        _unusable(listing, answer.body["detail"])
        return "unusable"
    if answer.status != 200:
        return "conflict"
    return "retold" if listing.is_sold else "sold"


@transaction.atomic
def _unusable(listing: OnEbay, problems: dict[str, list[str]]) -> None:
    named = "; ".join(f"{name}: {' '.join(map(str, words))}" for name, words in problems.items())
    _tell_staff(listing, f"eBayLister says that it has sold, but not so that it can be booked ({named}).")


@transaction.atomic
def _take_note(listing: OnEbay, status: str) -> str:
    """Note that a listing ended unsold, once; staff decide what becomes of the camera."""
    unended = EbayOffer.objects.filter(listing_id=listing.id, ended_at__isnull=True)
    if lifecycle.locked(listing.id).state == State.LISTED and unended.update(ended_at=Now()):
        _tell_staff(listing, f"eBay listing {listing.number} was {status}, and has not sold.")
    return "ended"


def _tell_staff(listing: OnEbay, text: str) -> None:
    row = ProductListing.objects.get(pk=listing.id)
    Note.objects.create(listing=row, by=sales.EBAY, text=text)
    outbox.put(telegram.look_rows(row, text))
