"""What was told to partners, people and the queue about a seller's listings: emptied where it has left."""

from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from aetos.erasure.inbox import named
from aetos.erasure.pen import Pen
from aetos.erasure.seller import Seller
from integrations import outbox, telegram_chat
from integrations.models import Channel, DeliveryAttempt, OutboxMessage, TelegramMessage

TITLES = ("title", "description")


def told(seller: Seller, pen: Pen) -> None:
    """Empty what was delivered about the listings; what still has to leave says no more than it must."""
    about = OutboxMessage.objects.filter(key__in=seller.keys)
    _errors(about, pen)
    delivered = about.filter(delivered_at__isnull=False, emptied_at__isnull=True)
    pen.update("outbox", delivered, body={}, emptied_at=Now())
    for row in about.filter(delivered_at__isnull=True).order_by("id"):
        body = seller.cleaned(_bare(row.body, seller))
        if body != row.body:
            pen.update("outbox", OutboxMessage.objects.filter(pk=row.pk), body=body)


def _bare(body: Any, seller: Seller) -> Any:
    """Leave the reason out of an event, and put the catalogue's name in the place of a title that is the seller's."""
    left = {**body, "reason": None} if body.get("reason") else body
    offer = left.get("offer")
    if isinstance(offer, dict) and any(seller.is_in(str(offer.get(name))) for name in TITLES):
        listing = next(each for each in seller.listings if str(each.pk) == offer.get("sku"))
        left = {**left, "offer": {**offer, "title": named(listing)[:80]}}
    return left


def _errors(rows: QuerySet[OutboxMessage], pen: Pen) -> None:
    """Take away what partners said to the calls: they may quote what they were sent."""
    pen.update("outbox: errors", rows.exclude(last_error=""), last_error="")
    pen.update("attempts", DeliveryAttempt.objects.filter(message__in=rows).exclude(detail=""), detail="")


def said_in_telegram(seller: Seller, pen: Pen) -> None:
    """Take the listings out of messages to the chat, one of which may be about several sellers'."""
    for row in OutboxMessage.objects.filter(channel=telegram_chat.CHANNEL).order_by("id").iterator(500):
        listing = next((each for each in seller.listings if str(each.pk) == row.body.get("subject")), None)
        body = seller.cleaned({**row.body, "text": f"[{listing.short_code}]"} if listing else row.body)
        if body != row.body:
            rows = OutboxMessage.objects.filter(pk=row.pk)
            _errors(rows, pen)
            pen.update("outbox: Telegram", rows, body=body)


def telegram_messages(seller: Seller, pen: Pen) -> None:
    """Overwrite our messages about the listings, here and, as far as Telegram lets us, in the chat."""
    about = {listing.pk: f"[{listing.short_code}]" for listing in seller.listings}
    for row in TelegramMessage.objects.order_by("id").iterator(500):
        text = about[row.subject] if row.subject in about else seller.without(row.text)
        taps, buttons = seller.cleaned(row.taps), seller.cleaned(row.buttons)
        if (text, taps) == (row.text, row.taps):
            continue
        rows = TelegramMessage.objects.filter(pk=row.pk)
        pen.update("Telegram messages", rows, text=text, taps=taps, buttons=buttons)
        if not pen.dry_run and telegram_chat.is_on():
            row.text, row.taps, row.buttons = text, taps, buttons
            outbox.put([telegram_chat.edit(row)])


def channels(seller: Seller, pen: Pen) -> None:
    """Take the seller's words out of the last error of a channel."""
    for row in Channel.objects.exclude(last_error=""):
        if (error := seller.without(row.last_error)) != row.last_error:
            pen.update("channels", Channel.objects.filter(pk=row.pk), last_error=error)


def other_errors(seller: Seller, pen: Pen) -> None:
    """Take the seller's words out of errors of calls that are filed under other keys."""
    wrong = Q(last_error__gt="")
    for row in OutboxMessage.objects.filter(wrong).exclude(key__in=seller.keys).defer("body").iterator(500):
        if (error := seller.without(row.last_error)) != row.last_error:
            pen.update("outbox: errors", OutboxMessage.objects.filter(pk=row.pk), last_error=error)


PLACES: tuple[Callable[[Seller, Pen], None], ...] = (
    told,
    said_in_telegram,
    telegram_messages,
    channels,
    other_errors,
)
