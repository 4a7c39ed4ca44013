"""Scrape jobs: seen, run, and their invalid matches mended and replayed."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integrations.models import OutboxMessage
from listings.models import ProductListing
from scraping import jobs
from scraping.models import InvalidMatch, ScrapeJob
from tests.backoffice.pages import JOBS, nothing_written, queries, said
from tests.factories import a_job, a_match

pytestmark = pytest.mark.django_db
RUN = f"{JOBS}run/"


@pytest.fixture
def broken(db: None, post_job: Any) -> list[InvalidMatch]:
    """A job of one good match and two that cannot be used."""
    post_job(a_job(a_match(1), a_match(2, price=-4.0), a_match(3, confidence=300)))
    return list(InvalidMatch.objects.order_by("index"))


def replay_url(match: InvalidMatch) -> str:
    """Return where a match is mended."""
    return reverse("admin:scraping_scrapejob_replay", args=[match.pk])


def mended(match: InvalidMatch, **changes: Any) -> str:
    """Return the match as staff would mend it."""
    value = json.loads(match.raw)
    value["listing"]["price"] = 120
    return json.dumps({**value, "confidence": 90, **changes})


def test_a_job_in_the_list(viewer: Client, broken: list[InvalidMatch]) -> None:
    ScrapeJob.objects.update(warning="Delivered again with another body.")
    html = viewer.get(JOBS).content.decode()
    for part in (
        "Completed",
        "Sony",
        "unasked",
        "Delivered again with another body.",
        '<span class="ae-badge ae-warn">2',
    ):
        assert part in html


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 3),
        ({"status": "trouble"}, 2),
        ({"status": "failed"}, 1),
        ({"marks": "invalid"}, 1),
        ({"marks": "warning"}, 0),
        ({"status": "nonsense", "marks": "x"}, 3),
    ],
)
def test_the_questions_of_staff(
    viewer: Client, broken: list[InvalidMatch], query: dict[str, str], count: int
) -> None:
    for status in ("failed", "lost"):
        job = jobs.trigger(brands=["Sony"], search="x", by="user:ann")
        ScrapeJob.objects.filter(pk=job.pk).update(status=status, error="404")
    assert len(viewer.get(JOBS, query).context["cl"].result_list) == count


def test_a_job_is_found_by_each_of_its_ids(viewer: Client, broken: list[InvalidMatch]) -> None:
    job = ScrapeJob.objects.get()
    for key in (job.pk, job.uuid, job.scraper_job_id):
        assert viewer.get(f"{JOBS}{key}/change/").context["record"] == job


def test_a_job_s_page(viewer: Client, broken: list[InvalidMatch]) -> None:
    job = ScrapeJob.objects.get()
    response = viewer.get(f"{JOBS}{job.pk}/change/")
    html = response.content.decode()
    assert "listing.price: is not between 0 and 1000000" in html
    assert "confidence: is not between 0 and 100" in html
    assert "&quot;confidence&quot;: 300" in html
    assert "Replay" not in html.partition('id="content"')[2]
    found = viewer.get(f"/staff/listings/productlisting/?job={job.scraper_job_id}")
    assert len(found.context["cl"].result_list) == 1


def test_many_invalid_matches_come_in_pages(viewer: Client, post_job: Any) -> None:
    post_job(a_job(*[a_match(price=-1.0) for _ in range(60)]))
    url = f"{JOBS}{ScrapeJob.objects.get().pk}/change/"
    first, second = viewer.get(url), viewer.get(f"{url}?page=2")
    assert len(first.context["tables"][0]["rows"]) == 50
    assert len(second.context["tables"][0]["rows"]) == 10
    assert viewer.get(f"{url}?page=x").status_code == 200
    assert queries(viewer, url) == queries(viewer, f"{url}?page=2")


# ---- replay -------------------------------------------------------------------------------------


def test_the_form_holds_the_match(operator: Client, broken: list[InvalidMatch]) -> None:
    html = operator.get(replay_url(broken[0])).content.decode()
    assert "listing.price: is not between" in html
    assert "&quot;price&quot;: -4.0" in html


def test_a_mended_match_becomes_a_listing(operator: Client, broken: list[InvalidMatch]) -> None:
    response = operator.post(replay_url(broken[0]), {"raw": mended(broken[0])})
    assert said(response) == ["Taken in: a new listing."]
    kept = InvalidMatch.objects.get(pk=broken[0].pk)
    assert kept.listing is not None
    assert (kept.listing.asking_price, kept.replayed_by) == (120, "user:ann")
    job = ScrapeJob.objects.get()
    assert (job.created_listings, job.invalid) == (2, 1)
    html = operator.get(f"{JOBS}{job.pk}/change/").content.decode()
    assert f"/staff/listings/productlisting/{kept.listing_id}/change/" in html


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "not JSON",
        "[" * 50_000,
        "9" * 5_000,
        '{"a": NaN}',
        '"\\u0000"',
        '"\\ud800"',
        "null",
        "x" * 300_000,
        "a\0b",
    ],
)
def test_what_is_still_not_usable_is_asked_for_again(
    operator: Client, broken: list[InvalidMatch], raw: str
) -> None:
    with nothing_written():
        response = operator.post(replay_url(broken[0]), {"raw": raw})
    assert response.status_code == 422
    assert response.context["form"].errors["raw"]


def test_a_match_is_taken_in_once(operator: Client, broken: list[InvalidMatch]) -> None:
    operator.post(replay_url(broken[0]), {"raw": mended(broken[0])})
    with nothing_written():
        response = operator.post(replay_url(broken[0]), {"raw": mended(broken[0])})
    assert said(response)[-1] == "This match was taken in before."


def test_replaying_all_says_how_many_could_not(operator: Client, broken: list[InvalidMatch]) -> None:
    InvalidMatch.objects.filter(pk=broken[0].pk).update(raw=mended(broken[0]))
    url = reverse("admin:scraping_scrapejob_replay_all", args=[broken[0].job_id])
    with nothing_written():
        operator.get(url)
    response = operator.post(url)
    assert said(response)[0].startswith("1 taken in, 1 still not usable")
    assert ProductListing.objects.count() == 2
    InvalidMatch.objects.filter(listing__isnull=True).update(listing=ProductListing.objects.first())
    assert said(operator.post(url))[-1] == "Nothing waits to be replayed."


def test_viewers_replay_nothing(viewer: Client, broken: list[InvalidMatch]) -> None:
    every = reverse("admin:scraping_scrapejob_replay_all", args=[broken[0].job_id])
    with nothing_written():
        assert viewer.get(replay_url(broken[0])).status_code == 403
        assert viewer.post(replay_url(broken[0]), {"raw": mended(broken[0])}).status_code == 403
        assert viewer.post(every).status_code == 403


def test_a_match_that_is_not_there(operator: Client) -> None:
    assert operator.post(f"{JOBS}match/12345/", {"raw": "{}"}).status_code == 404


# ---- run a scrape -------------------------------------------------------------------------------


def test_a_scrape_is_run(operator: Client) -> None:
    assert RUN in operator.get(JOBS).content.decode()
    assert operator.get(RUN).status_code == 200
    response = operator.post(RUN, {"brands": "Sony, Canon ,Sony,", "search": "mirrorless"})
    job = ScrapeJob.objects.get()
    assert (job.brands, job.search, job.triggered_by) == (["Sony", "Canon"], "mirrorless", "user:ann")
    assert response["Location"] == f"{JOBS}{job.pk}/change/"
    topics = set(OutboxMessage.objects.values_list("topic", flat=True))
    assert topics == {"scraper.job.created", "scraper.start_job"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"brands": "", "search": "x"}, "brands"),
        ({"brands": " , ", "search": "x"}, "brands"),
        ({"brands": "x" * 101, "search": "x"}, "brands"),
        ({"brands": ",".join(f"b{i}" for i in range(51)), "search": "x"}, "brands"),
        ({"brands": "Sony", "search": ""}, "search"),
        ({"brands": "Sony", "search": "x" * 201}, "search"),
        ({"brands": "So\0ny", "search": "x"}, "brands"),
    ],
)
def test_a_scrape_that_cannot_be(operator: Client, given: dict[str, str], field: str) -> None:
    with nothing_written():
        response = operator.post(RUN, given)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]


def test_viewers_run_nothing(viewer: Client) -> None:
    with nothing_written():
        assert viewer.get(RUN).status_code == 403
        assert viewer.post(RUN, {"brands": "Sony", "search": "x"}).status_code == 403
    assert RUN not in viewer.get(JOBS).content.decode()
