"""The photos on a listing's page: shown to whoever may look, changed by those who may, with and without JavaScript."""

import uuid
from typing import Any, BinaryIO, cast

from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.urls import reverse

from integrations.callers import staff_name
from listings import photos
from listings.api.photos import MAX_FILES
from listings.models import Photo, ProductListing
from listings.photos.album import BOUGHT

ADD, REMOVE, ARRANGE = "listings.add_photo", "listings.delete_photo", "listings.arrange_photo"
PERMISSIONS = {"add": ADD, "remove": REMOVE, "arrange": ARRANGE}


def context(request: HttpRequest, listing: ProductListing) -> dict[str, Any]:
    """Return what the card of photos needs."""
    rows = list(listing.photos.all())
    may_arrange = request.user.has_perm(ARRANGE)
    return {
        "photos": [_shown(rows, index, may_arrange) for index in range(len(rows))],
        "photos_url": reverse("admin:listings_productlisting_photos", args=[listing.pk]),
        "photos_api": reverse("listing-photos", args=[listing.pk]),
        "photos_taken": listing.state in BOUGHT,
        "may_add_photos": request.user.has_perm(ADD),
        "may_arrange_photos": may_arrange,
        "may_remove_photos": request.user.has_perm(REMOVE),
    }


def _shown(rows: list[Photo], index: int, may_arrange: bool) -> dict[str, Any]:
    """Describe a photo, with the order that each of its buttons asks for."""
    photo, ids = rows[index], [str(row.pk) for row in rows]
    here, moves = str(photo.pk), []
    if may_arrange and index > 0:
        earlier = [*ids[: index - 1], here, ids[index - 1]]
        moves += [("cover", "Make cover", [here]), ("earlier", "Earlier", earlier)]
    if may_arrange and index < len(rows) - 1:
        moves.append(("later", "Later", [*ids[:index], ids[index + 1], here]))
    return {
        "photo": photo,
        "number": index + 1,
        "url": photos.staff_url(photo),
        "thumbnail": photos.staff_url(photo, thumbnail=True),
        "moves": [{"key": key, "words": words, "ids": ",".join(order)} for key, words, order in moves],
    }


def permission(request: HttpRequest) -> str:
    """Name what the act that is asked for needs.

    Raises:
        SuspiciousOperation: no act of ours.
    """
    try:
        return PERMISSIONS[request.POST.get("do", "")]
    except KeyError:
        raise SuspiciousOperation("There is no such act.") from None


def act(request: HttpRequest, listing: ProductListing) -> tuple[int, str]:
    """Add, remove or arrange, as the form asks; return the level and the words of what happened."""
    by = staff_name(request)
    try:
        if request.POST["do"] == "add":
            return messages.SUCCESS, _add(request, listing, by)
        if request.POST["do"] == "remove":
            photos.remove(listing.photos.get(pk=_ids(request.POST.get("photo", ""))[0]).pk, by=by)
            return messages.SUCCESS, "Photo removed."
        photos.arrange(listing.pk, _ids(request.POST.get("photos", "")), by=by)
    except (photos.NotBought, photos.TooLarge, photos.Unusable, photos.NotItsPhotos) as error:
        return messages.ERROR, f"Nothing was kept: {error}"
    except photos.NotKept as error:
        return messages.ERROR, str(error)
    except Photo.DoesNotExist:
        return messages.WARNING, "That photo was gone already."
    return messages.SUCCESS, "Order changed."


def _add(request: HttpRequest, listing: ProductListing, by: str) -> str:
    files = request.FILES.getlist("photos")
    if not 1 <= len(files) <= MAX_FILES:
        raise photos.Unusable(f"choose 1 to {MAX_FILES} photos.")
    added = photos.add(
        listing.pk, [photos.Upload(cast("BinaryIO", file.file), file.size or 0) for file in files], by=by
    )
    return f"{len(added)} photo{'' if len(added) == 1 else 's'} added."


def _ids(text: str) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(each) for each in text.split(",")]
    except ValueError:
        raise photos.NotItsPhotos("That is no photo.") from None
