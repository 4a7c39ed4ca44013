"""The eBay panel of a listing's page: the draft, what is asked of eBayLister, and what became of it."""

import pytest
from django.test import Client

from integrations.simulators import Simulators
from listings import lifecycle, offers
from listings.models import EbayOffer, Note, ProductListing
from tests.backoffice.pages import page, said
from tests.backoffice_offers.panel import A_DRAFT, calls, shown, values
from tests.backoffice_offers.received import panel, photographed, received, refused
from tests.factories import make_listing, rows
from tests.offers.conftest import serve, switch

pytestmark = pytest.mark.django_db


# ---- the draft ----------------------------------------------------------------------------------


def test_the_draft_is_proposed_and_counted(operator: Client) -> None:
    listing = received(title="Sony A6400 " + "with kit lens " * 10)
    proposed = values(operator, listing)
    assert (proposed["condition"], str(proposed["price"])) == ("Used", "500.00")
    html = operator.get(page(listing)).content.decode()
    assert f"{len(proposed['title'])} of 80 characters" in html
    assert 'data-count-of="id_ebay_title"' in html and "/static/aetos/offers" in html


def test_a_draft_is_saved_and_nobody_outside_hears_of_it(operator: Client) -> None:
    listing = received(photo=False)
    assert operator.post(panel(listing), {"do": "save", **A_DRAFT})["Location"] == page(listing)
    kept = values(operator, listing)
    assert (kept["title"], kept["condition"], str(kept["price"])) == ("Sony A6400 body", "Open box", "479.50")
    assert kept["description"] == "Fine.\nBoxed."
    assert calls(listing) == []


def test_an_unfinished_draft_is_kept_and_each_gap_leads_to_its_field(operator: Client) -> None:
    listing = received(photo=False, price=None)
    gaps = {"title": "x" * 83, "condition": "", "price": "", "description": ""}
    operator.post(panel(listing), {"do": "save", **gaps})
    assert shown(operator, listing)["lacking"] == [
        ("There is no photo. Add one.", "#photos"),
        ("The title is 3 too long: eBay takes 80 characters.", "#id_ebay_title"),
        ("No condition is chosen. Choose one.", "#id_ebay_condition"),
        ("The description is empty. Write one.", "#id_ebay_description"),
        ("Asking price or estimate is not known. Give a price.", "#id_ebay_price"),
    ]
    html = operator.get(page(listing)).content.decode()
    for _, anchor in shown(operator, listing)["lacking"]:
        assert f'href="{anchor}"' in html and f'id="{anchor[1:]}"' in html


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "lots"),
        ("price", "-1"),
        ("price", "NaN"),
        ("price", "1000000000"),
        ("condition", "Haunted"),
        ("title", "a\0b"),
        ("title", "x" * 513),
        ("description", "x" * 10_001),
    ],
)
def test_what_cannot_be_kept_is_shown_again_beside_its_field(
    operator: Client, field: str, value: str
) -> None:
    listing = received()
    operator.get(page(listing))  # which makes the settings of its estimate
    before = rows()
    response = operator.post(panel(listing), {"do": "list", **A_DRAFT, field: value})
    assert response.status_code == 422
    [failed] = [row["field"] for row in response.context["ebay"]["rows"] if row["field"].errors]
    assert (failed.name, failed.value()) == (field, value)
    assert f'id="id_ebay_{field}_error"' in response.content.decode()
    assert rows() == before


# ---- listing ------------------------------------------------------------------------------------


def test_listing_saves_the_draft_and_asks_in_one_go(operator: Client, sims: Simulators) -> None:
    listing = received()
    response = operator.post(panel(listing), {"do": "list", **A_DRAFT})
    assert said(response) == ["Asked eBayLister to list it. It is Listed when that is confirmed."]
    waits = shown(operator, listing)["waits"]
    assert (waits["words"], waits["by"], waits["attempts"]) == ("eBayLister is asked to list it", "ann", 0)
    html = operator.get(page(listing)).content.decode()
    assert 'value="list"' not in html and 'data-state="received-waits"' in html
    serve()
    [there] = sims.ebaylister.listings
    assert (there.title, there.condition) == ("Sony A6400 body", "Open box")
    now = shown(operator, listing)
    assert (now["state"], now["waits"]) == ("listed", None)
    assert f'href="{EbayOffer.objects.get().url}"' in operator.get(page(listing)).content.decode()


def test_what_is_missing_is_told_by_field_and_what_was_typed_is_kept(operator: Client) -> None:
    listing = received(photo=False)
    response = operator.post(panel(listing), {"do": "list", **A_DRAFT, "title": ""})
    assert response.status_code == 422
    assert list(response.context["ebay"]["errors"]) == ["There is no photo. Add one."]
    [failed] = [row["field"] for row in response.context["ebay"]["rows"] if row["field"].errors]
    assert (failed.name, failed.errors) == ("title", ["The title is empty. Write one."])
    assert said(response) == ["Not listed yet. The draft is kept."]
    assert calls(listing) == [] and values(operator, listing)["condition"] == "Open box"
    photographed(listing)
    operator.post(panel(listing), {"do": "list", **A_DRAFT})
    assert calls(listing) == [offers.CREATE]


def test_pressed_twice_it_is_asked_once_as_first_drafted(operator: Client) -> None:
    listing = received()
    operator.post(panel(listing), {"do": "list", **A_DRAFT})
    before = rows()
    again = operator.post(panel(listing), {"do": "list", **A_DRAFT, "title": "Another"})
    assert said(again)[-1].startswith("Not saved: eBayLister is being asked to list it")
    assert rows() == before and EbayOffer.objects.get().title == "Sony A6400 body"


def test_while_it_waits_the_page_says_how_often_it_was_tried_and_retries(
    operator: Client, viewer: Client, sims: Simulators
) -> None:
    listing = received()
    switch(sims, status=503)
    operator.post(panel(listing), {"do": "list"})
    serve()
    assert shown(operator, listing)["waits"]["attempts"] == 1
    html = operator.get(page(listing)).content.decode()
    assert "Tried 1 time, and again by itself." in html and "503" in html and "Retry now" in html
    assert "Retry now" not in viewer.get(page(listing)).content.decode()
    switch(sims)
    operator.post(f"/staff/listings/productlisting/{listing.pk}/retry/")
    serve()
    assert ProductListing.objects.get(pk=listing.pk).state == "LISTED"


def test_a_refusal_is_shown_word_for_word_and_beside_its_field_then_mended(
    operator: Client, sims: Simulators
) -> None:
    listing = refused()
    words = "The item specific Film Format is missing. Add Film Format to this listing."
    there = shown(operator, listing)
    assert there["refused"] == f"Not listed on eBay: eBayLister answered 422: description: {words}"
    assert {row["field"].name: row["problems"] for row in there["rows"]}["description"] == [words]
    html = operator.get(page(listing)).content.decode()
    assert f"<b>eBayLister:</b> <bdi>{words}</bdi>" in html and ">refused</span>" in html
    operator.post(panel(listing), {"do": "list", "description": "Film Format: 35 mm"})
    serve()
    assert (shown(operator, listing)["state"], shown(operator, listing)["refused"]) == ("listed", "")


def test_the_words_of_strangers_are_escaped(operator: Client) -> None:
    listing = received(title="<b>Sony</b>")
    EbayOffer.objects.create(listing=listing, problems={"title": ["<script>alert(1)</script>"]})
    html = operator.get(page(listing)).content.decode()
    assert "<script>alert(1)" not in html and "&lt;script&gt;alert(1)" in html and "<b>Sony</b>" not in html


# ---- what is on eBay ----------------------------------------------------------------------------


def on_ebay(sims: Simulators) -> ProductListing:
    """List a camera through eBayLister."""
    listing = received()
    offers.to_list(listing.pk, by="user:ann")
    serve()
    return ProductListing.objects.get(pk=listing.pk)


def test_a_price_counts_when_it_is_confirmed(operator: Client, sims: Simulators) -> None:
    listing = on_ebay(sims)
    response = operator.post(panel(listing), {"do": "price", "price": "449"})
    assert said(response)[-1].startswith("Asked eBayLister for £449.00.")
    assert shown(operator, listing)["waits"]["words"] == "A change is on its way to eBay"
    assert "£500.00" in str(dict(shown(operator, listing)["facts"])["Price"])
    serve()
    assert "£449.00" in str(dict(shown(operator, listing)["facts"])["Price"])
    assert shown(operator, listing)["waits"] is None


@pytest.mark.parametrize(
    ("do", "given", "field"),
    [
        ("price", {"price": ""}, "price"),
        ("price", {"price": "0"}, "price"),
        ("price", {"price": "x"}, "price"),
        ("end", {"reason": ""}, "reason"),
        ("end", {"reason": "x" * 501}, "reason"),
    ],
)
def test_a_wrong_price_or_no_reason_is_shown_again(
    operator: Client, do: str, given: dict[str, str], field: str
) -> None:
    listing = make_listing("LISTED")
    operator.get(page(listing))  # which makes the settings of its estimate
    before = rows()
    response = operator.post(panel(listing), {"do": do, **given})
    assert response.status_code == 422
    [act] = [act for act in response.context["ebay"]["acts"] if act["open"]]
    assert act["do"] == do and act["rows"][0]["field"].errors
    assert rows() == before


def test_ended_it_says_so_and_nothing_more_can_be_asked(operator: Client, sims: Simulators) -> None:
    listing = on_ebay(sims)
    operator.post(panel(listing), {"do": "end", "reason": "Shutter sticks"})
    waiting = shown(operator, listing)
    assert (waiting["waits"]["words"], waiting["acts"]) == ("It is being taken off eBay", [])
    serve()
    assert sims.ebaylister.listings[0].status == "ended"
    ended = shown(operator, listing)
    assert ended["ended"] and ended["acts"] == []
    assert Note.objects.filter(listing=listing, by="user:ann", text__contains="Shutter sticks").exists()
    before = rows()
    assert "has ended" in said(operator.post(panel(listing), {"do": "price", "price": "5"}))[-1]
    assert rows() == before


def test_what_was_listed_without_a_number_is_changed_on_ebay(operator: Client) -> None:
    listing = make_listing("RECEIVED")
    lifecycle.list_on_ebay(listing.pk, by="user:ann")
    assert shown(operator, listing)["acts"] == []
    assert "without eBay's number" in operator.get(page(listing)).content.decode().replace("&#x27;", "'")
