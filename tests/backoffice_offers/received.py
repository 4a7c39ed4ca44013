"""Cameras that are here, with and without a photo."""

from io import BytesIO
from typing import Any

from listings import photos
from listings.models import ProductListing
from tests.factories import make_listing
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
