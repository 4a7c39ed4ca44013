"""What the chat is told about the pictures sent there: once for each album, a few seconds after its last one.

Telegram does not say which picture of an album is the last, so a sweep waits for a moment of quiet.
"""

from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction

from integrations import clock, outbox
from integrations.models import TelegramAlbum, TelegramPicture
from listings import telegram
from listings.models import ProductListing

ASKED_AFTER = timedelta(minutes=2)
QUIET = timedelta(seconds=4)
# A picture whose fetching takes longer is told of later, by itself.
PATIENCE = timedelta(minutes=1)
Outcome = TelegramPicture.Outcome


def answer() -> int:
    """Ask about the albums that nobody named, tell what became of the others; return of how many it spoke."""
    now = clock.now()
    unnamed = TelegramAlbum.objects.filter(
        subject__isnull=True, asked_at__isnull=True, created_at__lte=now - ASKED_AFTER
    )
    settled = TelegramPicture.objects.filter(told_at__isnull=True, settled_at__lte=now - QUIET)
    asked = sum([_ask(pk, now) for pk in unnamed.values_list("pk", flat=True)])
    albums = settled.order_by("album").values_list("album", flat=True).distinct()
    return asked + sum([_tell(pk, now) for pk in albums])


@transaction.atomic
def _ask(album_id: int, now: datetime) -> bool:
    album = TelegramAlbum.objects.select_for_update().get(pk=album_id)
    if album.subject or album.asked_at:
        return False
    album.asked_at = now
    album.save(update_fields=["asked_at"])
    waiting = album.pictures.filter(outcome=Outcome.WAITING).count()
    if waiting:
        outbox.put(telegram.question_rows(waiting, unknown=album.unknown))
    return waiting > 0


@transaction.atomic
def _tell(album_id: int, now: datetime) -> bool:
    album = TelegramAlbum.objects.select_for_update().get(pk=album_id)
    settled = list(album.pictures.filter(settled_at__isnull=False, told_at__isnull=True))
    times = [each.settled_at for each in settled if each.settled_at]
    busy = album.pictures.filter(outcome=Outcome.FETCHING).exists()
    if not times or max(times) > now - QUIET or (busy and min(times) > now - PATIENCE):
        return False
    outcomes = Counter(each.outcome for each in settled)
    refused = Counter(each.reason for each in settled if each.outcome == Outcome.REFUSED)
    listing = ProductListing.objects.filter(pk=album.subject).first() if album.subject else None
    kept, known = outcomes[Outcome.KEPT], outcomes[Outcome.KNOWN]
    outbox.put(telegram.photo_rows(listing, kept=kept, known=known, refused=refused))
    TelegramPicture.objects.filter(pk__in=[each.pk for each in settled]).update(told_at=now)
    return True
