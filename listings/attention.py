"""Which listings need a person."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from integrations.models import InboxMessage
from listings.models import ProductListing

WARNING = timedelta(hours=24)
OPEN = (InboxMessage.Status.CONFLICT, InboxMessage.Status.PARKED)


def needed(rows: QuerySet[ProductListing], *, wanted: bool = True) -> QuerySet[ProductListing]:
    """Keep the listings with an error, with a parked or conflicting callback, or within a day of their time-out.

    Args:
        wanted: false keeps the others instead.
    """
    callbacks = Exists(InboxMessage.objects.filter(subject=OuterRef("pk"), status__in=OPEN))
    condition = Q(error_message__isnull=False) | Q(deadline_at__lte=Now() + WARNING) | Q(callbacks)
    return rows.filter(condition) if wanted else rows.exclude(condition)
