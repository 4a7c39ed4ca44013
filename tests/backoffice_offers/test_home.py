"""The home page: covers beside what waits, and what is ready to be listed."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from integrations.simulators import Simulators
from listings import offers
from listings.models import ProductListing
from tests.backoffice.pages import page, queries
from tests.backoffice_offers.received import panel, photographed, received, refused
from tests.factories import make_listing, staff

pytestmark = pytest.mark.django_db


def test_a_row_shows_the_cover_of_its_camera(viewer: Client) -> None:
    shown, bare = photographed(make_listing("PURCHASED")), make_listing("PURCHASED")
    for each in (shown, bare):
        ProductListing.objects.filter(pk=each.pk).update(error_message="x", error_occurred_at=timezone.now())
    needs = {need.listing: need for group in viewer.get("/staff/").context["groups"] for need in group.needs}
    assert needs[shown].cover == f"/photos/{shown.photos.get().pk}/thumbnail"
    assert needs[bare].cover == ""
    assert f'src="{needs[shown].cover}"' in viewer.get("/staff/").content.decode()


def test_covers_cost_no_query_for_each_row(viewer: Client) -> None:
    now = timezone.now()
    one = received()
    ProductListing.objects.filter(pk=one.pk).update(error_message="x", error_occurred_at=now)
    few = queries(viewer, "/staff/")
    for _ in range(2):
        more = received()
        ProductListing.objects.filter(pk=more.pk).update(error_message="x", error_occurred_at=now)
    assert queries(viewer, "/staff/") == few


def test_what_is_here_waits_for_its_listing_the_oldest_first(operator: Client, viewer: Client) -> None:
    bare, ready, asked = received(photo=False), received(), received()
    for days, each in ((1, bare), (3, ready), (2, asked)):
        ProductListing.objects.filter(pk=each.pk).update(
            state_changed_at=timezone.now() - timedelta(days=days)
        )
    offers.to_list(asked.pk, by="user:ben")
    [group] = operator.get("/staff/").context["groups"]
    assert (group.words, group.count) == ("To list on eBay", 2)
    assert [need.listing for need in group.needs] == [ready, bare]
    assert [[act.words for act in need.acts] for need in group.needs] == [["List on eBay"], ["Prepare…"]]
    assert (group.needs[0].amount, group.needs[1].second) == (
        Decimal("500.00"),
        "Received 24 hours ago · There is no photo. Add one.",
    )
    counted = operator.get(group.url).context["cl"].result_list
    assert {row.pk for row in counted} == {ready.pk, bare.pk}
    [seen] = viewer.get("/staff/").context["groups"]
    assert [need.acts for need in seen.needs] == [[], []]


def test_two_clicks_lead_from_signing_in_to_listed(client: Client) -> None:
    staff("ann", group="Operators")
    listing = received()
    home = client.post(
        "/staff/login/", {"username": "ann", "password": "a-long-enough-password"}, follow=True
    )
    [act] = home.context["groups"][0].needs[0].acts
    assert client.post(act.url, {**act.fields, "back": "now"})["Location"] == "/staff/"
    assert offers.pending([listing])[str(listing.pk)]["requested_by"] == "user:ann"
    assert client.get("/staff/").context["groups"] == []


def test_three_clicks_where_something_was_missing(operator: Client) -> None:
    listing = received(price=None)
    [act] = operator.get("/staff/").context["groups"][0].needs[0].acts
    assert (act.words, act.url, act.posts) == ("Prepare…", f"{page(listing)}#ebay", False)
    operator.post(panel(listing), {"do": "list", "price": "480"})
    assert offers.pending([listing])


def test_what_was_refused_is_mended_not_repeated(operator: Client, sims: Simulators) -> None:
    listing = refused()
    [group] = operator.get("/staff/").context["groups"]
    [act] = group.needs[0].acts
    assert (group.words, act.words, act.url) == ("With an error", "Mend…", f"{page(listing)}#ebay")


def test_ready_cameras_cost_no_query_for_each(operator: Client) -> None:
    received()
    few = queries(operator, "/staff/")
    received()
    received(photo=False)
    assert queries(operator, "/staff/") == few
