"""What is to be shown on eBay: prepared from what is known, edited by staff, and what it still lacks."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db import models

from listings.models import EbayOffer, Photo, ProductListing
from listings.profit import ZERO, to_pennies

MAX_TITLE, MAX_DESCRIPTION, MAX_PHOTOS = 80, 4000, 24
WORDS_FOR_ALL = (
    "The item in the photos is the one that you will receive. Please look at all photos before you buy: "
    "they are part of the description."
)


class Condition(models.TextChoices):
    """The conditions in which a camera is sold, in the words of eBay's sellers."""

    NEW = "New", "New"
    OPEN_BOX = "Open box", "Open box"
    USED = "Used", "Used"
    FOR_PARTS = "For parts or not working", "For parts or not working"


@dataclass(frozen=True)
class Draft:
    """An offer as it would be sent; `price` is null where none is known."""

    title: str
    description: str
    condition: str
    price: Decimal | None
    photos: list[Photo]


@dataclass(frozen=True)
class Blocker:
    """One thing that keeps a draft from eBay: the field that it is about, and what to do, in words."""

    field: str
    words: str


def draft(listing: ProductListing, *, price: Decimal | None = None) -> Draft:
    """Return what would be sent now: what staff made of it, or else what is proposed.

    Asks the database for nothing where the listing came with its `ebay_offer` and `photos`.

    Args:
        price: asked instead of the draft's.
    """
    offer: EbayOffer | None = getattr(listing, "ebay_offer", None)
    known = (price, listing.ebay_asking_price, offer.price if offer else None, proposed_price(listing))
    price = next((each for each in known if each is not None), None)
    photos = list(listing.photos.all()[:MAX_PHOTOS])
    if offer is not None and offer.prepared_at is not None:
        return Draft(offer.title, offer.description, offer.condition, price, photos)
    return Draft(_title(listing), _description(listing, Condition.USED), Condition.USED.value, price, photos)


def proposed_price(listing: ProductListing) -> Decimal | None:
    """Return what was asked plus what was to be earned; null where either is not known."""
    if listing.asking_price is None or listing.estimated_profit is None:
        return None
    return to_pennies(max(listing.asking_price + listing.estimated_profit, ZERO))


def _product(listing: ProductListing) -> str:
    return listing.product_name or f"{listing.brand} {listing.model}"


def _title(listing: ProductListing) -> str:
    """Return the listing's title, cut behind a word where it is too long for eBay."""
    title = " ".join(listing.title.split()) or _product(listing)
    if len(title) <= MAX_TITLE:
        return title
    words, _, rest = title[: MAX_TITLE + 1].rpartition(" ")
    return words if words and len(rest) < MAX_TITLE // 2 else title[:MAX_TITLE]


def _description(listing: ProductListing, condition: Condition) -> str:
    return f"{_product(listing)}\n\nCondition: {condition.label}.\n\n{WORDS_FOR_ALL}"


def blockers(listing: ProductListing) -> list[Blocker]:
    """Name each thing that keeps a listing's draft from eBay, in the order in which staff meet them."""
    return lacking(draft(listing))


def lacking(ready: Draft) -> list[Blocker]:
    """Name each thing that eBay would not take of this draft."""
    found = []
    if not ready.photos:
        found.append(Blocker("photos", "There is no photo. Add one."))
    if not ready.title.strip():
        found.append(Blocker("title", "The title is empty. Write one."))
    elif len(ready.title) > MAX_TITLE:
        over = len(ready.title) - MAX_TITLE
        found.append(Blocker("title", f"The title is {over} too long: eBay takes {MAX_TITLE} characters."))
    if ready.condition not in Condition.values:
        found.append(Blocker("condition", "No condition is chosen. Choose one."))
    if not ready.description.strip():
        found.append(Blocker("description", "The description is empty. Write one."))
    elif len(ready.description) > MAX_DESCRIPTION:
        words = f"The description is over {MAX_DESCRIPTION:,} characters. Shorten it."
        found.append(Blocker("description", words))
    if ready.price is None:
        found.append(Blocker("price", "Asking price or estimate is not known. Give a price."))
    elif ready.price <= 0:
        found.append(Blocker("price", "The price is zero. Give what the camera is to bring."))
    return found


def money(price: Decimal) -> dict[str, str]:
    """Write an amount as eBayLister does."""
    return {"value": f"{price:.2f}", "currency": settings.CURRENCY}
