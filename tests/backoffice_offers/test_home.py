"""The home page: covers beside what waits, and what is ready to be listed."""

import pytest
from django.test import Client
from django.utils import timezone

from listings.models import ProductListing
from tests.backoffice.pages import queries
from tests.backoffice_offers.received import received

pytestmark = pytest.mark.django_db


def test_a_row_shows_the_cover_of_its_camera(viewer: Client) -> None:
    shown, bare = received(), received(photo=False)
    for each in (shown, bare):
        ProductListing.objects.filter(pk=each.pk).update(error_message="x", error_occurred_at=timezone.now())
    needs = {need.listing: need for group in viewer.get("/staff/").context["groups"] for need in group.needs}
    assert needs[shown].cover == f"/photos/{shown.photos.get().pk}/thumbnail"
    assert needs[bare].cover == ""
    html = viewer.get("/staff/").content.decode()
    assert html.count(f'src="{needs[shown].cover}"') == html.count('<img class="ae-thumb"') == 1


def test_covers_cost_no_query_for_each_row(viewer: Client) -> None:
    now = timezone.now()
    one = received()
    ProductListing.objects.filter(pk=one.pk).update(error_message="x", error_occurred_at=now)
    few = queries(viewer, "/staff/")
    for _ in range(2):
        more = received()
        ProductListing.objects.filter(pk=more.pk).update(error_message="x", error_occurred_at=now)
    assert queries(viewer, "/staff/") == few
