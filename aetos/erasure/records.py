"""Our own rows about a seller's listings: what was said goes, what was done and paid stays."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db.models import F, Q

from aetos.erasure.inbox import named
from aetos.erasure.pen import Pen
from aetos.erasure.seller import REMOVED, Seller, texts
from integrations.models import TelegramAlbum
from listings.models import EbayOffer, Lead, LedgerLine, Note, Photo, ProductListing, TransitionLog
from listings.photos import files

REMOVED_NOTE = "Removed with what was known of the seller."


def offers(seller: Seller, pen: Pen) -> None:
    """Keep what staff wrote for eBay, without the seller's words; what eBayLister refused may quote them."""
    for row in EbayOffer.objects.filter(listing__in=seller.listings).select_related("listing"):
        title = named(row.listing)[:80] if seller.is_in(row.title) else row.title
        description = seller.without(row.description)
        if (title, description, {}) != (row.title, row.description, row.problems):
            rows = EbayOffer.objects.filter(pk=row.pk)
            pen.update("eBay offers", rows, title=title, description=description, problems={})


def notes(seller: Seller, pen: Pen) -> None:
    """Empty notes: what they book is in the ledger."""
    rows = Note.objects.filter(listing__in=seller.listings).exclude(text=REMOVED_NOTE)
    pen.update("notes", rows, text=REMOVED_NOTE)


def sessions(seller: Seller, pen: Pen) -> None:
    """End the sessions whose unread messages quote the seller: that member of staff signs in again."""
    for row in Session.objects.iterator(200):
        if any(seller.is_in(text) for text in texts(row.get_decoded())):
            pen.delete("sessions", Session.objects.filter(pk=row.pk))


def admin_entries(seller: Seller, pen: Pen) -> None:
    """Name the listings by their ids in the record of what staff edited."""
    for row in LogEntry.objects.iterator(500):
        name = row.object_id or "" if row.object_id in seller.keys else seller.without(row.object_repr)
        words = seller.without(row.change_message)
        if (name, words) != (row.object_repr, row.change_message):
            rows = LogEntry.objects.filter(pk=row.pk)
            pen.update("staff's edits", rows, object_repr=name, change_message=words)


def leads(seller: Seller, pen: Pen) -> None:
    """Forget who the seller is at Chatterbot's; its order number stays, by which it is stopped."""
    known = ~Q(conversation_thread_id="") | ~Q(seller_messenger_id="")
    rows = Lead.objects.filter(known, listing__in=seller.listings)
    pen.update("leads", rows, conversation_thread_id="", seller_messenger_id="")


def listings(seller: Seller, pen: Pen) -> None:
    """Call the listings what the catalogue calls them. They come last: their words have found the rest."""
    for each in seller.listings:
        row: dict[str, Any] = {"title": named(each)[:512], "location": "", "raw_match": {}}
        changed = Q(raw_match={}) & Q(title=row["title"], location="", raw_url=F("marketplace_url"))
        rows = ProductListing.objects.filter(pk=each.pk)
        error = REMOVED if rows.filter(error_message__isnull=False).exists() else None
        stale = rows.exclude(changed & (Q(error_message__isnull=True) | Q(error_message=REMOVED)))
        pen.update("listings", stale, **row, raw_url=F("marketplace_url"), error_message=error)


def photos(seller: Seller, pen: Pen) -> None:
    """Delete the photos of the listings, rows and files, and what is kept of how they came from Telegram."""
    rows = Photo.objects.filter(listing__in=seller.listings)
    names = [name for each in rows.values_list("image", "thumbnail") for name in each]
    pen.delete("photos", rows)
    pen.delete(
        "Telegram pictures", TelegramAlbum.objects.filter(subject__in=[each.pk for each in seller.listings])
    )
    if not pen.dry_run:
        files.discard(names)


def kept(seller: Seller) -> list[str]:
    """Name the rows of log and ledger that hold words of somebody: nobody can change them, a person judges them."""
    log = TransitionLog.objects.filter(listing__in=seller.listings).exclude(metadata={}).order_by("id")
    ledger = LedgerLine.objects.filter(listing__in=seller.listings).exclude(note="").order_by("id")
    return [
        *(f"transition log, row {row.pk}" for row in log if seller.is_in(str(row.metadata))),
        *(f"ledger, line {row.pk}" for row in ledger if seller.is_in(row.note)),
    ]


PLACES: tuple[Callable[[Seller, Pen], None], ...] = (
    offers,
    notes,
    sessions,
    admin_entries,
    leads,
    listings,
)
