"""Callbacks that could not be true: staff apply them as far as the lifecycle allows, or dismiss them with a reason."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from integrations import show, webhooks
from integrations.models import InboxMessage
from listings import facts, lifecycle, sales
from listings.announcements import amount
from listings.models import Note, ProductListing
from listings.profit import to_pennies
from listings.states import State

Status = InboxMessage.Status
OPEN = (Status.CONFLICT, Status.PARKED)
TAKE_NOTE = "Takes note of it, and leaves the listing Cancelled"


class CannotSettle(Exception):
    """The message is settled already, or nothing can be applied; the text says which."""


@dataclass(frozen=True)
class Remedy:
    """What "apply" does with one message, in words, and how."""

    words: str
    act: Callable[[str], None]


def remedy(message: InboxMessage) -> Remedy | None:
    """Say what can be applied; None where staff can only dismiss the message."""
    listing = ProductListing.objects.filter(pk=message.subject).first() if message.subject else None
    if message.status not in OPEN or listing is None:
        return None
    of_partner = {"chatterbot": _of_chatterbot, sales.EBAY: _of_ebay}.get(message.partner)
    return of_partner(message, listing) if of_partner else None


def _of_chatterbot(message: InboxMessage, listing: ProductListing) -> Remedy | None:
    if message.kind == "deal-confirmed":
        told = webhooks.parse(message.raw)
        price, postage = _amount(told.get("agreed_price")), _amount(told.get("shipping_cost"))
        moves = "" if listing.state != State.CANCELLED else ", and leaves the listing Cancelled"
        return Remedy(
            f"Books {amount(price)} as the price agreed and paid{moves}",
            lambda by: _book(listing, price, postage, by),
        )
    if message.kind == "deal-failed" and listing.state == State.PURCHASED:
        return Remedy("Cancels the purchase", lambda by: _cancel(listing, by))
    if listing.state == State.CANCELLED:
        return Remedy(TAKE_NOTE, lambda by: None)
    return None


def _of_ebay(message: InboxMessage, listing: ProductListing) -> Remedy | None:
    sale = sales.read(message)
    if sale is None or sales.cannot_be(listing, sale):
        return None
    if listing.state == State.CANCELLED:
        return Remedy(TAKE_NOTE, lambda by: None)
    if listing.state != State.SOLD:
        price = show.amount(sale["ebay_sold_price"])
        return Remedy(f"Sells it for {price}, as eBay told us", lambda by: _book_sale(listing, sale, by))
    books = [
        f"{show.amount(new)} as the {sales.AMOUNTS[name]} instead of {show.amount(known)}"
        for name, (known, new) in sales.differences(listing, sale).items()
    ]
    books += [
        f"{show.amount(sale[name])} as the {sales.AMOUNTS[name]}" for name in sales.missing(listing, sale)
    ]
    words = f"Books {' and '.join(books)}" if books else "Takes note that it is booked as eBay told us"
    return Remedy(words, lambda by: _book_sale(listing, sale, by))


def _book_sale(listing: ProductListing, sale: dict[str, Any], by: str) -> None:
    locked = lifecycle.locked(listing.pk)
    try:
        (sales.put_right if locked.state == State.SOLD else sales.take_in)(locked, sale, by=by)
    except lifecycle.AlreadyListed as error:  # another got eBay's number at this very moment
        raise CannotSettle(str(error)) from error


def _amount(told: Any) -> Decimal | None:
    return None if told is None else to_pennies(Decimal(str(told).strip()))


def _book(listing: ProductListing, price: Decimal | None, postage: Decimal | None, by: str) -> None:
    locked = lifecycle.locked(listing.pk)
    text = f"Booked {amount(price)} as agreed, as Chatterbot told us."
    new = postage if locked.shipping_cost is None else None
    facts.learn(locked, by=by, text=text, postage_in=new, negotiated_price=price, purchase_price=price)


def _cancel(listing: ProductListing, by: str) -> None:
    lifecycle.cancel(listing.pk, by=by, reason="the deal failed after all, as Chatterbot told us")


@transaction.atomic
def apply(message_id: int, *, by: str) -> str:
    """Do what `remedy` says, and settle the message; return what was done.

    Raises:
        CannotSettle: it is settled, or there is nothing to apply.
        lifecycle.IllegalArrow: the listing has moved meanwhile.
    """
    message = _open(message_id)
    # What is done must be what the words say, which the listing's state decides: it moves no more from here.
    ProductListing.objects.select_for_update().filter(pk=message.subject).first()
    found = remedy(message)
    if found is None:
        raise CannotSettle("Nothing of this can be applied. Dismiss it with a reason.")
    found.act(by)
    _settle(message, Status.PROCESSED, by=by, text=f"Applied: {found.words}.")
    return found.words


@transaction.atomic
def dismiss(message_id: int, *, by: str, reason: str) -> None:
    """Settle a message without any effect; the reason is kept with it and with its listing.

    Raises:
        CannotSettle: it is settled already.
    """
    _settle(_open(message_id), Status.DISMISSED, by=by, text=f"Dismissed: {reason}")


def _open(message_id: int) -> InboxMessage:
    message = InboxMessage.objects.select_for_update().get(pk=message_id)
    if message.status not in OPEN:
        raise CannotSettle(f"This message is settled already ({message.get_status_display()}).")
    return message


def _settle(message: InboxMessage, status: str, *, by: str, text: str) -> None:
    InboxMessage.objects.filter(pk=message.pk).update(
        status=status, settled_by=by, processed_at=Now(), detail=f"{message.detail} {text}".strip()
    )
    if message.subject and ProductListing.objects.filter(pk=message.subject).exists():
        Note.objects.create(listing_id=message.subject, by=by, text=f"{message.detail} {text}".strip())
