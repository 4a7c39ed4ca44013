"""Twenty uploads at once: one arrow, and every photo in a place of its own."""

import io
from typing import Any

import pytest

from integrations.clock import Clock
from listings import lifecycle, photos
from listings.models import Photo, ProductListing
from tests.factories import make_listing
from tests.photos.zoo import a_file
from tests.races import PATIENCE, at_once, failures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.each_database]


def add(listing: ProductListing) -> Any:
    content = a_file()
    return lambda number: photos.add(
        listing.pk, [photos.Upload(io.BytesIO(content), len(content))], by="user:ann"
    )


def test_twenty_uploads_at_once_are_received_once() -> None:
    listing = make_listing("PURCHASED")
    assert not failures(at_once(20, add(listing)))
    positions = sorted(Photo.objects.values_list("position", flat=True))
    assert positions == list(range(1, 21))
    assert listing.history.filter(to_state="RECEIVED").count() == 1


@pytest.mark.postgres
def test_without_the_lock_places_would_be_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    listing = make_listing("RECEIVED")
    together = threading.Barrier(4)

    def unlocked(listing_id: Any) -> ProductListing:
        found = ProductListing.objects.annotate(db_now=Clock()).get(pk=listing_id)
        together.wait(PATIENCE)
        return found

    monkeypatch.setattr(lifecycle, "locked", unlocked)
    monkeypatch.setattr(Photo.objects, "bulk_create", _slowly(Photo.objects.bulk_create))
    at_once(4, add(listing))
    positions = list(Photo.objects.values_list("position", flat=True))
    assert len(set(positions)) < len(positions)


def _slowly(act: Any) -> Any:
    import threading

    together = threading.Barrier(4)

    def wait(*args: Any, **kwargs: Any) -> Any:
        together.wait(PATIENCE)
        return act(*args, **kwargs)

    return wait
