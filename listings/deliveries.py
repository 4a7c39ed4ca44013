"""What becomes of a listing's partner calls: given up and shown, or tried again."""

import uuid

import structlog
from django.db import transaction

from integrations import nudges, outbox, relay
from integrations.clock import now
from integrations.models import OutboxMessage
from integrations.outbox import Delivery
from listings import telegram
from listings.models import Note, ProductListing

log = structlog.get_logger(__name__)

WORDS = {
    "chatterbot.send_lead": "The seller was not messaged",
    "chatterbot.stop_lead": "Chatterbot was not stopped",
    "telegram.fetch_photo": "A photo was not fetched from Telegram",
    "ebay.create_listing": "Not listed on eBay",
    "ebay.update_listing": "The listing on eBay was not changed",
    "ebay.end_listing": "The listing on eBay was not ended",
}
EBAYLISTER = "ebaylister"


class NothingToRetry(Exception):
    """The listing has no partner call that failed."""


def given_up(delivery: Delivery, error: str) -> None:
    """Show on the listing, and tell staff, that a call will not be tried again by itself."""
    listing = ProductListing.objects.select_for_update().filter(pk=delivery.key).first()
    if listing is None:
        log.error("a call for a listing that is gone was given up", topic=delivery.topic, key=delivery.key)
        return
    text = f"{WORDS.get(delivery.topic, delivery.topic)}: {error}"
    ProductListing.objects.filter(pk=listing.pk).update(error_message=text, error_occurred_at=now())
    outbox.put(telegram.error_rows(listing, text))


def clear_error(listing_id: uuid.UUID | str, topic: str) -> None:
    """Take back what `given_up` showed of such a call; another call's error stays."""
    shown = ProductListing.objects.filter(pk=listing_id, error_message__startswith=f"{WORDS[topic]}: ")
    shown.update(error_message=None, error_occurred_at=None)


def overtaken(listing: ProductListing, *, by: str) -> list[OutboxMessage]:
    """Give the calls to eBayLister that were given up another look, since the listing has moved on.

    Their handlers find that nothing is left to do, and take their error back;
    or that it is on eBay twice, since an answer may have been lost. Nothing
    new goes out.
    """
    failed = OutboxMessage.objects.filter(key=str(listing.pk), channel=EBAYLISTER, given_up_at__isnull=False)
    relay.deliver_again(failed.values_list("pk", flat=True))
    return []


@transaction.atomic
def retry(listing_id: uuid.UUID | str, *, by: str) -> list[str]:
    """Try a listing's failed calls again, with all their attempts; return what they are.

    Raises:
        NothingToRetry: none has failed.
    """
    failed = OutboxMessage.objects.filter(key=str(listing_id), delivered_at__isnull=True, attempts__gt=0)
    calls = list(failed.exclude(channel__in=(outbox.EVENTS, "telegram")).order_by("id"))
    if not calls:
        raise NothingToRetry("No partner call of this listing has failed.")
    relay.deliver_again([call.pk for call in calls])
    topics = [call.topic for call in calls]
    Note.objects.create(listing_id=listing_id, by=by, text=f"Tried again: {', '.join(topics)}")
    transaction.on_commit(lambda: nudges.wake({call.channel for call in calls}))
    return topics
