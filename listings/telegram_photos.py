"""Pictures that arrive in the Telegram chat: which listing each is of, and what is to be fetched.

A picture is its listing's if it answers a message of ours about that listing,
or has the listing's code in its caption. Of an album it is enough that one
picture does, the first or the last; until then the others wait as rows. Here
nothing is fetched and the album's row is locked, so that pictures of one album
come one after the other.
"""

import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q

from integrations import clock, outbox
from integrations.models import OutboxMessage, TelegramAlbum, TelegramMessage, TelegramPicture
from integrations.telegram import LARGEST_FILE, FileTooBig
from integrations.telegram_reading import Picture, number, part, sender
from integrations.telegram_text import clean
from listings import telegram
from listings.models import CODE_ALPHABET, CODE_LENGTH, ProductListing
from listings.photos import NotBought
from listings.photos.album import BOUGHT

FETCH = "telegram.fetch_photo"
LONGEST_CAPTION = 4096
# Codes look like words, and words like codes: which it is, the listings say.
WORD = re.compile(rf"(?<!\w)[{CODE_ALPHABET}{CODE_ALPHABET.lower()}]{{{CODE_LENGTH}}}(?!\w)")
ID = re.compile(r"(?<![\w-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])", re.ASCII | re.IGNORECASE)
Outcome = TelegramPicture.Outcome
Made = tuple[str, uuid.UUID | None]


def arrived(message: dict[str, Any], picture: Picture) -> Made:
    """Take in a picture of a message that was sent or edited, in the transaction of its inbox row.

    Returns:
        What was made of it in words, and the listing that it is of, if that is known.
    """
    album = _locked_album(message, picture)
    row, new = TelegramPicture.objects.get_or_create(
        album=album,
        message_id=picture.message_id,
        file_unique_id=picture.file_unique_id,
        defaults={"file_id": picture.file_id, "size": picture.size},
    )
    found, unknown = named_in(message)
    if len(found) > 1:
        return _several(album, row, found)
    if found:
        return _one(album, row, found[0], again=not new)
    if album.subject is None:
        return _none(album, row, unknown)
    listing = ProductListing.objects.get(pk=album.subject)
    if row.outcome == Outcome.WAITING:
        _settle([row], listing)
    return _words(row, listing)


def named_in(message: dict[str, Any]) -> tuple[list[ProductListing], str]:
    """Return the listings that a message is about, and the first thing in it that looks like a code but is none."""
    caption = message.get("caption")
    text = clean(caption)[:LONGEST_CAPTION] if isinstance(caption, str) else ""
    words, ids = WORD.findall(text), [uuid.UUID(each) for each in ID.findall(text)]
    wanted = Q(short_code__in={word.upper() for word in words}) | Q(pk__in={*ids, _replied_to(message)})
    found = list(ProductListing.objects.filter(wanted).order_by("id"))
    known = {each.short_code for each in found} | {str(each.pk) for each in found}
    return found, next((each for each in _like_codes(words, ids) if each not in known), "")


def _like_codes(words: Iterable[str], ids: Iterable[uuid.UUID]) -> Iterator[str]:
    for word in words:
        if word.isupper() or not word.isalpha():
            yield word.upper()
    yield from map(str, ids)


def _replied_to(message: dict[str, Any]) -> uuid.UUID | None:
    """Return the listing of the message that this one answers; a digest of several is about none."""
    answered = part(message, "reply_to_message")
    where = {
        "chat_id": number(part(message, "chat"), "id"),
        "message_id": number(answered, "message_id"),
    }
    if None in where.values():
        return None
    return TelegramMessage.objects.filter(**where).values_list("subject", flat=True).first()


def _locked_album(message: dict[str, Any], picture: Picture) -> TelegramAlbum:
    key = {"chat_id": number(part(message, "chat"), "id"), "name": picture.album}
    TelegramAlbum.objects.get_or_create(**key, defaults={"by": f"telegram:{sender(message)}"})
    return TelegramAlbum.objects.select_for_update().get(**key)


# ---- what follows -------------------------------------------------------------------------------


def _none(album: TelegramAlbum, row: TelegramPicture, unknown: str) -> Made:
    """Let a picture wait for its name; whoever does not give one is asked a little later."""
    if unknown:
        album.unknown = unknown
        album.save(update_fields=["unknown"])
    if row.outcome == Outcome.WAITING and (row.size or 0) > LARGEST_FILE:
        _refuse(row, str(FileTooBig()))
    if row.outcome == Outcome.REFUSED:
        return f"photo: not kept: {row.reason}", None
    return f"photo: waits for its listing{f', since none is {unknown}' if unknown else ''}", None


def _several(album: TelegramAlbum, row: TelegramPicture, found: list[ProductListing]) -> Made:
    """Say that only one listing can be meant."""
    codes = " and ".join(each.short_code for each in found)
    if row.outcome == Outcome.WAITING and album.subject is None:
        album.asked_at = clock.now()
        album.save(update_fields=["asked_at"])
        outbox.put(telegram.several_rows(codes))
    elif row.outcome == Outcome.WAITING:
        _refuse(row, f"It names {codes}: it can be of one camera only.")
    return f"photo: several listings are named, {codes}", album.subject


def _one(album: TelegramAlbum, row: TelegramPicture, listing: ProductListing, *, again: bool) -> Made:
    """Give the album its listing; what was refused is tried again where a caption was edited."""
    moved = album.subject not in (None, listing.pk)
    if moved and album.pictures.filter(outcome__in=(Outcome.FETCHING, Outcome.KEPT, Outcome.KNOWN)).exists():
        return _another(album, row, listing)
    album.subject = listing.pk
    album.save(update_fields=["subject"])
    open_ones = {Outcome.WAITING} | ({Outcome.REFUSED} if moved or again else set())
    open_ones |= {Outcome.FAILED} if moved else set()
    _settle(album.pictures.filter(outcome__in=open_ones), listing)
    row.refresh_from_db()
    return _words(row, listing)


def _another(album: TelegramAlbum, row: TelegramPicture, listing: ProductListing) -> Made:
    """Keep an album together: its photos stay where they are, and a picture of another camera is not kept."""
    first = ProductListing.objects.get(pk=album.subject)
    if row.outcome in (Outcome.FETCHING, Outcome.KEPT, Outcome.KNOWN):
        outbox.put(telegram.stays_rows(first, listing))
        return f"photo: stays with {first.short_code}, though it names {listing.short_code} now", first.pk
    _refuse(
        row,
        f"It names {listing.short_code}, what it was sent with is of {first.short_code}: send it by itself.",
    )
    return f"photo: not kept: {row.reason}", first.pk


def _settle(pictures: Iterable[TelegramPicture], listing: ProductListing) -> None:
    """Have pictures fetched for a listing, or refuse them at once where that is known to be in vain."""
    calls: list[OutboxMessage] = []
    for row in pictures:
        if (row.size or 0) > LARGEST_FILE:
            _refuse(row, str(FileTooBig()))
        elif listing.state not in BOUGHT:
            _refuse(row, str(NotBought(listing.state)))
        else:
            row.outcome, row.reason, row.settled_at, row.told_at = Outcome.FETCHING, "", None, None
            row.save()
            calls.append(outbox.call(FETCH, key=str(listing.pk), body={"picture": row.pk}))
    outbox.put(calls)


def _refuse(row: TelegramPicture, reason: str) -> None:
    row.outcome, row.reason, row.settled_at, row.told_at = Outcome.REFUSED, reason, clock.now(), None
    row.save()


def _words(row: TelegramPicture, listing: ProductListing) -> Made:
    told = {Outcome.REFUSED: f"not kept: {row.reason}", Outcome.FETCHING: "to be fetched"}
    outcome = Outcome(row.outcome)
    return f"photo of {listing.short_code}: {told.get(outcome, outcome.label)}", listing.pk
