"""Deliveries at the same moment, on real connections: one listing for each item, and no deadlock."""

import random
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.test import Client

from integrations import clock
from integrations.models import InboxMessage, OutboxMessage
from listings import ingest
from listings.models import ProductListing, Sighting, TransitionLog
from scraping import jobs
from scraping.models import ScrapeJob
from tests.conftest import SCRAPER_KEY
from tests.factories import a_job, a_match, dumps
from tests.races import PATIENCE, at_once, failures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.each_database]


def post(body: bytes) -> Any:
    headers = {"x-api-key": SCRAPER_KEY}
    path = "/webhooks/scraper/job-complete"
    return Client().post(path, body, content_type="application/json", headers=headers)


def one_of_each(items: int) -> bool:
    """Say whether there is one listing, one log row and one event for each item."""
    keys = set(OutboxMessage.objects.filter(topic="listing.created").values_list("key", flat=True))
    counts = (
        ProductListing.objects.count(),
        TransitionLog.objects.count(),
        OutboxMessage.objects.filter(topic="listing.created").count(),
        len(keys),
    )
    return counts == (items,) * 4


def test_the_same_job_twenty_times_at_once_is_taken_in_once() -> None:
    body = dumps(a_job(*(a_match() for _ in range(30))))
    answers = at_once(20, lambda _: post(body))

    assert not failures(answers)
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(answer.json()["created_listings"] for answer in answers) == [0] * 19 + [30]
    assert {answer.json()["created_listings"] + answer.json()["skipped"] for answer in answers} == {30}
    assert one_of_each(30)
    assert Sighting.objects.count() == 30
    job = ScrapeJob.objects.get()
    assert (job.matches, job.created_listings, job.resighted, job.warning) == (30, 30, 0, "")
    assert set(InboxMessage.objects.values_list("status", flat=True)) == {"processed"}
    assert InboxMessage.objects.count() == 20


@pytest.mark.postgres
def test_without_the_jobs_lock_the_same_job_would_be_taken_in_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(2)

    def unlocked(scraper_job_id: uuid.UUID, brands: list[str]) -> tuple[ScrapeJob, datetime]:
        job, _ = ScrapeJob.objects.get_or_create(scraper_job_id=scraper_job_id)
        together.wait(PATIENCE)
        return job, clock.now()

    body = a_job(a_match(), a_match())
    ScrapeJob.objects.create(scraper_job_id=body["job_id"])
    monkeypatch.setattr(jobs, "_locked", unlocked)
    at_once(2, lambda _: jobs.complete(uuid.UUID(body["job_id"]), brands=[], matches=list(body["matches"])))
    assert Sighting.objects.count() == 4  # each match was seen once, and is counted twice


def shuffled_jobs(count: int, items: int) -> list[list[dict[str, Any]]]:
    matches = [a_match() for _ in range(items)]
    lots = [matches, matches[::-1]]
    while len(lots) < count:
        lots.append(random.sample(matches, items))
    return lots


def test_jobs_that_share_items_in_any_order_make_one_listing_of_each(
    post_job: Callable[..., Any],
) -> None:
    for items in (150, 150):  # new to all, then known to some
        before = ProductListing.objects.count()
        lots = shuffled_jobs(6, items)
        bodies = [dumps(a_job(*lot)) for lot in lots]
        answers = at_once(6, lambda number, bodies=bodies: post(bodies[number]))
        assert {answer.status_code for answer in answers} == {202}
        assert sum(answer.json().get("created_listings", 0) for answer in answers) == items
        assert one_of_each(before + items)
        again = at_once(6, lambda number, lots=lots: post(dumps(a_job(*lots[number]))))
        assert {answer.json()["created_listings"] for answer in again} == {0}
    assert Sighting.objects.count() == 2 * 2 * 6 * 150


# A job stands before its second listing until the other one has written its first too, or waits for ours.
MEETING = """
CREATE SEQUENCE met;
CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given_up CONSTANT timestamptz := clock_timestamp() + interval '60 seconds';
    is_second CONSTANT boolean := current_setting('meet.before', true) = 'yes';
BEGIN
    PERFORM nextval('met'), set_config('meet.before', 'yes', true);
    WHILE is_second AND (SELECT last_value FROM met) < 4 AND clock_timestamp() < given_up AND NOT EXISTS (
        SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
    ) LOOP
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER meet BEFORE INSERT ON listings_productlisting FOR EACH ROW EXECUTE FUNCTION meet();
"""


@pytest.fixture
def meeting_inserts() -> Iterator[None]:
    """Let PostgreSQL hold each job in the middle, so that two of two listings each are surely at it together."""
    with connection.cursor() as cursor:
        cursor.execute(MEETING)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION meet CASCADE; DROP SEQUENCE met")


@pytest.mark.postgres
@pytest.mark.parametrize("ordered", [True, False])
def test_only_the_order_of_locks_keeps_such_jobs_from_a_deadlock(
    meeting_inserts: None, monkeypatch: pytest.MonkeyPatch, ordered: bool
) -> None:
    if not ordered:
        monkeypatch.setattr(ingest, "sorted", list, raising=False)
    lots = shuffled_jobs(2, 2)
    results = at_once(2, lambda number: jobs.complete(uuid.uuid4(), brands=[], matches=lots[number]))
    if ordered:
        assert sum(outcome.created for outcome in results) == 2
    else:
        (error,) = failures(results)
        assert isinstance(error, OperationalError)
        assert "deadlock" in str(error)


@pytest.mark.postgres
def test_a_deadlock_all_the_same_is_tried_again_and_nobody_notices(
    meeting_inserts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "sorted", list, raising=False)
    lots = shuffled_jobs(2, 2)
    answers = at_once(2, lambda number: post(dumps(a_job(*lots[number]))))
    assert sorted(answer.json()["created_listings"] for answer in answers) == [0, 2]
    assert one_of_each(2)


@pytest.mark.postgres
@pytest.mark.parametrize("looks_again", [True, False])
def test_a_job_that_is_delivered_as_its_id_is_kept_is_still_one_job(
    looks_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.trigger(brands=["Sony"], search="Sony cameras", by="user:ann")
    number, now = uuid.uuid4(), clock.now
    between = iter([True])  # after the look for an early delivery, before the id is written

    def meanwhile() -> Any:
        if next(between, False):
            (answer,) = at_once(1, lambda _: post(dumps(a_job(a_match(), job_id=str(number)))))
            assert answer.status_code == 202
        return now()

    monkeypatch.setattr(jobs.clock, "now", meanwhile)
    if looks_again:
        jobs.started(str(job.uuid), number)
        kept = ScrapeJob.objects.get()
        assert (kept.uuid, kept.scraper_job_id, kept.status) == (job.uuid, number, "completed")
        assert kept.created_listings == 1
    else:
        with pytest.raises(IntegrityError):
            jobs._keep_id(str(job.uuid), number, ended=False)
        assert ScrapeJob.objects.count() == 2
    assert one_of_each(1)


def test_a_short_code_that_is_taken_is_drawn_again(
    monkeypatch: pytest.MonkeyPatch, post_job: Callable[..., Any]
) -> None:
    monkeypatch.setattr("listings.models.listing.CODE_ALPHABET", "AB")  # 64 codes: half of them collide
    for _ in range(2):
        assert post_job(a_job(*(a_match() for _ in range(16)))).json()["created_listings"] == 16
    assert len(set(ProductListing.objects.values_list("short_code", flat=True))) == 32


def test_two_jobs_at_once_follow_the_price_without_losing_an_event() -> None:
    post(dumps(a_job(a_match(5, price=400))))
    bodies = [dumps(a_job(a_match(5, price=300 + number))) for number in range(8)]
    assert not failures(at_once(8, lambda number: post(bodies[number])))

    steps = [
        event.body for event in OutboxMessage.objects.filter(topic="listing.price_changed").order_by("id")
    ]
    assert [step["old_price"] for step in steps] == ["400.00", *[step["new_price"] for step in steps[:-1]]]
    assert steps[-1]["new_price"] == str(ProductListing.objects.get().asking_price)
