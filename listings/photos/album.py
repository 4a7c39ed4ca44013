"""The photos of one listing: added, removed and put in order, under the listing's lock.

Files are written before the transaction begins and deleted where it does not
end well, so that a row never waits for a picture that is still being drawn.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from django.db import transaction
from django.db.models import F, Max

from listings import lifecycle
from listings.lifecycle import ListingId
from listings.models import Note, Photo, ProductListing
from listings.photos import files
from listings.photos.picture import MAX_BYTES, TooLarge, Unusable, drawn_again
from listings.states import State

BOUGHT = (State.PURCHASED, State.RECEIVED, State.LISTED, State.SOLD)


@dataclass(frozen=True)
class Upload:
    """A file that arrived: it can seek, has `size` bytes, and Telegram's name for it if it came from there."""

    file: BinaryIO
    size: int
    telegram_unique_id: str | None = None


class NotBought(Exception):
    """The camera is not ours: photos are taken from PURCHASED on."""

    def __init__(self, state: str) -> None:
        super().__init__(f"Photos are taken from Purchased on; this listing is {State(state).label}.")


class NotItsPhotos(Exception):
    """An order names a photo that the listing does not have, or one twice."""


def add(listing_id: ListingId, uploads: Sequence[Upload], *, by: str) -> list[Photo]:
    """Take in photos, all or none, behind those that are there; the first one takes PURCHASED to RECEIVED.

    Call it outside of a transaction: pictures take seconds to draw. What
    Telegram has named and the listing has already is not taken twice; the
    photo that is there is returned in its place.

    Raises:
        ProductListing.DoesNotExist: there is no such listing.
        NotBought, TooLarge, Unusable, NotKept: nothing was kept.
    """
    _demand_bought(ProductListing.objects.only("state").get(pk=listing_id))
    for index, upload in enumerate(uploads):
        if upload.size > MAX_BYTES:
            raise TooLarge(index)
    there = _from_telegram(listing_id, uploads)
    new = [(index, each) for index, each in enumerate(uploads) if each.telegram_unique_id not in there]
    with _kept() as names:
        drawn = [_draw(index, upload, names, by) for index, upload in new]
        return _enter(listing_id, uploads, drawn, names, by=by)


def remove(photo_id: uuid.UUID | str, *, by: str) -> None:
    """Delete a photo; those behind it move up, and its files go once that is committed.

    Raises:
        Photo.DoesNotExist: there is no such photo.
    """
    listing_id = Photo.objects.values_list("listing_id", flat=True).get(pk=photo_id)
    with transaction.atomic():
        listing = lifecycle.locked(listing_id)
        photo = Photo.objects.get(pk=photo_id)
        names = [str(photo.image), str(photo.thumbnail)]
        photo.delete()
        Photo.objects.filter(listing=listing, position__gt=photo.position).update(position=F("position") - 1)
        Note.objects.create(listing=listing, by=by, text=f"Photo {photo.position} removed")
        transaction.on_commit(lambda: files.discard(names))


def arrange(listing_id: ListingId, ids: Sequence[uuid.UUID], *, by: str) -> None:
    """Put these photos first, in this order; the very first is the cover. Others keep their order behind them.

    Raises:
        ProductListing.DoesNotExist: there is no such listing.
        NotItsPhotos: an id is none of the listing's, or is there twice.
    """
    with transaction.atomic():
        listing = lifecycle.locked(listing_id)
        photos = {photo.pk: photo for photo in listing.photos.all()}
        before = list(photos)
        if len(set(ids)) != len(ids) or not set(ids) <= set(before):
            raise NotItsPhotos("Each photo once, and only photos of this listing.")
        after = [*ids, *(pk for pk in before if pk not in set(ids))]
        for position, pk in enumerate(after, start=1):
            photos[pk].position = position
        Photo.objects.bulk_update(photos.values(), ["position"])
        if after[:1] != before[:1]:
            Note.objects.create(listing=listing, by=by, text="Another photo is the cover")


def _demand_bought(listing: ProductListing) -> None:
    if listing.state not in BOUGHT:
        raise NotBought(listing.state)


def _from_telegram(listing_id: ListingId, uploads: Sequence[Upload]) -> dict[str | None, Photo]:
    names = [each.telegram_unique_id for each in uploads if each.telegram_unique_id is not None]
    there = Photo.objects.filter(listing__pk=listing_id, telegram_unique_id__in=names) if names else ()
    return {photo.telegram_unique_id: photo for photo in there}


@contextmanager
def _kept() -> Iterator[list[str]]:
    """Give a list for names of files; delete those that are in it at the end, whatever the end is."""
    names: list[str] = []
    try:
        yield names
    finally:
        files.discard(names)


def _draw(index: int, upload: Upload, names: list[str], by: str) -> Photo:
    """Draw one file again and keep the result; its names go into `names`."""
    try:
        with drawn_again(upload.file) as picture:
            size = picture.image.seek(0, 2)
            picture.image.seek(0)
            names.append(files.keep(picture.image))
            names.append(files.keep(picture.thumbnail))
    except Unusable as error:
        raise Unusable(f"Photo {index + 1} {error}.", index) from error
    return Photo(
        image=names[-2],
        thumbnail=names[-1],
        width=picture.width,
        height=picture.height,
        size=size,
        added_by=by,
        telegram_unique_id=upload.telegram_unique_id,
    )


def _enter(
    listing_id: ListingId, uploads: Sequence[Upload], drawn: list[Photo], names: list[str], *, by: str
) -> list[Photo]:
    """Write the rows and take the arrow; what has a row is taken out of `names`."""
    with transaction.atomic():
        listing = lifecycle.locked(listing_id)
        _demand_bought(listing)
        there = _from_telegram(listing_id, uploads)  # another delivery may have been first
        last = listing.photos.aggregate(last=Max("position"))["last"] or 0
        new: list[Photo] = []
        for photo in drawn:
            if photo.telegram_unique_id is None or photo.telegram_unique_id not in there:
                photo.listing, photo.position = listing, last + len(new) + 1
                new.append(photo)
                there[photo.telegram_unique_id] = photo
        Photo.objects.bulk_create(new)
        if listing.state == State.PURCHASED and there:
            lifecycle.receive(listing_id, by=by, reason="first photo")
        added = _in_order(uploads, new, there)
    taken = {str(name) for photo in new for name in (photo.image, photo.thumbnail)}
    names[:] = [name for name in names if name not in taken]
    return added


def _in_order(uploads: Sequence[Upload], new: list[Photo], there: dict[str | None, Photo]) -> list[Photo]:
    """Return the photo of each upload, read again for what the database filled in."""
    unnamed = iter([photo.pk for photo in new if photo.telegram_unique_id is None])
    keys = [
        next(unnamed) if each.telegram_unique_id is None else there[each.telegram_unique_id].pk
        for each in uploads
    ]
    photos = Photo.objects.in_bulk(keys)
    return [photos[key] for key in dict.fromkeys(keys)]
