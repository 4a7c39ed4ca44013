"""The buttons of the lifecycle: each goes through the door, and each refusal leaves everything as it was."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from integrations.models import OutboxMessage
from listings import lifecycle
from listings.admin.arrows import take
from listings.models import ProductListing, TransitionLog
from listings.states import ARROWS, State, allowed_from
from tests.backoffice.pages import nothing_written, page, said, step
from tests.factories import make_listing, staff

pytestmark = pytest.mark.django_db

GIVEN: dict[str, dict[str, str]] = {
    "PURCHASED": {"purchase_price": "380", "shipping_cost": "9.80"},
    "LISTED": {"ebay_listing_id": "110055342871", "ebay_asking_price": "500"},
    "SOLD": {"ebay_sold_price": "505.50", "ebay_fees": "60", "shipping_cost": "8.50"},
    "CANCELLED": {"reason": "Seller not responding"},
}
PAIRS = [(origin, to) for origin in State for to in State]


@pytest.mark.parametrize(("origin", "to"), PAIRS, ids=[f"{a}-{b}" for a, b in PAIRS])
def test_each_pair_of_states(operator: Client, origin: State, to: State) -> None:
    listing = make_listing(origin)
    given = {**GIVEN.get(to, {}), "seen": origin.value}
    if (origin, to) in ARROWS:
        response = operator.post(step(listing, to), given)
        assert response.status_code == 302
        assert response["Location"] == page(listing)
        assert ProductListing.objects.get(pk=listing.pk).state == to
        row = TransitionLog.objects.filter(listing=listing).order_by("-sequence")[0]
        assert (row.from_state, row.to_state, row.triggered_by) == (origin, to, "user:ann")
        assert OutboxMessage.objects.filter(
            event_id=row.event_id, topic=f"listing.state.{to.lower()}"
        ).exists()
        assert f"Now {to.label}" in said(response)[0]
    else:
        with nothing_written():
            response = operator.post(step(listing, to), given)
        assert response.status_code == 302
        assert said(response) == [f"Not saved: no step leads from {origin.label} to {to.label}."]


def test_the_facts_that_were_told_are_kept(operator: Client) -> None:
    listing = make_listing("NEGOTIATING")
    operator.post(step(listing, "PURCHASED"), GIVEN["PURCHASED"])
    operator.post(step(listing, "RECEIVED"))
    operator.post(step(listing, "LISTED"), GIVEN["LISTED"])
    operator.post(step(listing, "SOLD"), GIVEN["SOLD"])
    sold = ProductListing.objects.get(pk=listing.pk)
    assert (sold.purchase_price, sold.shipping_cost) == (Decimal("380.00"), Decimal("18.30"))
    assert (sold.ebay_listing_id, sold.ebay_asking_price) == ("110055342871", Decimal("500.00"))
    assert (sold.ebay_sold_price, sold.ebay_fees) == (Decimal("505.50"), Decimal("60.00"))
    assert sold.final_profit == Decimal("47.20")


def test_what_is_left_empty_stays_unknown(operator: Client) -> None:
    listing = make_listing("NEGOTIATING")
    operator.post(step(listing, "PURCHASED"), {"purchase_price": "", "shipping_cost": ""})
    bought = ProductListing.objects.get(pk=listing.pk)
    assert bought.state == "PURCHASED"
    assert (bought.purchase_price, bought.shipping_cost) == (None, None)


def test_a_reason_is_kept(operator: Client) -> None:
    listing = make_listing()
    operator.post(step(listing, "CANCELLED"), {"reason": "Not <b>answering</b>"})
    assert listing.history.order_by("-sequence")[0].metadata == {"reason": "Not <b>answering</b>"}
    html = operator.get(page(listing)).content.decode()
    assert "Not &lt;b&gt;answering&lt;/b&gt;" in html


@pytest.mark.parametrize(
    ("origin", "to", "given", "field"),
    [
        ("FOUND", "CANCELLED", {"reason": " "}, "reason"),
        ("FOUND", "CANCELLED", {"reason": "x" * 1001}, "reason"),
        ("NEGOTIATING", "PURCHASED", {"purchase_price": "-1"}, "purchase_price"),
        ("NEGOTIATING", "PURCHASED", {"purchase_price": "NaN"}, "purchase_price"),
        ("NEGOTIATING", "PURCHASED", {"purchase_price": "1e400"}, "purchase_price"),
        ("NEGOTIATING", "PURCHASED", {"purchase_price": "1000000.01"}, "purchase_price"),
        ("NEGOTIATING", "PURCHASED", {"purchase_price": "12.345"}, "purchase_price"),
        ("NEGOTIATING", "PURCHASED", {"shipping_cost": "£3"}, "shipping_cost"),
        ("RECEIVED", "LISTED", {"by_hand": "on", "ebay_asking_price": "5"}, "ebay_listing_id"),
        ("RECEIVED", "LISTED", {"ebay_listing_id": "1", "ebay_asking_price": ""}, "ebay_asking_price"),
        ("RECEIVED", "LISTED", {"ebay_listing_id": "1" * 65, "ebay_asking_price": "5"}, "ebay_listing_id"),
        ("RECEIVED", "LISTED", {"ebay_listing_id": "a\0b", "ebay_asking_price": "5"}, "ebay_listing_id"),
        ("LISTED", "SOLD", {"ebay_sold_price": "lots"}, "ebay_sold_price"),
    ],
)
def test_what_cannot_be_is_shown_again_with_its_error(
    operator: Client, origin: str, to: str, given: dict[str, str], field: str
) -> None:
    listing = make_listing(origin)
    with nothing_written():
        response = operator.post(step(listing, to), {"seen": origin, **given})
    assert response.status_code == 422
    failed = [each["form"] for each in response.context["steps"] if each["open"]]
    assert list(failed[0].errors) == [field]
    assert 'role="alert"' in response.content.decode()


def test_a_number_of_ebay_belongs_to_one_listing(operator: Client) -> None:
    taken = make_listing("LISTED")
    listing = make_listing("RECEIVED")
    given = {"ebay_listing_id": str(taken.ebay_listing_id), "ebay_asking_price": "5", "seen": "RECEIVED"}
    with nothing_written():
        response = operator.post(step(listing, "LISTED"), given)
    assert response.status_code == 422
    assert f"belongs to {taken.short_code} already" in response.content.decode()


def test_whoever_is_second_hears_who_was_first(operator: Client) -> None:
    listing = make_listing()
    lifecycle.message_seller(listing.pk, by="user:ben")
    with nothing_written():
        response = operator.post(step(listing, "MESSAGING"), {"seen": "FOUND"})
    at = listing.history.get(sequence=2).transitioned_at
    assert said(response) == [f"Not saved: ben moved this to Messaging at {at:%H:%M}."]


def test_a_page_that_has_grown_old_cancels_nothing(operator: Client) -> None:
    """A legal arrow too: who saw a find must not throw away a purchase."""
    listing = make_listing("PURCHASED", by="chatterbot")
    with nothing_written():
        response = operator.post(step(listing, "CANCELLED"), {"seen": "FOUND", "reason": "dull"})
    assert said(response)[0].startswith("Not saved: Chatterbot moved this to Purchased at ")


def test_moved_between_the_check_and_the_lock(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = make_listing()

    def late(listing_id: Any, to: State, **asked: Any) -> Any:
        lifecycle.cancel(listing_id, by="timeout")
        return take(listing_id, to, **asked)

    monkeypatch.setattr("listings.admin.listings.take", late)
    response = operator.post(step(listing, "MESSAGING"), {"seen": "FOUND"})
    assert said(response)[0].startswith("Not saved: the time-out moved this to Cancelled at ")
    assert ProductListing.objects.get(pk=listing.pk).state == "CANCELLED"
    assert listing.history.count() == 2


def test_a_get_moves_nothing(operator: Client) -> None:
    listing = make_listing()
    with nothing_written():
        response = operator.get(step(listing, "MESSAGING"))
    assert response["Location"] == page(listing)


def test_a_post_without_the_token_of_the_page_moves_nothing() -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff("ann", group="Operators"))
    listing = make_listing()
    with nothing_written():
        assert strict.post(step(listing, "MESSAGING")).status_code == 403


@pytest.mark.parametrize("to", ["MESSAGING", "CANCELLED", "SOLD", "NOWHERE"])
def test_viewers_move_nothing(viewer: Client, to: str) -> None:
    listing = make_listing()
    with nothing_written():
        assert viewer.post(step(listing, to), {"reason": "x"}).status_code == 403


def test_strangers_are_led_to_sign_in(client: Client) -> None:
    listing = make_listing()
    with nothing_written():
        response = client.post(step(listing, "MESSAGING"))
    assert response.status_code == 302
    assert response["Location"].startswith("/staff/login/")


def test_states_and_listings_that_do_not_exist(operator: Client) -> None:
    listing = make_listing()
    with nothing_written():
        assert operator.post(step(listing, "STOLEN")).status_code == 404
        gone = step(listing, "MESSAGING").replace(str(listing.pk), "01890a5d-ac96-774b-bcce-b302099a8057")
        assert operator.post(gone).status_code == 404


@pytest.mark.parametrize("state", list(State))
def test_a_page_has_a_button_for_each_legal_arrow(operator: Client, viewer: Client, state: State) -> None:
    listing = make_listing(state)
    response = operator.get(page(listing))
    assert [each["step"].to.value for each in response.context["steps"]] == allowed_from(state)
    html = response.content.decode()
    for to in State:
        assert (step(listing, to) in html) == (to.value in allowed_from(state))
    seen = viewer.get(page(listing)).content.decode()
    assert "/step/" not in seen
    assert "You can look. Operators can act." in seen


def test_the_page_says_what_the_outside_will_be_told(operator: Client) -> None:
    html = operator.get(page(make_listing())).content.decode()
    assert "Chatterbot gets the lead and writes to the seller." in html
    assert "listing.state.messaging" in html
    assert "Chatterbot is told to stop, if it has the lead." in html


def test_the_message_names_what_goes_out(operator: Client) -> None:
    response = operator.post(step(make_listing(), "MESSAGING"))
    assert said(response) == [
        "Now Messaging. Into the outbox: listing.state.messaging, chatterbot.send_lead."
    ]


def test_the_price_on_ebay_is_proposed(operator: Client) -> None:
    listing = make_listing("RECEIVED", price=395.0, potential_profit=105.5)
    assert 'value="500.50"' in operator.get(page(listing)).content.decode()


def test_the_price_paid_is_asked_for_at_the_sale_where_it_was_not_told(operator: Client) -> None:
    known, unknown = make_listing("LISTED"), make_listing("LISTED")
    ProductListing.objects.filter(pk=unknown.pk).update(purchase_price=None)
    assert 'name="purchase_price"' not in operator.get(page(known)).content.decode()
    assert 'name="purchase_price"' in operator.get(page(unknown)).content.decode()
    operator.post(step(unknown, "SOLD"), {"ebay_sold_price": "100", "purchase_price": "60"})
    assert ProductListing.objects.get(pk=unknown.pk).purchase_price == 60
