"""A seller is forgotten: what is known of the person goes, from every place; what we did and what it cost stays.

Kept on purpose: the transition log and the ledger, which nobody can change (a
row that quotes somebody is named, for a person to judge); the item's number
and canonical address, without which the next scrape would make it a new
listing and the seller would be written to again; prices; the catalogue's names; Chatterbot's
order number, by which its talk is stopped; and our own photos of the camera,
which came without metadata (they go too where staff say that they are the seller's).

One place after the other, each row by itself: stopped in the middle, it is run
again. The listing itself comes last, since its words find the rest.
"""

from collections import Counter
from collections.abc import Callable

from django.db import transaction
from django.db.models.functions import Now

from aetos.erasure import inbox, outbox, records
from aetos.erasure.pen import Pen
from aetos.erasure.seller import Seller, SellerUnknown, find
from listings import lifecycle
from listings.models import ProductListing
from listings.states import State

__all__ = ["BY", "Seller", "SellerUnknown", "find", "forget"]

BY = "rule:forget_seller"
REASON = "the seller is forgotten"
# A talk with somebody who is to be forgotten ends. From PURCHASED on there is a contract, which goes on.
ENDED = (State.FOUND, State.MESSAGING, State.NEGOTIATING)
MOST_PASSES = 3


def forget(
    seller: Seller,
    *,
    dry_run: bool = False,
    with_photos: bool = False,
    told: Callable[[str, int], None] = lambda place, count: None,
) -> Counter[str]:
    """Remove a seller's data.

    Args:
        seller: whom, by `find`.
        dry_run: only count.
        with_photos: the photos of the listings are the seller's own, and go too.
        told: hears of each place that has been gone through, and how many rows of it change.

    Returns:
        How many rows of each place change; none of a place that holds nothing of the seller.
    """
    pen = Pen(dry_run=dry_run)
    if not dry_run:
        for listing in seller.listings:
            _end(listing)
    # What came in meanwhile is found by a second pass: from the mark on, nothing new is kept in rows.
    for _ in range(1 if dry_run else MOST_PASSES):
        before = pen.counts.total()
        for place in (*inbox.PLACES, *outbox.PLACES, *records.PLACES):
            place(seller, pen)
            told(place.__name__, pen.counts.total())
        if with_photos:
            records.photos(seller, pen)
        if pen.counts.total() == before:
            break
    return pen.counts


@transaction.atomic
def _end(listing: ProductListing) -> None:
    """Cancel what is not bought yet, and mark that no more is to be kept."""
    locked = lifecycle.locked(listing.pk)
    if locked.state in ENDED:
        lifecycle.cancel(listing.pk, by=BY, reason=REASON)
    if locked.seller_forgotten_at is None:
        ProductListing.objects.filter(pk=listing.pk).update(seller_forgotten_at=Now())
