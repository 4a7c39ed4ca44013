"""Bulk actions: each listing by itself, and a result for each."""

from typing import Any

import pytest
from django.test import Client

from listings import lifecycle
from listings.models import ProductListing
from tests.backoffice.pages import LISTINGS, nothing_written, said
from tests.factories import make_listing

pytestmark = pytest.mark.django_db


def choose(client: Client, action: str, *listings: ProductListing, **more: Any) -> Any:
    """Post an action as the list does."""
    data = {"action": action, "_selected_action": [str(each.pk) for each in listings], "index": "0", **more}
    return client.post(LISTINGS, data)


def fates(response: Any) -> list[str]:
    """Return the title of the page that shows the preview or the results, and each listing's line on it."""
    [table] = response.context["tables"]
    return [table["title"], *(f"{row[1]}: {row[3]}" for row in table["rows"])]


def states(*listings: ProductListing) -> list[str]:
    """Return the states as they are now."""
    return [ProductListing.objects.get(pk=each.pk).state for each in listings]


def test_what_would_happen_is_shown_first(operator: Client) -> None:
    found, gone = make_listing(), make_listing("SOLD", title="<i>sold</i>")
    with nothing_written():
        response = choose(operator, "message_sellers", found, gone)
    assert fates(response) == [
        "1 can be messaged, 1 cannot",
        f"{found.short_code}: is messaged",
        f"{gone.short_code}: stays: no step leads from Sold to Messaging",
    ]
    html = response.content.decode()
    assert "Chatterbot gets the lead" in html
    assert "&lt;i&gt;sold&lt;/i&gt;" in html
    assert "<i>sold" not in html


def test_sellers_are_messaged_and_the_rest_is_told_why_not(operator: Client) -> None:
    one, two, gone = make_listing(), make_listing(), make_listing("SOLD")
    response = choose(operator, "message_sellers", one, two, gone, confirmed="1")
    assert states(one, two, gone) == ["MESSAGING", "MESSAGING", "SOLD"]
    assert fates(response) == [
        "2 of 3 messaged",
        f"{gone.short_code}: Not saved: no step leads from Sold to Messaging.",
        f"{one.short_code}: messaged",
        f"{two.short_code}: messaged",
    ]
    assert [row.triggered_by for row in one.history.order_by("-sequence")[:1]] == ["user:ann"]


def test_what_has_come_is_received_together(operator: Client) -> None:
    bought, found = make_listing("PURCHASED"), make_listing()
    response = choose(operator, "receive_listings", bought, found, confirmed="1")
    assert states(bought, found) == ["RECEIVED", "FOUND"]
    assert fates(response)[0] == "1 of 2 received"


def test_cancelling_asks_first(operator: Client) -> None:
    listing, sold = make_listing(), make_listing("SOLD")
    with nothing_written():
        response = choose(operator, "cancel_listings", listing, sold)
    html = response.content.decode()
    assert response.status_code == 200
    assert "1 can be cancelled, 1 cannot" in html
    assert "stays: no step leads from Sold to Cancelled" in html
    assert 'name="reason"' in html
    assert f'value="{listing.pk}:FOUND"' in html


def test_where_nothing_can_go_there_is_nothing_to_press(operator: Client) -> None:
    sold = make_listing("SOLD")
    with nothing_written():
        response = choose(operator, "cancel_listings", sold)
    assert fates(response)[0] == "0 can be cancelled, 1 cannot"
    assert ">Cancel 0<" not in response.content.decode()


def test_cancelling_without_a_reason_asks_again(operator: Client) -> None:
    listing = make_listing()
    with nothing_written():
        response = choose(operator, "cancel_listings", listing, confirmed="1", reason="  ")
    assert response.status_code == 422
    assert "This field is required" in response.content.decode()


def test_cancelling_with_a_reason(operator: Client) -> None:
    one, two = make_listing(), make_listing("SOLD", title="sold")
    response = choose(operator, "cancel_listings", one, two, confirmed="1", reason="Shop closed")
    assert states(one, two) == ["CANCELLED", "SOLD"]
    assert one.history.order_by("-sequence")[0].metadata == {"reason": "Shop closed"}
    assert fates(response)[0] == "1 of 2 cancelled"
    assert "no step leads from Sold to Cancelled" in fates(response)[1]


def test_what_moved_while_the_reason_was_typed_is_left_alone(operator: Client) -> None:
    listing = make_listing(title="moved")
    lifecycle.message_seller(listing.pk, by="user:ben")
    with nothing_written():
        response = choose(
            operator,
            "cancel_listings",
            listing,
            confirmed="1",
            reason="x",
            seen=[f"{listing.pk}:FOUND", "nonsense"],
        )
    assert fates(response)[0] == "0 of 1 cancelled"
    assert "ben moved this to Messaging" in fates(response)[1]


def test_one_that_fails_does_not_stop_the_others(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, fine = make_listing(title="broken"), make_listing()
    locked = lifecycle.locked

    def sometimes(listing_id: Any) -> ProductListing:
        if str(listing_id) == str(broken.pk):
            raise RuntimeError("the roof fell in")
        return locked(listing_id)

    monkeypatch.setattr(lifecycle, "locked", sometimes)
    response = choose(operator, "message_sellers", broken, fine, confirmed="1")
    assert states(broken, fine) == ["FOUND", "MESSAGING"]
    assert "failed on our side" in fates(response)[1]
    assert "roof" not in response.content.decode()


@pytest.mark.parametrize("action", ["message_sellers", "cancel_listings"])
def test_too_many_at_once_move_nothing(
    operator: Client, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    monkeypatch.setattr("listings.admin.bulk.MOST_AT_ONCE", 2)
    listings = [make_listing() for _ in range(3)]
    with nothing_written():
        response = choose(operator, action, *listings, confirmed="1", reason="x", select_across="1")
    assert said(response) == ["Nothing was done: at most 2 listings at once."]


def test_the_results_shown_are_bounded(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("listings.admin.bulk.SHOWN", 5)
    listings = [make_listing("CANCELLED") for _ in range(7)]
    response = choose(operator, "message_sellers", *listings, confirmed="1")
    assert fates(response)[0] == "0 of 7 messaged"
    assert len(fates(response)) == 6
    assert response.context["tables"][0]["foot"] == "and 2 more"


@pytest.mark.parametrize("action", ["message_sellers", "cancel_listings", "delete_selected", "nonsense", ""])
def test_viewers_act_on_nothing(viewer: Client, action: str) -> None:
    listing = make_listing()
    with nothing_written():
        response = choose(viewer, action, listing, confirmed="1", reason="x", post="yes")
    assert response.status_code == 403
    assert 'name="action"' not in viewer.get(LISTINGS).content.decode()


@pytest.mark.parametrize("action", ["delete_selected", "nonsense", "step_view", "__class__"])
def test_an_action_that_is_none_does_nothing(operator: Client, action: str) -> None:
    listing = make_listing()
    with nothing_written():
        assert choose(operator, action, listing, post="yes").status_code in (200, 302)


def test_a_get_acts_on_nothing(operator: Client) -> None:
    listing = make_listing()
    with nothing_written():
        operator.get(
            LISTINGS, {"action": "message_sellers", "_selected_action": str(listing.pk), "index": "0"}
        )


def test_ids_that_are_none_do_nothing(operator: Client) -> None:
    listing = make_listing()
    with nothing_written():
        response = operator.post(
            LISTINGS,
            {"action": "message_sellers", "_selected_action": [str(listing.pk), "x"], "index": "0"},
        )
    assert said(response) == ["Nothing was done: what is selected is not on this list."]
