"""Protections, taken away for a while: what then goes wrong shows that it is they who hold.

For a database of one's own only: in the end it is emptied, since what two
winners leave behind would not let the constraints back in.
"""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest import mock

from django.db import connection, models

from integrations import bulk, clock
from integrations.clock import Clock
from listings import guards, lifecycle
from listings.models import ProductListing, TransitionLog
from scraping import jobs
from scraping.models import ScrapeJob

DAWDLE_SECONDS = 0.05
MEET_SECONDS = 1.0


def empty() -> None:
    """Empty every table, the guarded ones too, and put the guards back."""
    from django.core.management import call_command

    guards.remove(connection)
    call_command("flush", interactive=False, verbosity=0)
    guards.install(connection)


@contextmanager
def without_the_row_lock() -> Iterator[None]:
    """Let the door read without locking, and dawdle until another has read too: neither sees what the other writes."""
    seen, readers = threading.local(), Counter[Any]()

    def unlocked(listing_id: Any) -> ProductListing:
        listing = ProductListing.objects.annotate(db_now=Clock()).get(pk=listing_id)
        if getattr(seen, "last", None) != listing_id:
            seen.last = listing_id
            readers[listing_id] += 1
            end = time.monotonic() + MEET_SECONDS
            while readers[listing_id] < 2 and time.monotonic() < end:
                time.sleep(DAWDLE_SECONDS)
            time.sleep(DAWDLE_SECONDS)
        return listing

    with mock.patch.object(lifecycle, "locked", unlocked):
        yield


@contextmanager
def without_lock_and_guards() -> Iterator[None]:
    """Take away the row lock, and all that would still stop the second writer.

    That is: the write's look at the state that was read, the triggers, and the numbering of the log.
    """
    change = bulk.change

    def blindly(model: Any, where: bulk.Row, to: bulk.Row, *, now: tuple[str, ...] = ()) -> int:
        return change(model, {"id": where["id"]}, to, now=now)

    (numbering,) = [each for each in TransitionLog._meta.constraints if each.name == "log_sequence"]
    guards.remove(connection)
    with connection.schema_editor() as editor:
        editor.remove_constraint(TransitionLog, numbering)
    try:
        with (
            without_the_row_lock(),
            mock.patch.object(bulk, "change", blindly),
        ):
            yield
    finally:
        empty()
        with connection.schema_editor() as editor:
            editor.add_constraint(TransitionLog, numbering)


@contextmanager
def without_the_jobs_lock() -> Iterator[None]:
    """Let deliveries of one job read its row without locking it."""

    def unlocked(scraper_job_id: uuid.UUID, brands: list[str]) -> tuple[ScrapeJob, datetime]:
        job, _ = ScrapeJob.objects.get_or_create(scraper_job_id=scraper_job_id)
        time.sleep(DAWDLE_SECONDS)
        return job, clock.now()

    with mock.patch.object(jobs, "_locked", unlocked):
        try:
            yield
        finally:
            empty()


@contextmanager
def without_one_row_an_item() -> Iterator[None]:
    """Let the database take an item twice, as it would if only a look before the insert kept it out."""
    old = ProductListing._meta.get_field("identity")
    new = models.CharField(max_length=80)
    new.set_attributes_from_name("identity")
    new.model = ProductListing
    with connection.schema_editor() as editor:
        editor.alter_field(ProductListing, old, new)
    try:
        yield
    finally:
        empty()
        with connection.schema_editor() as editor:
            editor.alter_field(ProductListing, new, old)
