"""Photos by API: in, shown, put in order, out; and what is refused leaves nothing."""

from typing import Any

import pytest

from listings.models import Photo, ProductListing
from tests.factories import make_listing
from tests.photos.zoo import a_file

pytestmark = pytest.mark.django_db


def test_the_first_photos_take_a_bought_camera_to_received(post_photos: Any, kept: Any) -> None:
    listing = make_listing("PURCHASED")
    answer = post_photos(listing, a_file(), a_file(kind="PNG"))
    assert answer.status_code == 201, answer.content
    assert [each["position"] for each in answer.json()["photos"]] == [1, 2]
    assert set(answer.json()["photos"][0]) == {
        "id",
        "url",
        "thumbnail_url",
        "width",
        "height",
        "size",
        "position",
        "created_at",
    }
    assert ProductListing.objects.get().state == "RECEIVED"
    last = listing.history.order_by("-sequence")[0]
    assert (last.triggered_by, last.metadata) == ("user:ben", {"reason": "first photo"})
    assert len(kept()) == 4
    assert Photo.objects.get(position=1).added_by == "user:ben"
