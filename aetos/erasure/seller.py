"""Who is to be forgotten: the listings, the ids, and the words by which the person's data are found."""

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from integrations.models import InboxMessage
from integrations.telegram_text import one_line
from listings.models import Lead, ProductListing
from listings.telegram import LONGEST_TITLE

CHATTERBOT, SCRAPER = "chatterbot", "scraper"
IDS = ("seller_messenger_id", "conversation_thread_id")
# A shorter word stands in texts about others, too.
SHORTEST_WORD = 8
REMOVED = "removed"


class SellerUnknown(Exception):
    """Nothing here has that name."""


@dataclass
class Seller:
    """A person as we know one: by the listings, by ids at Chatterbot's, and by words of theirs."""

    listings: list[ProductListing]
    ids: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)

    @property
    def keys(self) -> set[str]:
        """The listings' ids as text, which is what outbox rows are filed under."""
        return {str(listing.pk) for listing in self.listings}

    @property
    def identities(self) -> dict[str, ProductListing]:
        """The items on the marketplace."""
        return {listing.identity: listing for listing in self.listings}

    @property
    def codes(self) -> set[str]:
        """The short codes."""
        return {listing.short_code for listing in self.listings}

    def learn(self, *texts: Any) -> None:
        """Take in words of the seller's, in the forms in which others quote them."""
        for text in texts:
            if isinstance(text, str) and len(text.strip()) >= SHORTEST_WORD:
                self.words |= {text.strip(), one_line(text, LONGEST_TITLE).removesuffix("…").rstrip()}

    def is_in(self, text: str) -> bool:
        """Say whether a text quotes the seller or names a listing by its code."""
        return any(f"[{code}]" in text for code in self.codes) or self.quotes(text)

    def quotes(self, text: str) -> bool:
        """Say whether a text holds words or ids of the seller's."""
        return any(word in text for word in self._spelt())

    def without(self, text: str) -> str:
        """Return a text without the seller's words; of what is said before a listing's code, only the code stays."""
        for code in self.codes:
            text = re.sub(rf"[^\n]*\[{code}\]", f"[{code}]", text)
        for word in self._spelt():
            text = text.replace(word, REMOVED)
        return text

    def cleaned(self, value: Any) -> Any:
        """Return a JSON value with every text in it `without`."""
        if isinstance(value, str):
            return self.without(value)
        if isinstance(value, list):
            return [self.cleaned(each) for each in value]
        if isinstance(value, dict):
            return {self.without(name): self.cleaned(each) for name, each in value.items()}
        return value

    def _spelt(self) -> list[str]:
        # The longest first: what a short word is part of must not be left in halves. A text may be JSON in itself.
        words = self.words | {each for each in self.ids if each}
        return sorted(words | {json.dumps(word)[1:-1] for word in words}, key=len, reverse=True)


def find(*, listing: str = "", seller_id: str = "", thread_id: str = "") -> Seller:
    """Find a seller by one name, and all listings that are known to be theirs.

    Args:
        listing: a listing's id or short code.
        seller_id: `seller_messenger_id`, as Chatterbot told it.
        thread_id: `conversation_thread_id`, as Chatterbot told it.

    Raises:
        SellerUnknown: nothing here has that name.
    """
    seller = Seller(list(_named(listing)), ids={each for each in (seller_id, thread_id) if each})
    if listing and not seller.listings:
        raise SellerUnknown(f"There is no listing {listing}.")
    _follow_leads(seller)
    _follow_callbacks(seller)
    if not seller.listings and not seller.words:
        raise SellerUnknown("Chatterbot has told nothing of such a seller.")
    for each in seller.listings:
        theirs = {**each.raw_match, "product": None, "reasons": None}
        seller.learn(each.title, each.location, *texts(theirs))
    _leave_what_others_share(seller)
    return seller


def _named(listing: str) -> Iterable[ProductListing]:
    if not listing:
        return []
    wanted = Q(short_code=listing.upper())
    with suppress(ValueError):  # a code is no UUID
        wanted |= Q(pk=uuid.UUID(listing))
    return ProductListing.objects.filter(wanted)


def _follow_leads(seller: Seller) -> None:
    """Go from listings to ids and from ids to listings, until nothing is new."""
    known: set[uuid.UUID] = set()
    while True:
        by_id = Q(seller_messenger_id__in=seller.ids) | Q(conversation_thread_id__in=seller.ids)
        leads = Lead.objects.filter(by_id | Q(listing__in=seller.listings)).select_related("listing")
        for lead in leads:
            seller.ids |= {lead.seller_messenger_id, lead.conversation_thread_id} - {""}
        seller.listings = list(
            {each.pk: each for each in (*seller.listings, *(lead.listing for lead in leads))}.values()
        )
        if {each.pk for each in seller.listings} == known:
            return
        known = {each.pk for each in seller.listings}


def _follow_callbacks(seller: Seller) -> None:
    """Learn ids and words from what Chatterbot told, also of what it is parked for."""
    for _, payload in callbacks_of(seller):
        seller.ids |= {str(payload[name]) for name in IDS if payload.get(name)}
        seller.learn(*(payload.get(name) for name in ("message", "reason")))


def callbacks_of(seller: Seller) -> Iterator[tuple[InboxMessage, dict[str, Any]]]:
    """Yield Chatterbot's messages that are about the seller, with their bodies."""
    orders = set(
        Lead.objects.filter(listing__in=seller.listings, order_id__isnull=False).values_list(
            "order_id", flat=True
        )
    )
    subjects = {listing.pk for listing in seller.listings}
    rows = InboxMessage.objects.filter(partner=CHATTERBOT, emptied_at__isnull=True).order_by("id")
    for row in rows.iterator(100):
        payload = parsed(row.raw)
        if not isinstance(payload, dict):
            continue
        theirs = row.subject in subjects or payload.get("listing_id") in seller.keys
        theirs = theirs or any(str(payload.get(name)) in seller.ids for name in IDS)
        if theirs or _is_order(payload.get("order_id"), orders):
            yield row, payload


def _is_order(value: Any, orders: set[int | None]) -> bool:
    return isinstance(value, int) and value in orders


def parsed(body: bytes) -> Any:
    """Return the JSON in a body, None where there is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def _leave_what_others_share(seller: Seller) -> None:
    """Take out words that other listings have as well, such as a plain title or a town."""
    others = ProductListing.objects.exclude(pk__in=[listing.pk for listing in seller.listings])
    shared = others.filter(Q(title__in=seller.words) | Q(location__in=seller.words))
    for title, place in shared.values_list("title", "location"):
        seller.words -= {title, place, one_line(title, LONGEST_TITLE)}
