"""The money card: what it shows at each stage, and the forms that book through the door."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from listings import bookkeeping, ledger, lifecycle
from listings.models import LedgerLine, ProductListing
from listings.states import State
from tests.backoffice.pages import nothing_written, page, said
from tests.factories import make_listing, rows, signed_in

pytestmark = pytest.mark.django_db
D = Decimal


def act(listing: ProductListing, name: str, line: int = 0) -> str:
    return reverse("admin:listings_productlisting_money", args=[listing.pk, name, line])


def html(client: Client, listing: ProductListing) -> str:
    response = client.get(page(listing))
    assert response.status_code == 200
    return response.content.decode()


def card(client: Client, listing: ProductListing) -> str:
    return html(client, listing).split('id="money"')[1].split("</section>")[0]


def sold(**told: Any) -> ProductListing:
    listing = make_listing(State.LISTED)
    lifecycle.sell(listing.pk, by="ebay", **told)
    return ProductListing.objects.get(pk=listing.pk)


# ---- what it shows ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "profit", "estimates"),
    [
        # 400 asked, 100 estimated: 12.8% of 500 and 8.50 of postage come off.
        (State.FOUND, "£27.50", ["£500.00", "−£400.00", "−£64.00", "−£8.50"]),
        # Bought at 350.
        (State.PURCHASED, "£77.50", ["£500.00", "−£64.00", "−£8.50"]),
        (State.LISTED, "£77.50", ["£500.00", "−£64.00", "−£8.50"]),
    ],
)
def test_what_is_expected_looks_like_an_estimate(
    viewer: Client, state: State, profit: str, estimates: list[str]
) -> None:
    shown = card(viewer, make_listing(state))
    assert "Expected profit" in shown
    assert profit in shown
    assert "ae-books-expected" in shown
    dotted = shown.split('class="ae-books-estimate"')[1:]
    assert len(dotted) == len(estimates)
    assert all(f">{amount}<" in row for amount, row in zip(estimates, dotted, strict=True))


def test_an_unknown_price_gives_no_profit(viewer: Client) -> None:
    shown = card(viewer, make_listing(price=None))
    assert "Expected profit" in shown
    assert 'class="ae-none"' in shown.split("Expected profit")[1].split("</p>")[0]


def test_provisional_then_final(operator: Client) -> None:
    listing = sold(ebay_sold_price=D(500), shipping_cost=D(10))
    shown = card(operator, listing)
    assert "Provisional profit" in shown
    assert "£140.00" in shown
    # The apostrophe is escaped.
    assert "Give eBay&#x27;s fee</button>" in shown
    response = operator.post(act(listing, "complete"), {"ebay_fees": "60.005"})
    assert response["Location"] == page(listing)
    assert said(response) == ["Booked. The profit is £79.99, final."]
    shown = card(operator, listing)
    assert "Final profit" in shown
    assert "£79.99" in shown
    assert "Give eBay" not in shown


def test_a_cancelled_purchase_shows_what_is_lost(viewer: Client) -> None:
    listing = make_listing(State.PURCHASED)
    lifecycle.cancel(listing.pk, by="user:ann", reason="never sent")
    shown = card(viewer, listing)
    assert "spent in vain" in shown
    assert "−£350.00" in shown
    assert "ae-books-estimate" not in shown


def test_the_timeline_tells_who_booked_what(viewer: Client) -> None:
    listing = make_listing(State.SOLD)
    line = bookkeeping.book(listing.pk, "repairs", D(12), by="user:tom", note="<b>sensor</b>")
    bookkeeping.correct(line.pk, D(10), by="user:ann", note="was less", listing_id=listing.pk)
    timeline = html(viewer, listing).split('id="timeline"')[1]
    assert "<b>Booked: Repairs</b> −£12.00" in timeline
    assert "<b>Corrected: Repairs</b> £2.00" in timeline
    assert "&lt;b&gt;sensor&lt;/b&gt;" in timeline
    assert '<span class="ae-who">tom</span>' in timeline


# ---- the forms ----------------------------------------------------------------------------------


def test_a_line_is_booked(operator: Client) -> None:
    listing = make_listing(State.RECEIVED)
    told = {"kind": "repairs", "amount": "12.345", "date": "2026-01-31", "note": "sensor clean"}
    assert "Booked: Repairs" not in html(operator, listing)
    seen = ledger.newest(listing)
    response = operator.post(act(listing, "book"), {**told, "seen": seen})
    assert said(response) == ["Booked: Repairs, £12.35."]
    line = LedgerLine.objects.latest("id")
    assert (line.amount, str(line.date), line.note, line.by) == (
        D("12.35"),
        "2026-01-31",
        "sensor clean",
        "user:ann",
    )
    # The same form again, as by a double click.
    before = rows()
    response = operator.post(act(listing, "book"), {**told, "seen": seen})
    assert response.status_code == 422
    assert "The ledger has gone on" in response.content.decode()
    assert rows() == before


def test_a_line_is_corrected_and_a_sale_refunded(operator: Client) -> None:
    listing = make_listing(State.SOLD)
    line = LedgerLine.objects.get(listing=listing, kind="purchase")
    response = operator.post(act(listing, "correct", line.pk), {"amount": "340", "note": "£10 back"})
    assert said(response) == ["Corrected by a line of −£10.00."]
    told = {"amount": "500", "note": "fungus", "returned": "on"}
    assert said(operator.post(act(listing, "refund"), told))[-1] == "The refund is booked."
    after = ProductListing.objects.get(pk=listing.pk)
    assert (after.final_profit, after.state) == (D("-410.00"), "SOLD")
    assert after.returned_at is not None


@pytest.mark.parametrize(
    ("name", "told", "words"),
    [
        ("book", {"kind": "repairs", "amount": "€5"}, "A number like 12.50, in £."),
        ("book", {"kind": "repairs", "amount": "1,50"}, "A number like 12.50, in £."),
        ("book", {"kind": "repairs", "amount": "NaN"}, "A number like 12.50, in £."),
        ("book", {"kind": "repairs", "amount": "-1"}, "greater than or equal to 0"),
        ("book", {"kind": "repairs", "amount": "1000000.01"}, "less than or equal to 1000000"),
        ("book", {"kind": "sale", "amount": "1"}, "Select a valid choice"),
        (
            "book",
            {"kind": "repairs", "amount": "1", "date": "2999-01-01"},
            "A day from the year 2000 to today.",
        ),
        ("refund", {"amount": "500.01", "note": "typed before"}, "more than it was sold for"),
        ("refund", {"amount": "5"}, "This field is required."),
        ("complete", {}, "Nothing was given."),
    ],
)
def test_an_error_stands_beside_the_field_and_what_was_typed_stays(
    operator: Client, name: str, told: dict[str, str], words: str
) -> None:
    listing = make_listing(State.SOLD)
    with nothing_written():
        response = operator.post(act(listing, name), told)
    assert response.status_code == 422
    if name == "complete":
        return  # nothing is lacking, so that the form is gone
    shown = response.content.decode().split('id="money"')[1]
    assert words in shown
    assert all(f'value="{value}"' in shown for key, value in told.items() if key != "kind")


def test_who_may_book(viewer: Client) -> None:
    listing = make_listing(State.SOLD)
    line = LedgerLine.objects.get(listing=listing, kind="purchase")
    shown = card(viewer, listing)
    assert "<form" not in shown
    assert "You can look. Operators can book." in shown
    with nothing_written():
        for name in ("book", "correct", "refund", "complete"):
            assert viewer.post(act(listing, name, line.pk), {"amount": "1", "note": "x"}).status_code == 403
            assert Client().post(act(listing, name, line.pk))["Location"].startswith("/staff/login/")


def test_what_is_not_there(operator: Client) -> None:
    listing, other = make_listing(State.SOLD), make_listing(State.SOLD)
    line = LedgerLine.objects.get(listing=other, kind="purchase")
    with nothing_written():
        told = {"amount": "1", "note": "x"}
        assert operator.post(act(listing, "correct", line.pk), told).status_code == 404
        assert operator.post(act(listing, "correct", 10**30), told).status_code == 404
        assert operator.post(act(listing, "steal"), told).status_code == 404
        assert operator.get(act(listing, "book"))["Location"] == page(listing)


def test_booking_without_the_right_to_correct(django_user_model: Any) -> None:
    client = signed_in("bob")
    user = django_user_model.objects.get(username="bob")
    names = ("view_productlisting", "add_ledgerline")
    from django.contrib.auth.models import Permission

    user.user_permissions.add(*Permission.objects.filter(codename__in=names))
    shown = card(client, make_listing(State.SOLD))
    assert "Ledger line…" in shown
    assert "Correct…" not in shown
