"""Twins for what happens between nodes: beats, servers that go away, and clocks. See `twins`."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from tests.faults.twins import twin, without_the_relay

# ---- beat and its sweeps ------------------------------------------------------------------------


@twin("no nudges")
def no_nudges() -> None:
    """Nobody tells the workers to look: only beat's sweeps move anything."""
    from integrations import nudges

    nudges.wake = lambda channels: None


@twin("claimed before the work")
def claimed_before_the_work() -> None:
    """The sweep takes all that is overdue off the list first, and then cancels one by one."""
    from django.utils import timezone

    from listings import leads, lifecycle, timeouts
    from listings.models import ProductListing

    def sweep(*, limit: int = 0) -> int:
        overdue = ProductListing.objects.filter(deadline_at__lte=timezone.now())
        ids = list(overdue.values_list("pk", flat=True))
        ProductListing.objects.filter(pk__in=ids).update(deadline_at=timezone.now() + timedelta(days=7))
        for listing_id in ids:
            lifecycle.cancel(listing_id, by="timeout", reason="overdue")
            leads.all_abandoned([], at=timezone.now())  # the place where ours is killed, too
        return len(ids)

    timeouts.cancel_overdue = sweep


@twin("slow plans")
def slow_plans() -> None:
    """A beat's sweep takes its time over a search plan, so that two of them meet there."""
    import time

    from scraping import plans

    under_way = plans._under_way

    def slowly(now: Any) -> Any:
        found = under_way(now)
        time.sleep(0.7)
        return found

    plans._under_way = slowly


@twin("slow relay")
def slow_relay() -> None:
    """A relay takes its time over a wave, so that two of them meet there."""
    import time

    from integrations import relay

    publish = relay._publish_wave

    def slowly(*given: Any) -> Iterator[int]:
        time.sleep(0.3)
        yield from publish(*given)

    relay._publish_wave = slowly  # type: ignore[assignment]


@twin("no lock on plans")
def no_lock_on_plans() -> None:
    """Two sweeps look at a search plan at the same moment."""
    from scraping import plans
    from scraping.models import SearchPlan

    plans._claim = lambda plan, now: False  # its UPDATE would make the second sweep wait just as well
    vars(SearchPlan.objects)["select_for_update"] = lambda **options: SearchPlan.objects.all()


# ---- servers and clocks -------------------------------------------------------------------------


@twin("no outbox")
def no_outbox() -> None:
    """Events are published after the commit, and nobody keeps what could not be."""
    from contextlib import suppress

    from django.db import transaction

    from integrations import events

    def publish(leaving: list[Any]) -> None:
        with suppress(events.BrokerDown), events.broker() as connection:
            for _ in events.publish(connection, leaving):
                continue

    without_the_relay(lambda leaving: transaction.on_commit(lambda: publish(leaving)))


@twin("no confirms")
def no_confirms() -> None:
    """An event that was written to the socket counts as sent."""
    from integrations import events

    def publish(connection: Any, batch: Iterable[Any]) -> Iterator[tuple[set[str], dict[str, str]]]:
        channel, sent = connection.channel(), set()
        for event in batch:
            events._publish_one(channel, event)
            sent.add(event.event_id)
        yield sent, {}

    vars(events)["publish"] = publish


@twin("not mandatory")
def not_mandatory() -> None:
    """The broker may drop what no queue is bound for."""
    from amqp import Channel

    original = Channel.basic_publish

    def publish(self: Any, *given: Any, **named: Any) -> Any:
        return original(self, *given, **{**named, "mandatory": False})

    Channel.basic_publish = publish  # type: ignore[method-assign]


@twin("commits do not wait")
def commits_do_not_wait() -> None:
    """PostgreSQL says that it has committed before that is on its disk."""
    from django.db.backends.signals import connection_created

    def relax(connection: Any, **named: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO off")

    connection_created.connect(relax, weak=False, dispatch_uid="commits do not wait")


@twin("a clock of one's own")
def a_clock_of_ones_own() -> None:
    """A lease runs out by the clock of whoever looks at it."""
    from django.db.models import DateTimeField, Value
    from django.utils import timezone

    from integrations import lease

    lease.Now = lambda: Value(timezone.now(), output_field=DateTimeField())  # type: ignore[assignment]


@twin("expiry by the worker's clock")
def expiry_by_the_workers_clock() -> None:
    """A task that nobody picked up in time is dropped by its worker, not by the broker."""
    from aetos import queues

    for entry in queues.beat_schedule.values():
        if "expiration" in entry["options"]:
            entry["options"]["expires"] = entry["options"].pop("expiration")
