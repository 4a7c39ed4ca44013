"""What is on eBay: changed and ended by the API, by those who may."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from integrations.simulators import Simulators
from listings.models import EbayOffer, ProductListing
from listings.states import State
from tests.factories import make_listing, rows, staff, token
from tests.offers.conftest import (
    END,
    UPDATE,
    calls,
    keys,
    notes,
    offer,
    ready,
    row,
    serve,
    switch,
    until_settled,
)
from tests.selling.sales import fresh, sale, teller

pytestmark = pytest.mark.django_db


@pytest.fixture
def listed(sims: Simulators, ask: Any) -> ProductListing:
    """A camera that eBayLister has listed at 500.00."""
    listing = ready()
    ask(listing)
    serve()
    return fresh(listing)


# ---- on eBay ------------------------------------------------------------------------------------


def test_a_price_is_known_as_changed_when_ebaylister_has_confirmed(
    sims: Simulators, ebay: Any, listed: ProductListing
) -> None:
    response = ebay("patch", listed, price="479.99", title="Sony A6400 with lens")
    assert (response.status_code, response.json()["pending"]["operation"]) == (202, UPDATE)
    assert fresh(listed).ebay_asking_price == Decimal("500.00")
    assert serve() == 1
    (request,) = calls(sims, "PATCH")
    price = {"value": "479.99", "currency": "GBP"}
    assert request.json() == {"title": "Sony A6400 with lens", "price": price}
    assert request.path == f"/listings/{listed.ebay_listing_id}"
    assert keys(sims, "PATCH") == [str(row(listed, UPDATE).event_id)]
    assert fresh(listed).ebay_asking_price == Decimal("479.99")
    shown = ebay("get", listed).json()
    assert (shown["price"], shown["title"], shown["pending"]) == ("479.99", "Sony A6400 with lens", None)
    assert "Asked eBayLister to change: title, price £479.99." in notes(listed)


def test_of_two_changes_that_wait_the_later_counts(
    sims: Simulators, ebay: Any, listed: ProductListing
) -> None:
    ebay("patch", listed, price="480")
    ebay("patch", listed, price="470")
    assert serve() == 2
    assert [request.json()["price"]["value"] for request in calls(sims, "PATCH")] == ["470.00"]
    assert fresh(listed).ebay_asking_price == Decimal("470.00")


def test_an_old_price_does_not_come_back_by_a_retry(
    sims: Simulators, ebay: Any, listed: ProductListing, client: Client, headers: Any
) -> None:
    switch(sims, status=422, times=1)
    ebay("patch", listed, price="480", title="Sony A6400 with lens")
    ebay("patch", listed, price="470")
    until_settled()
    assert fresh(listed).ebay_asking_price == Decimal("470.00")
    client.post(f"/admin/listings/{listed.pk}/retry", headers=headers)
    until_settled()
    made, now = sims.ebaylister.listings[0], fresh(listed)
    assert (made.title, made.price) == ("Sony A6400 with lens", "470.00")
    assert (now.ebay_asking_price, now.error_message) == (Decimal("470.00"), None)


def test_a_refused_change_is_shown_and_asked_anew(
    sims: Simulators, ebay: Any, listed: ProductListing
) -> None:
    switch(sims, status=422, times=1)
    ebay("patch", listed, price="480")
    serve()
    error = fresh(listed).error_message
    assert error == "The listing on eBay was not changed: eBayLister answered 422: Switched fault"
    assert fresh(listed).ebay_asking_price == Decimal("500.00")
    ebay("patch", listed, price="490")
    assert fresh(listed).error_message is None
    serve()
    assert (fresh(listed).ebay_asking_price, row(listed, UPDATE).state) == (Decimal("490.00"), "delivered")


@pytest.mark.parametrize("told", [{"price": "0"}, {"price": None}, {"title": ""}, {"condition": ""}], ids=str)
def test_what_ebay_would_not_show_is_not_sent(ebay: Any, told: dict[str, Any]) -> None:
    listing = make_listing(State.LISTED)
    before = rows()
    response = ebay("patch", listing, **told)
    assert (response.status_code, list(response.json()["detail"])) == (422, list(told))
    assert rows() == before


def test_it_is_ended_when_ebaylister_has_confirmed(
    sims: Simulators, ebay: Any, listed: ProductListing
) -> None:
    response = ebay("delete", listed, reason="dropped it")
    assert (response.status_code, response.json()["pending"]["operation"]) == (202, END)
    assert offer(listed).ended_at is None
    before = rows()
    assert ebay("delete", listed).status_code == 202
    assert rows() == before

    assert serve() == 1
    assert len(calls(sims, "DELETE")) == 1
    assert sims.ebaylister.listings[0].status == "ended"
    assert fresh(listed).state == "LISTED"
    assert ebay("get", listed).json()["ended_at"]
    assert "Asked eBayLister to end the listing. dropped it" in notes(listed)
    again = ebay("delete", listed)
    assert (again.status_code, again.json()["detail"]) == (409, "The listing on eBay has ended.")


def test_the_reason_may_stand_in_the_query(ebay: Any) -> None:
    listing = make_listing(State.LISTED)
    assert ebay("delete", listing, query="?reason=lens%20stuck").status_code == 202
    assert notes(listing) == ["Asked eBayLister to end the listing. lens stuck"]
    assert ebay("delete", listing, query="?why=x").status_code == 422


def test_what_is_gone_from_ebaylister_has_ended(sims: Simulators, ebay: Any) -> None:
    listing = make_listing(State.LISTED)
    ebay("delete", listing)
    assert serve() == 1
    assert offer(listing).ended_at
    assert fresh(listing).error_message is None


@pytest.mark.parametrize("act", ["patch", "delete"])
def test_what_has_sold_is_told_in_words_and_asked_about_next(
    sims: Simulators, ebay: Any, listed: ProductListing, act: str, client: Client
) -> None:
    sims.ebaylister.listings[0].status = "sold"
    ebay(act, listed, **({"price": "400"} if act == "patch" else {}))
    serve()
    error = str(fresh(listed).error_message)
    assert "eBayLister answered 409: The item has sold. If it has sold, the sale is booked" in error
    assert (offer(listed).checked_at, offer(listed).ended_at) == (None, None)
    # The sale makes the question pointless, and the error with it.
    assert teller(client)(sale(listed)).status_code == 200
    serve()
    assert (fresh(listed).state, fresh(listed).error_message) == ("SOLD", None)
    assert len(calls(sims, {"patch": "PATCH", "delete": "DELETE"}[act])) == 1


def test_another_partners_error_stays(sims: Simulators, ebay: Any, listed: ProductListing) -> None:
    theirs = {"error_message": "Chatterbot was not stopped: 500", "error_occurred_at": listed.listed_at}
    ProductListing.objects.filter(pk=listed.pk).update(**theirs)
    ebay("patch", listed, price="480")
    serve()
    assert fresh(listed).error_message == "Chatterbot was not stopped: 500"


def test_a_reason_that_is_given_twice_is_422(operator: Client) -> None:
    listing = make_listing(State.LISTED)
    before = rows()
    answer = operator.delete(f"/admin/listings/{listing.pk}/ebay?reason=sold&reason=broken")
    assert (answer.status_code, list(answer.json()["detail"])) == (422, ["reason"])
    assert rows() == before


# ---- who may ------------------------------------------------------------------------------------


def test_who_may_what(client: Client) -> None:
    listing = make_listing(State.LISTED)
    path = f"/admin/listings/{listing.pk}/ebay"
    nobody, viewer, changer = staff("nora"), staff("vic", group="Viewers"), staff("cleo")
    changer.user_permissions.add(Permission.objects.get(codename="change_ebayoffer"))
    headers = [token(each) for each in (nobody, viewer, changer)]
    kind = "application/json"
    before = rows()
    assert client.get(path).status_code == 401
    assert [client.get(path, headers=each).status_code for each in headers] == [403, 200, 403]
    for each in headers[:2]:
        assert client.patch(path, {"price": "1"}, content_type=kind, headers=each).status_code == 403
        assert client.delete(path, headers=each).status_code == 403
    assert rows() == before
    assert client.patch(path, {"price": "1"}, content_type=kind, headers=headers[2]).status_code == 202
    assert client.delete(path, headers=headers[2]).status_code == 202


def test_a_listing_that_is_not_there(ebay: Any) -> None:
    listing = ProductListing()
    assert {ebay(act, listing).status_code for act in ("get", "delete")} == {404}
    assert ebay("patch", listing, title="x").status_code == 404
    assert not EbayOffer.objects.exists()


def test_both_spellings_answer(client: Client, headers: Any) -> None:
    listing = ready()
    assert client.get(f"/admin/listings/{listing.pk}/ebay/", headers=headers).status_code == 200
    assert "/admin/listings/{id}/ebay" in client.get("/openapi.json").json()["paths"]
