"""Cameras that are here, with and without a photo, and one that eBayLister refused."""

from io import BytesIO
from typing import Any

from django.urls import reverse

from listings import offers, photos
from listings.models import ProductListing
from tests.factories import make_listing
from tests.offers.conftest import serve
from tests.photos.zoo import a_file


def photographed(listing: ProductListing) -> ProductListing:
    """Give a listing one photo."""
    content = a_file()
    photos.add(listing.pk, [photos.Upload(BytesIO(content), len(content))], by="user:ann")
    return listing


def received(*, photo: bool = True, **match: Any) -> ProductListing:
    """Make a camera that is here; it was asked for at 400.00 and should bring 500.00."""
    listing = make_listing("RECEIVED", **match)
    return photographed(listing) if photo else listing


def refused() -> ProductListing:
    """Make a camera that the simulated eBayLister has refused: on film, and without the format of its film."""
    listing = received(title="Sony film camera")
    offers.to_list(listing.pk, by="user:ann")
    serve()
    return listing


def panel(listing: ProductListing) -> str:
    """Return where the forms of the eBay panel are posted to."""
    return reverse("admin:listings_productlisting_ebay", args=[listing.pk])
