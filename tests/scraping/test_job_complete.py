"""A whole job: its counts, its repeats, its brands, the matches that staff replay."""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from integrations import webhooks
from integrations.models import InboxMessage, OutboxMessage
from integrations.tasks import process_inbox
from listings.models import ProductListing, Sighting
from scraping import replays
from scraping.digests import digest_of
from scraping.matches import Invalid
from scraping.models import InvalidMatch, ScrapeJob
from tests.conftest import SCRAPER_KEY
from tests.factories import a_job, a_match, dumps, rows

pytestmark = pytest.mark.django_db


def test_the_example_of_the_contract(post_job: Callable[..., Any]) -> None:
    answer = post_job(a_job(a_match()))
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": True,
        "created_listings": 1,
        "skipped": 0,
        "resighted": 0,
        "invalid": 0,
        "errors": [],
    }


def test_a_job_that_found_nothing_is_a_job(post_job: Callable[..., Any]) -> None:
    body = a_job()
    answer = post_job(body)
    assert (answer.status_code, answer.json()["created_listings"], answer.json()["skipped"]) == (202, 0, 0)
    job = ScrapeJob.objects.get()
    assert (str(job.scraper_job_id), job.status, job.brands) == (body["job_id"], "completed", ["Sony"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"brands": ["Sony", "Canon"]}, ["Sony", "Canon"]),
        ({"brand": "Leica"}, ["Leica"]),
        ({"brand": "Leica", "brands": None}, ["Leica"]),
        ({"brand": None, "brands": ["Sony"]}, ["Sony"]),
        ({"brand": "Leica", "brands": ["Sony"]}, ["Sony"]),
        ({}, ["Canon", "Sony"]),
        ({"brand": None, "brands": None}, ["Canon", "Sony"]),
        ({"brands": []}, ["Canon", "Sony"]),
        ({"brands": ["Ca\u00a0non\u200b"]}, ["Ca\u00a0non\u200b"]),  # how it looks costs nobody a job
    ],
)
def test_brand_and_brands(post_job: Callable[..., Any], given: dict[str, Any], kept: list[str]) -> None:
    canon = a_match()
    canon["product"]["brand"] = "Canon"
    body = {"job_id": str(uuid.uuid4()), "matches": [a_match(), canon], **given}
    assert post_job(body).json()["created_listings"] == 2
    assert ScrapeJob.objects.get().brands == kept


def test_unknown_fields_of_the_body_are_no_error(post_job: Callable[..., Any]) -> None:
    assert post_job(a_job(a_match(), stats={"seconds": 9})).json()["created_listings"] == 1


@pytest.mark.parametrize(
    "spelling", [str.upper, lambda text: text.replace("-", ""), lambda text: f"{{{text}}}"]
)
def test_every_spelling_of_a_job_id_is_one_job(
    post_job: Callable[..., Any], spelling: Callable[[str], str]
) -> None:
    body = a_job(a_match())
    post_job(body)
    assert post_job(body | {"job_id": spelling(body["job_id"])}).json()["created_listings"] == 0
    assert ScrapeJob.objects.count() == 1


def test_the_counts_add_up(post_job: Callable[..., Any]) -> None:
    known = a_match()
    post_job(a_job(known))
    answer = post_job(a_job(a_match(), known, a_match(price=-1), a_match(7), a_match(7), None)).json()

    assert (answer["created_listings"], answer["resighted"], answer["invalid"]) == (2, 2, 2)
    assert answer["skipped"] == 4
    assert [error["index"] for error in answer["errors"]] == [2, 5]
    job = ScrapeJob.objects.first()
    assert job is not None
    assert (job.matches, job.created_listings, job.resighted, job.invalid) == (6, 2, 2, 2)


def test_ten_thousand_bad_matches_are_counted_and_kept_and_the_answer_stays_short(
    post_job: Callable[..., Any],
) -> None:
    answer = post_job(a_job(*[None] * 10_000))
    assert (answer.json()["invalid"], answer.json()["skipped"]) == (10_000, 10_000)
    assert len(answer.json()["errors"]) == 100
    assert InvalidMatch.objects.count() == 10_000


# ---- the same job again -------------------------------------------------------------------------


def test_the_same_body_again_creates_and_emits_nothing(post_job: Callable[..., Any]) -> None:
    body = a_job(a_match(), a_match(price=-1), a_match(price=None))
    post_job(body)
    before = rows()
    answer = post_job(body).json()

    assert (answer["created_listings"], answer["skipped"], answer["invalid"]) == (0, 3, 1)
    assert rows() == before | {"InboxMessage": 2}
    assert ScrapeJob.objects.get().warning == ""


def test_the_same_body_in_another_spelling_is_the_same(post_job: Callable[..., Any]) -> None:
    body = a_job(a_match())
    post_job(body)
    before = rows()
    again = json.dumps(dict(reversed(body.items())), indent=2).encode()
    assert post_job(again).json()["created_listings"] == 0
    assert rows() == before | {"InboxMessage": 2}


@pytest.mark.parametrize(
    "more", [{}, {"é": 1}, {"del": "\x7f"}, {"z": {"b": 1, "a": [0.1, 1e22, None]}}, {"quote": '"\\\n\t'}]
)
def test_a_repeat_is_known_by_the_json_of_the_whole(
    post_job: Callable[..., Any], more: dict[str, Any]
) -> None:
    """Also one that was taken in before its digest was made piece by piece."""
    job = a_job({**a_match(), **more}, "no object", {**a_match(), "bad": "\ud800"}, a_match(), a_match())
    assert post_job(job).json()["invalid"] == 2
    whole = json.dumps([job["brands"], job["matches"]], sort_keys=True).encode()
    assert ScrapeJob.objects.get().deliveries == [hashlib.sha256(whole).hexdigest()]
    assert digest_of(job["brands"], job["matches"]) == hashlib.sha256(whole).hexdigest()


def test_the_same_job_with_another_body_is_taken_in_and_flagged(post_job: Callable[..., Any]) -> None:
    first = a_job(a_match(1, price=400))
    post_job(first)
    answer = post_job(first | {"matches": [a_match(1, price=390), a_match(2)]}).json()

    assert (answer["created_listings"], answer["resighted"]) == (1, 1)
    job = ScrapeJob.objects.get()
    assert job.warning
    assert (job.matches, job.created_listings, job.resighted) == (3, 2, 1)
    assert Sighting.objects.count() == 3
    assert OutboxMessage.objects.filter(topic="listing.price_changed").count() == 1


# ---- what went wrong on our side ----------------------------------------------------------------


def break_the_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(message: Any, payload: Any) -> Any:
        ProductListing.objects.all().delete()
        raise ZeroDivisionError

    monkeypatch.setitem(webhooks.HANDLERS, ("scraper", "job-complete"), broken)


def test_a_fault_of_ours_is_no_500_and_the_sweep_makes_good(
    post_job: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        break_the_handler(patched)
        answer = post_job(a_job(a_match()))
    assert (answer.status_code, answer.json()["accepted"]) == (202, True)
    message = InboxMessage.objects.get()
    assert (message.status, message.attempts) == ("received", 1)
    assert "ZeroDivisionError" in message.detail

    assert process_inbox() == 0  # the request may still be at work on it
    InboxMessage.objects.update(received_at="2020-01-01T00:00:00Z")
    process_inbox()
    assert ProductListing.objects.count() == 1
    assert InboxMessage.objects.get().status == "processed"


def test_a_row_that_keeps_failing_waits_for_staff_and_stops_nobody(
    post_job: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        break_the_handler(patched)
        post_job(a_job(a_match()))
        InboxMessage.objects.update(received_at="2020-01-01T00:00:00Z")
        for _ in range(webhooks.GIVE_UP_AFTER - 1):
            process_inbox()
        assert InboxMessage.objects.get().status == "conflict"
        assert process_inbox() == 0
    bad = InboxMessage.objects.get()
    call_command("replay_inbox", str(bad.pk))
    assert ProductListing.objects.count() == 1
    assert InboxMessage.objects.get().status == "processed"


def test_replaying_what_was_processed_does_nothing_twice(post_job: Callable[..., Any]) -> None:
    post_job(a_job(a_match()))
    before = rows()
    call_command("replay_inbox", str(InboxMessage.objects.get().pk))
    assert rows() == before


# ---- staff replay a match -----------------------------------------------------------------------


def an_invalid_match(post_job: Callable[..., Any]) -> InvalidMatch:
    post_job(a_job(a_match(), a_match(77, price=-5)))
    return InvalidMatch.objects.get()


def test_a_mended_match_becomes_a_listing_of_its_job(post_job: Callable[..., Any]) -> None:
    kept = an_invalid_match(post_job)
    mended = json.loads(kept.raw)
    mended["listing"]["price"] = 5
    outcome = replays.replay(kept.pk, by="user:ann", raw=json.dumps(mended))

    assert (outcome.created, outcome.resighted) == (1, 0)
    kept = InvalidMatch.objects.get()
    assert kept.listing is not None
    assert (kept.listing.identity, kept.replayed_by) == ("facebook:77", "user:ann")
    assert kept.replayed_at is not None
    assert kept.listing.scraper_job_id == ScrapeJob.objects.get().scraper_job_id
    job = ScrapeJob.objects.get()
    assert (job.created_listings, job.invalid) == (2, 0)
    assert OutboxMessage.objects.filter(topic="listing.created", key=str(kept.listing.pk)).count() == 1


def test_a_match_that_was_taken_in_is_not_taken_in_again(post_job: Callable[..., Any]) -> None:
    kept = an_invalid_match(post_job)
    mended = kept.raw.replace("-5", "5")
    replays.replay(kept.pk, by="user:ann", raw=mended)
    before = rows()
    with pytest.raises(replays.AlreadyReplayed):
        replays.replay(kept.pk, by="user:ann", raw=mended)
    assert rows() == before


STILL_BAD = {
    "as it was": (None, "listing.price: "),
    "nothing": ("", "listing.price: "),
    "cut off": ("{", "match: is not JSON"),
    "a list": ("[]", "match: is not an object"),
    "nested 100,000 deep": ("[" * 100_000, "match: is nested too deep"),
    "NaN": ('{"listing": NaN}', "match: holds NaN"),
    "a number of 5,000 digits": ("9" * 5000, "match: is not JSON"),
    "a lone surrogate": ('{"a": "\\ud800"}', "match: holds characters"),
}


@pytest.mark.each_database
@pytest.mark.parametrize(("raw", "why"), STILL_BAD.values(), ids=STILL_BAD)
def test_a_match_that_is_still_bad_changes_nothing(
    post_job: Callable[..., Any], raw: str | None, why: str
) -> None:
    kept = an_invalid_match(post_job)
    before = rows()
    with pytest.raises(Invalid, match=why):
        replays.replay(kept.pk, by="user:ann", raw=raw)
    assert rows() == before
    kept = InvalidMatch.objects.get()
    assert (kept.replayed_at, kept.listing_id) == (None, None)


def test_a_raw_body_that_was_kept_can_be_taken_in_after_the_code_was_mended(
    post_job: Callable[..., Any], settings: Any
) -> None:
    settings.WEBHOOK_MAX_MATCHES = 1
    assert post_job(dumps(a_job(a_match(), a_match()))).status_code == 413
    settings.WEBHOOK_MAX_MATCHES = 2
    call_command("replay_inbox", str(InboxMessage.objects.get().pk))
    assert ProductListing.objects.count() == 2


def test_a_job_of_another_content_type_can_be_taken_in_by_staff(client: Client) -> None:
    body, path = dumps(a_job(a_match())), "/webhooks/scraper/job-complete"
    headers = {"x-api-key": SCRAPER_KEY}
    assert client.post(path, body, content_type="text/plain", headers=headers).status_code == 415
    call_command("replay_inbox", str(InboxMessage.objects.get().pk))
    assert ProductListing.objects.count() == 1
    assert InboxMessage.objects.get().status == "processed"
