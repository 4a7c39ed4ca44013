"""The relay: takes what is due on one channel, delivers it, and writes down what became of it.

One relay at a time serves a channel, by a lease in its `Channel` row; a relay
that dies is replaced when its lease runs out. Delivery happens outside any
transaction, so a crash repeats a delivery and never loses one.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast, Now

from integrations import events, lease, tracing
from integrations.http import Held, PartnerError, PermanentError, TransientError
from integrations.lease import LeaseLost
from integrations.models import Channel, DeliveryAttempt, OutboxMessage
from integrations.outbox import EVENTS, ROUTES, Delivery
from integrations.patience import Policy
from integrations.waiting import Waiting, as_event, waves

log = structlog.get_logger(__name__)

BATCH = 5000

# An event waits for a consumer's queue for about a day; a partner gets ten tries in about an hour.
EVENTS_POLICY = Policy(base=2, cap=60, attempts=3000)
CALLS_POLICY = Policy(base=16, cap=900, attempts=10)
BREAKER = Policy(base=2, cap=15, attempts=0)
BREAKER_OPENS_AFTER = 5


def serve(channel: str) -> int:
    """Deliver what is due on `channel` until nothing is, or until its breaker opens.

    Returns:
        How many messages were delivered.
    """
    if channel == EVENTS and not settings.RABBITMQ_URL:
        return 0  # they stay in the outbox, where staff can read them
    run = _serve_events if channel == EVENTS else _serve_calls
    total = 0
    # Looked at again after the release: what was committed meanwhile found the lease taken and went away.
    while _due(channel).exists() and (holder := lease.take(channel)):
        try:
            total += run(channel, holder)
        except LeaseLost:
            log.warning("another relay took over", channel=channel)
            break
        finally:
            lease.release(channel, holder)
    if total:
        log.info("delivered", channel=channel, messages=total)
    return total


def deliver_again(ids: Iterable[int]) -> int:
    """Put messages that are not delivered back to the front with all their attempts; return how many."""
    rows = OutboxMessage.objects.filter(pk__in=list(ids), delivered_at__isnull=True)
    return rows.update(given_up_at=None, attempts=0, next_attempt_at=Now())


# ---- the breaker --------------------------------------------------------------------------------


def _channel_succeeded(channel: str, *, delivered: int = 0, given_up: int = 0) -> None:
    """Close the breaker, and count; what waited for the other side to come back may leave at once.

    Only where the breaker had opened: a call that fails among others that do not keeps its back-off.
    """
    row = Channel.objects.filter(name=channel)
    came_back = row.filter(closed_until__isnull=False).exists()
    row.update(
        failures=0,
        closed_until=None,
        last_error="",
        last_success_at=Now(),
        delivered=F("delivered") + delivered,
        given_up=F("given_up") + given_up,
    )
    if came_back:
        pending(channel).filter(attempts__gt=0, next_attempt_at__gt=Now()).update(next_attempt_at=Now())


def _channel_failed(channel: str, error: str, *, opens_after: int, retry_after: float | None = None) -> bool:
    """Count a failure of the other side; return True when nothing is to be tried on the channel for a while."""
    with transaction.atomic():
        failures = Channel.objects.select_for_update().get(name=channel).failures + 1
        opened = failures >= opens_after or retry_after is not None
        wait = BREAKER.delay(max(1, failures - opens_after + 1), at_least=max(1.0, retry_after or 0))
        Channel.objects.filter(name=channel).update(
            failures=failures,
            failed=F("failed") + 1,
            last_error=error,
            closed_until=Now() + wait if opened else None,
        )
    return opened


# ---- which messages -----------------------------------------------------------------------------


def pending(channel: str) -> QuerySet[OutboxMessage]:
    """Return what is neither delivered nor given up."""
    return OutboxMessage.objects.filter(channel=channel, delivered_at__isnull=True, given_up_at__isnull=True)


def _due(channel: str) -> QuerySet[OutboxMessage]:
    due = pending(channel).filter(next_attempt_at__lte=Now()).order_by("next_attempt_at", "id")
    if channel == EVENTS:
        return due
    return due.exclude(Exists(pending(channel).filter(key=OuterRef("key"), id__lt=OuterRef("id"))))


@transaction.atomic
def _event_batch() -> list[Waiting]:
    """Return a batch of events, and with each the waiting ones of its key, which must be tried before it."""
    if connection.vendor == "postgresql":
        # A plan made for any keys would compare each row with all of them, one by one: seven times as slow.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    keys = set(_due(EVENTS).values_list("key", flat=True)[:BATCH])
    rows = pending(EVENTS).filter(key__among=keys).annotate(text=Cast("body", TextField())).order_by("id")
    return [Waiting(*row) for row in rows.values_list(*Waiting._fields)] if keys else []


# ---- events -------------------------------------------------------------------------------------


def _serve_events(channel: str, holder: uuid.UUID) -> int:
    total, kept = 0, lease.Keeper(channel, holder)
    try:
        with events.broker() as line:
            while batch := _event_batch():
                held: set[str] = set()
                unheard: dict[str, list[Waiting]] = defaultdict(list)
                sent = 0
                for wave in waves(batch):
                    for delivered in _publish_wave(line, wave, held, unheard):
                        sent += delivered
                        kept.keep()
                total += sent
                _channel_succeeded(channel, delivered=sent)
    except events.BrokerDown as error:
        log.warning("events wait for the broker", error=str(error))
        _channel_failed(channel, str(error), opens_after=1)
    return total


def _publish_wave(
    line: events.Connection, wave: list[Waiting], held: set[str], unheard: dict[str, list[Waiting]]
) -> Iterator[int]:
    """Publish one wave, leaving out the keys in `held`, to which it adds those that the broker refused.

    What nobody listens for is overtaken at nobody's queue, so it holds nothing
    back. A consumer may bind just now, though: what is in `unheard` by its key
    is therefore published again right before what follows it.

    Yields, whenever some were settled and written down, how many were delivered.
    """
    free = {
        str(message.event_id): message
        for last in wave
        if last.key not in held
        for message in (*sorted(unheard.pop(last.key, ())), last)
    }
    behind = [message.pk for message in wave if message.key in held]
    for sent, refused in events.publish(line, map(as_event, free.values())):
        OutboxMessage.objects.filter(
            pk__among=[free[each].pk for each in sent], delivered_at__isnull=True
        ).update(delivered_at=Now(), given_up_at=None, attempts=F("attempts") + 1, last_error="")
        problems = {free[event_id]: problem for event_id, problem in refused.items()}
        _refused(problems)
        for message, problem in problems.items():
            if problem == events.UNROUTABLE:
                unheard[message.key].append(message)
            else:
                held.add(message.key)
        yield len(sent)
    if behind:
        OutboxMessage.objects.filter(pk__among=behind).update(
            next_attempt_at=Now() + EVENTS_POLICY.delay(3, at_least=1)
        )


def _refused(refused: dict[Waiting, str]) -> None:
    groups: dict[tuple[str, int], list[Waiting]] = defaultdict(list)
    for message, problem in refused.items():
        groups[problem, message.attempts].append(message)
    for (problem, attempts), messages in groups.items():
        _put_off(messages, problem, EVENTS_POLICY, attempts + 1)


def _put_off(
    messages: Sequence[Waiting | OutboxMessage],
    error: str,
    policy: Policy,
    attempt: int,
    *,
    at_least: float | None = None,
) -> bool:
    """Note failed attempt number `attempt`; return True when it was the last and the messages are given up."""
    last = attempt >= policy.attempts
    OutboxMessage.objects.filter(
        pk__among=[message.pk for message in messages], delivered_at__isnull=True
    ).update(
        attempts=attempt,
        last_error=error,
        next_attempt_at=Now() + policy.delay(attempt, at_least=max(at_least or 0.0, 0.5)),
        given_up_at=Now() if last else None,
    )
    return last


# ---- calls to partners --------------------------------------------------------------------------


def _serve_calls(channel: str, holder: uuid.UUID) -> int:
    total = 0
    while message := _due(channel).first():
        lease.keep(channel, holder)
        try:
            detail = _call(message)
        except Held as held:
            wait = timedelta(seconds=max(1.0, held.retry_after or 0.0))
            OutboxMessage.objects.filter(pk=message.pk).update(
                next_attempt_at=Now() + wait, last_error=str(held)
            )
            continue
        except TransientError as error:
            _retry_later(message, error)
            if _channel_failed(
                channel, str(error), opens_after=BREAKER_OPENS_AFTER, retry_after=error.retry_after
            ):
                break
            continue
        except PermanentError as error:
            _give_up(message, error)
            _channel_succeeded(channel, given_up=1)  # it answered: the fault is in that call
        else:
            OutboxMessage.objects.filter(pk=message.pk).update(
                delivered_at=Now(), attempts=message.attempts + 1, last_error=""
            )
            log.info("partner called", channel=channel, topic=message.topic, detail=detail)
            total += 1
            _channel_succeeded(channel, delivered=1)
    return total


@transaction.atomic
def _retry_later(message: OutboxMessage, error: TransientError) -> None:
    log.warning("partner call failed, to be repeated", topic=message.topic, error=str(error))
    if _put_off([message], str(error), CALLS_POLICY, message.attempts + 1, at_least=error.retry_after):
        ROUTES[message.topic].given_up(_delivery(message), str(error))


@transaction.atomic
def _give_up(message: OutboxMessage, error: PermanentError) -> None:
    log.warning("partner call given up", topic=message.topic, error=str(error))
    OutboxMessage.objects.filter(pk=message.pk).update(
        attempts=message.attempts + 1, last_error=str(error), given_up_at=Now()
    )
    ROUTES[message.topic].given_up(_delivery(message), str(error))


def _delivery(message: OutboxMessage) -> Delivery:
    return Delivery(message.topic, message.key, message.body, str(message.event_id), message.attempts + 1)


def _call(message: OutboxMessage) -> str:
    """Make one attempt, written down before and after; return the handler's line.

    Raises:
        TransientError, PermanentError: as the handler; an error that it did not foresee is transient.
    """
    attempt = DeliveryAttempt.objects.create(message=message)
    outcome, detail = "failed", ""
    try:
        with tracing.span(f"call {message.topic}", parent=message.traceparent):
            detail = ROUTES[message.topic].handler(_delivery(message))
        outcome = "delivered"
        return detail
    except PartnerError as error:
        detail = str(error)
        raise
    except Exception as error:
        log.exception("a delivery failed in a way nobody foresaw", topic=message.topic)
        detail = f"Our own fault: {type(error).__name__}."
        raise TransientError(detail) from error
    finally:
        DeliveryAttempt.objects.filter(pk=attempt.pk).update(
            finished_at=Now(), outcome=outcome, detail=detail
        )
