"""The forty recorded jobs, posted in order: every item becomes one listing."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integrations.models import OutboxMessage
from listings.models import ProductListing, Sighting, TransitionLog

pytestmark = pytest.mark.django_db


def expected_items(sample: Path) -> dict[str, dict[str, Any]]:
    lines = (sample / "EXPECTED_ITEMS.jsonl").read_text().splitlines()
    return {item["item_id"]: item for item in map(json.loads, lines)}


def post_all(sample: Path, post_job: Callable[..., Any]) -> list[dict[str, Any]]:
    answers = [post_job(path.read_bytes()) for path in sorted(sample.glob("[0-9]*.json"))]
    assert {answer.status_code for answer in answers} == {202}
    return [answer.json() for answer in answers]


def test_the_recorded_jobs_give_one_listing_for_each_item(sample: Path, post_job: Callable[..., Any]) -> None:
    manifest = json.loads((sample / "MANIFEST.json").read_text())
    answers = post_all(sample, post_job)
    items = expected_items(sample)

    assert [a["created_listings"] for a in answers] == [
        job["items_first_seen_here"] for job in manifest["jobs"]
    ]
    assert [a["created_listings"] + a["skipped"] for a in answers] == [
        job["matches"] for job in manifest["jobs"]
    ]
    assert sum(a["invalid"] for a in answers) == 0
    assert ProductListing.objects.count() == manifest["totals"]["distinct_items_in_set"] == len(items)
    urls = set(ProductListing.objects.values_list("marketplace_url", flat=True))
    assert urls == {f"https://www.facebook.com/marketplace/item/{item}/" for item in items}
    assert Sighting.objects.count() == manifest["totals"]["matches"]
    assert TransitionLog.objects.count() == len(items)


def test_price_changes_of_the_recorded_jobs_are_followed_and_published(
    sample: Path, post_job: Callable[..., Any]
) -> None:
    post_all(sample, post_job)
    items = expected_items(sample)

    events = Counter(OutboxMessage.objects.values_list("topic", flat=True))
    steps = {
        item: [price for price in facts["prices_in_order"] if price is not None]
        for item, facts in items.items()
    }
    assert events["listing.created"] == len(items)
    assert events["listing.price_changed"] == sum(max(0, len(prices) - 1) for prices in steps.values()) > 0
    for listing in ProductListing.objects.all():
        prices = steps[listing.identity.removeprefix("facebook:")]
        assert listing.asking_price == (prices[-1] if prices else None)


def test_posting_every_job_again_changes_nothing(sample: Path, post_job: Callable[..., Any]) -> None:
    post_all(sample, post_job)
    before = (ProductListing.objects.count(), OutboxMessage.objects.count(), Sighting.objects.count())
    answers = post_all(sample, post_job)
    assert sum(answer["created_listings"] for answer in answers) == 0
    assert (ProductListing.objects.count(), OutboxMessage.objects.count(), Sighting.objects.count()) == before
