"""The eBay panel of a listing's page: who sees and may do what there, and when."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from integrations.simulators import Simulators
from listings import lifecycle
from tests.backoffice.pages import page, said
from tests.backoffice_offers.panel import A_DRAFT, shown
from tests.backoffice_offers.received import panel, received
from tests.factories import make_listing, rows, signed_in
from tests.offers.conftest import serve

pytestmark = pytest.mark.django_db


def test_viewers_see_facts_and_no_form(viewer: Client) -> None:
    for listing in (received(), make_listing("LISTED")):
        there = shown(viewer, listing)
        assert there["facts"] and not there.get("rows") and not there.get("acts")
        assert panel(listing) not in viewer.get(page(listing)).content.decode()


@pytest.mark.parametrize("do", ["save", "list", "price", "end"])
def test_viewers_change_nothing(viewer: Client, do: str) -> None:
    listing = received()
    before = rows()
    assert viewer.post(panel(listing), {"do": do, **A_DRAFT, "reason": "x"}).status_code == 403
    assert rows() == before


def test_who_may_list_and_not_edit_lists_the_draft_as_it_is(sims: Simulators) -> None:
    listing = received()
    client = signed_in("lee", group="Viewers")
    lee = client.get(page(listing)).context["user"]
    lee.user_permissions.add(Permission.objects.get(codename="transition_productlisting"))
    there = shown(client, listing)
    assert there["facts"] and there["rows"] == []
    assert 'value="save"' not in client.get(page(listing)).content.decode()
    client.post(panel(listing), {"do": "list", **A_DRAFT})
    serve()
    assert sims.ebaylister.listings[0].title == listing.title


@pytest.mark.parametrize("state", ["FOUND", "PURCHASED", "SOLD", "CANCELLED"])
def test_elsewhere_there_is_no_panel_and_nothing_is_asked(operator: Client, state: str) -> None:
    listing = make_listing(state)
    assert shown(operator, listing) is None
    for do in ("save", "list", "price", "end"):
        before = rows()
        told = said(operator.post(panel(listing), {"do": do, **A_DRAFT, "reason": "x"}))
        assert told[-1].startswith("Not saved: ") and rows() == before


def test_whoever_is_second_hears_who_was_first(operator: Client) -> None:
    listing = received()
    lifecycle.list_on_ebay(listing.pk, by="user:ben", ebay_listing_id="1100")
    assert said(operator.post(panel(listing), {"do": "list"}))[-1].startswith(
        "Not saved: ben moved this to Listed"
    )


def test_no_act_of_ours_and_a_get(operator: Client) -> None:
    listing = received()
    before = rows()
    assert operator.post(panel(listing), {"do": "sell"}).status_code == 400
    assert operator.get(panel(listing))["Location"] == page(listing)
    assert rows() == before
