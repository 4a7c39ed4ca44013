"""Fetching a picture from Telegram, and making it a photo of its listing: an outbox call for each.

The key is the listing's, so that its pictures are taken one after the other
and Retry finds what failed.
"""

import tempfile

from django.conf import settings

from integrations import clock, outbox, telegram
from integrations.channels import TELEGRAM_FILES
from integrations.http import TransientError
from integrations.models import TelegramPicture
from integrations.outbox import Delivery
from listings import deliveries, photos
from listings.models import Photo
from listings.telegram_photos import FETCH

Outcome = TelegramPicture.Outcome
DONE = (Outcome.KEPT, Outcome.KNOWN)


def fetch(delivery: Delivery) -> str:
    """Take one picture in; twice is once, since a listing has a picture of Telegram's once.

    What is wrong with the picture or its listing is no failed call: the chat is told.

    Raises:
        integrations.http.TransientError: Telegram or the store of photos is away.
        integrations.http.PermanentError: Telegram does not hand it out.
    """
    picture = TelegramPicture.objects.select_related("album").get(pk=delivery.body["picture"])
    if str(picture.album.subject) != delivery.key:
        return "it is another listing's by now"
    if picture.outcome in DONE:
        return "done before"
    try:
        outcome = _taken_in(picture, delivery.key)
    except (telegram.FileTooBig, photos.NotBought, photos.TooLarge) as error:
        return _settled(picture, Outcome.REFUSED, str(error))
    except photos.Unusable as error:
        return _settled(picture, Outcome.REFUSED, f"It {error.__cause__}.")
    except photos.NotKept as error:
        raise TransientError(str(error)) from error
    return _settled(picture, outcome)


def given_up(delivery: Delivery, error: str) -> None:
    """Show it on the listing, with Retry, and in the chat."""
    now = clock.now()
    TelegramPicture.objects.filter(pk=delivery.body["picture"]).exclude(outcome__in=DONE).update(
        outcome=Outcome.FAILED, reason=error, settled_at=now, told_at=now
    )
    deliveries.given_up(delivery, error)


def register() -> None:
    """Say who fetches."""
    outbox.register(FETCH, channel=TELEGRAM_FILES, handler=fetch, given_up=given_up)


def _taken_in(picture: TelegramPicture, listing_id: str) -> Outcome:
    name = picture.file_unique_id
    if Photo.objects.filter(listing__pk=listing_id, telegram_unique_id=name).exists():
        return Outcome.KNOWN
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as file:
        size = telegram.download(picture.file_id, file)
        upload = photos.Upload(file, size, telegram_unique_id=name)
        photos.add(listing_id, [upload], by=picture.album.by)
    return Outcome.KEPT


def _settled(picture: TelegramPicture, outcome: Outcome, reason: str = "") -> str:
    """Write what became of it, to be told, take back an error that is mended, and say it in a line."""
    TelegramPicture.objects.filter(pk=picture.pk).update(
        outcome=outcome, reason=reason, settled_at=clock.now(), told_at=None
    )
    listing_id = picture.album.subject
    failed = TelegramPicture.objects.filter(album__subject=listing_id, outcome=Outcome.FAILED)
    if listing_id and not failed.exists():
        deliveries.clear_error(listing_id, FETCH)
    return f"{outcome.label}: {reason}" if reason else str(outcome.label)
