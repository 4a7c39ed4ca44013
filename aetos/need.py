"""What a row of the home page is: a thing that waits, its one act, and the kind that it belongs to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from aetos.navigation import capped
from listings.models import ProductListing
from listings.photos import staff_url

SHOWN = 4


@dataclass(frozen=True)
class Act:
    """A button: a link, or a form of hidden `fields` and, where it `asks` for something, one text."""

    words: str
    url: str
    fields: dict[str, str] = field(default_factory=dict)
    asks: str = ""
    posts: bool = True


@dataclass(frozen=True)
class Need:
    """One thing that waits; `key` names it from one refresh to the next."""

    key: str
    icon: str
    tone: str
    title: str
    second: Any
    url: str
    acts: list[Act]
    amount: Decimal | None = None
    amount_words: str = ""
    listing: ProductListing | None = None
    warm: int | None = None
    left: str = ""

    @property
    def cover(self) -> str:
        """The thumbnail of the camera that it is about, from the photos that were read with it; empty without one."""
        first = next(iter(self.listing.photos.all()), None) if self.listing else None
        return staff_url(first, thumbnail=True) if first else ""


@dataclass(frozen=True)
class Group:
    """Needs of one kind: how many there are, where all of them stand, and the first few."""

    words: str
    count: int
    url: str
    needs: list[Need]

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.needs)


def group(words: str, url: str, rows: QuerySet[Any], needs: Iterable[Need]) -> Group:
    """Make a group of the first few needs; `rows`, of which they are, are counted only where there may be more."""
    shown = list(needs)
    return Group(words, capped(rows) if len(shown) == SHOWN else len(shown), url, shown)


def listing_url(listing: ProductListing, part: str = "") -> str:
    """Return the page of a listing, or a part of it."""
    return reverse("admin:listings_productlisting_change", args=[listing.pk]) + part


def act_url(name: str, *args: Any) -> str:
    """Return where a button of a listing's page is posted to."""
    return reverse(f"admin:listings_productlisting_{name}", args=args)
