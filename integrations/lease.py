"""One relay at a time serves a channel, by a lease in its `Channel` row (docs/decisions/0001)."""

import uuid
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from integrations.channels import EVENTS
from integrations.models import Channel

# Longer than the longest step between two renewals: a window of events, or two calls with all their time-outs.
EVENTS_LEASE, CALLS_LEASE = timedelta(seconds=25), timedelta(seconds=90)


class LeaseLost(Exception):
    """Another relay took over: this one was too slow, and must stop."""


def _time(channel: str) -> timedelta:
    return EVENTS_LEASE if channel == EVENTS else CALLS_LEASE


def take(channel: str) -> uuid.UUID | None:
    """Take a channel that nobody holds and whose breaker is shut; return the holder's name, or None."""
    Channel.objects.bulk_create([Channel(name=channel)], ignore_conflicts=True)
    holder = uuid.uuid4()
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=Now())
    shut = Q(closed_until__isnull=True) | Q(closed_until__lte=Now())
    taken = Channel.objects.filter(free, shut, name=channel).update(
        holder=holder, leased_until=Now() + _time(channel)
    )
    return holder if taken else None


def keep(channel: str, holder: uuid.UUID) -> None:
    """Hold it for as long again.

    Raises:
        LeaseLost: somebody else holds it by now.
    """
    if not Channel.objects.filter(name=channel, holder=holder).update(leased_until=Now() + _time(channel)):
        raise LeaseLost(channel)


def release(channel: str, holder: uuid.UUID) -> None:
    """Let others have it."""
    Channel.objects.filter(name=channel, holder=holder).update(holder=None, leased_until=None)
