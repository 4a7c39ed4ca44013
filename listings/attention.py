"""Which listings need a person."""

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from integrations import relay
from integrations.models import InboxMessage
from listings import deliveries, offers
from listings.models import ProductListing
from listings.states import State

WARNING = timedelta(hours=24)
OPEN = (InboxMessage.Status.CONFLICT, InboxMessage.Status.PARKED)


def needed(rows: QuerySet[ProductListing], *, wanted: bool = True) -> QuerySet[ProductListing]:
    """Keep the listings with an error, with a parked or conflicting callback, or within a day of their time-out.

    Args:
        wanted: false keeps the others instead.
    """
    listings = ProductListing.objects.order_by()
    errors = listings.filter(error_message__isnull=False).values("pk")
    ending = listings.filter(deadline_at__lte=Now() + WARNING).values("pk")
    told = InboxMessage.objects.filter(subject__isnull=False, status__in=OPEN).order_by().values("subject")
    # Each of the three has an index of its own, which one condition with two "or" could not use.
    found = errors.union(ending, told)
    return rows.filter(pk__in=found) if wanted else rows.exclude(pk__in=found)


def to_list(rows: QuerySet[ProductListing]) -> QuerySet[ProductListing]:
    """Keep what staff prepare and list next: here, and neither asked of eBayLister nor refused by it."""
    asked = relay.pending(offers.CHANNEL).filter(topic=offers.CREATE).values_list("key", flat=True)
    words = f"{deliveries.WORDS[offers.CREATE]}: "
    # By an index of their own, since they are few: else each row would be read for its error.
    refused = ProductListing.objects.order_by().filter(
        error_message__isnull=False, error_message__startswith=words
    )
    # A listing's id is written as a text in the outbox, which not every database compares: so it is asked first.
    waiting = rows.filter(state=State.RECEIVED).exclude(pk__in=list(asked))
    return waiting.exclude(pk__in=refused.values("pk"))
