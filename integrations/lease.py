"""One relay at a time serves a channel, by a lease in its `Channel` row (docs/decisions/0001)."""

import time
import uuid
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from integrations.channels import EVENTS
from integrations.models import Channel

# Longer than the longest step between two renewals: a window of events, or two calls with all their time-outs.
EVENTS_LEASE, CALLS_LEASE = timedelta(seconds=25), timedelta(seconds=90)
KEEP_EVERY_SECONDS = 0.5  # each time costs a commit


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


class Keeper:
    """Keeps a lease from step to step, however short they are: not more often than a while has gone by.

    Who was stopped for so long that another took over has let that while go by, too.
    """

    def __init__(self, channel: str, holder: uuid.UUID) -> None:
        self._channel, self._holder, self._kept = channel, holder, time.monotonic()

    def keep(self) -> None:
        """Hold it for as long again, where it is time.

        Raises:
            LeaseLost: somebody else holds it by now.
        """
        now = time.monotonic()
        if now - self._kept >= KEEP_EVERY_SECONDS:
            keep(self._channel, self._holder)
            self._kept = now


def release(channel: str, holder: uuid.UUID) -> None:
    """Let others have it."""
    Channel.objects.filter(name=channel, holder=holder).update(holder=None, leased_until=None)
