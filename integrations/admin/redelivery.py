"""What "deliver again" does, and the truth about what came of it."""

import time
from collections.abc import Sequence

from django.contrib import messages
from django.utils import timezone

from integrations import nudges, relay
from integrations.admin.channels import outbox_delivers_events
from integrations.channels import EVENTS
from integrations.models import Channel, OutboxMessage

PATIENCE = 3.0
LOOK_EVERY = 0.2
STAYS = "no broker is configured (RABBITMQ_URL), so events stay in the outbox by design"

Lines = list[tuple[int, str]]


def deliver(rows: Sequence[OutboxMessage]) -> Lines:
    """Put messages to the front, wake the workers, wait a moment, and tell each one's outcome.

    The worker delivers, not this request: whoever asks gets its answer where
    it comes within `PATIENCE` seconds, and else hears that it is still to come.
    """
    lines: Lines = []
    again: list[OutboxMessage] = []
    for row in rows:
        if row.delivered_at:
            lines.append((messages.INFO, f"{row.topic}: was delivered before, and is not sent twice."))
        elif stays(row):
            lines.append((messages.WARNING, f"{row.topic}: {STAYS}. Nothing was sent."))
        else:
            again.append(row)
    if again:
        relay.deliver_again([row.pk for row in again])
        nudges.wake({row.channel for row in again})
        lines += [_outcome(row) for row in _wait_for([row.pk for row in again])]
    return lines


def stays(row: OutboxMessage) -> bool:
    """Say whether a message has nowhere to go."""
    return row.channel == EVENTS and not outbox_delivers_events()


def notices(row: OutboxMessage) -> Lines:
    """Return what to know before pressing the button."""
    if row.delivered_at is None and stays(row):
        return [(messages.INFO, f"It waits because {STAYS}.")]
    held = _held_back(row.channel)
    return [(messages.WARNING, held)] if row.delivered_at is None and held else []


def _wait_for(ids: list[int]) -> list[OutboxMessage]:
    until = time.monotonic() + PATIENCE
    while True:
        rows = list(OutboxMessage.objects.filter(pk__in=ids).order_by("id"))
        unsettled = [row for row in rows if not row.delivered_at and not row.attempts]
        if not unsettled or time.monotonic() >= until:
            return rows
        time.sleep(LOOK_EVERY)


def _outcome(row: OutboxMessage) -> tuple[int, str]:
    if row.delivered_at:
        return messages.SUCCESS, f"{row.topic}: delivered."
    if row.given_up_at:
        return messages.ERROR, f"{row.topic}: failed again and was given up: {row.last_error}"
    if row.attempts:
        return messages.ERROR, f"{row.topic}: failed again: {row.last_error} It will be tried further."
    held = _held_back(row.channel)
    return messages.WARNING, f"{row.topic}: still waiting. {held or 'The worker will try it.'}"


def _held_back(channel: str) -> str:
    closed_until = Channel.objects.filter(name=channel).values_list("closed_until", flat=True).first()
    if closed_until is None or closed_until <= timezone.now():
        return ""
    return f"{channel} does not answer, so calls are held back until {timezone.localtime(closed_until):%H:%M:%S}."
