"""Where a photo can be seen: by its signature until a time, or by signed-in staff."""

from datetime import datetime

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils import timezone

from listings.models import Photo

_signer = Signer(salt="listings.photos")


class Expired(Exception):
    """The address was right, and its time is over."""


def staff_url(photo: Photo, *, thumbnail: bool = False) -> str:
    """Return the path of a photo, for staff who are signed in."""
    return reverse("photo-thumbnail" if thumbnail else "photo", args=[photo.pk])


def signed_url(photo: Photo, *, until: datetime, thumbnail: bool = False) -> str:
    """Return an absolute address that anybody may open until then; the same for the same `until`."""
    path, moment = staff_url(photo, thumbnail=thumbnail), int(until.timestamp())
    return f"{settings.PUBLIC_URL}{path}?until={moment}&signature={_signer.signature(f'{path}:{moment}')}"


def is_signed(path: str, *, until: str, signature: str) -> bool:
    """Say whether the path, without a trailing slash, was signed for that moment.

    Raises:
        Expired: it was, and the moment is over.
    """
    try:
        _signer.unsign(f"{path}:{until}:{signature}")
    except BadSignature:
        return False
    if int(until) < timezone.now().timestamp():
        raise Expired
    return True
