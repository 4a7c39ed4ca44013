"""The outreach page: what it shows, the switch, and the way into the queue and out of it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from listings import lifecycle, outreach
from listings.models import Approval, KillSwitch, OutreachSettings, ProductListing
from tests.backoffice.pages import said
from tests.backoffice_buying.conftest import LISTINGS, QUEUE, nothing_written
from tests.factories import make_listing

pytestmark = pytest.mark.django_db


def waiting(**match: Any) -> ProductListing:
    """Bring a listing into the queue."""
    listing = make_listing(**match)
    outreach.approve(listing.pk, by="rule:All Sonys")
    return listing


def rows(client: Client) -> list[dict[str, Any]]:
    """Return the rows that the page shows."""
    shown: list[dict[str, Any]] = client.get(QUEUE).context["rows"]
    return shown


def test_a_row_shows_its_place_its_factors_and_who_put_it_there(
    viewer: Client, limits: OutreachSettings
) -> None:
    waiting(price=400.0, potential_profit=100.0, confidence=80.0)
    best = waiting(price=300.0, potential_profit=200.0, confidence=90.0, title="<script>alert(1)</script>")
    first, second = rows(viewer)
    # 200 − 12.8% of 500 − 8.50
    assert (first["listing"].pk, first["place"], second["place"]) == (best.pk, 1, 2)
    assert (first["net"], first["factor"], first["score"]) == (Decimal("127.5"), "× 0.90", Decimal("114.75"))
    html = viewer.get(QUEUE).content.decode()
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html
    for part in ("rule All Sonys", "£127.50", "£114.75", "Goes within a minute", "12.80%", "£8.50 postage"):
        assert part in html


def test_the_budget_is_a_line_across_the_queue(viewer: Client, limits: OutreachSettings) -> None:
    OutreachSettings.objects.update(budget=500)
    make_listing("PURCHASED")
    waiting(price=100.0, potential_profit=300.0)
    waiting(price=400.0, potential_profit=200.0)
    waiting(price=10.0, potential_profit=40.0)
    lines = [(row["budget_line"], row["beyond"]) for row in rows(viewer)]
    assert lines == [(False, False), (True, True), (False, True)]
    html = viewer.get(QUEUE).content.decode()
    assert "Budget reached." in html
    assert "<b>£350.00</b> of £500.00" in html
    assert "£150.00 free" in html


def test_limits_tell_what_was_sent_even_past_them(viewer: Client, limits: OutreachSettings) -> None:
    OutreachSettings.objects.update(hourly_rate=2, daily_cap=3)
    for _ in range(4):
        lifecycle.message_seller(make_listing().pk, by="user:ann")
    waiting()
    html = viewer.get(QUEUE).content.decode()
    assert "<b>4</b> of 2" in html
    assert "<b>4</b> of 3" in html
    assert "The daily cap is reached" in html
    assert "4 of 2" in viewer.get("/staff/").content.decode()


def test_an_empty_queue_says_what_to_do(viewer: Client, operator: Client) -> None:
    assert "An operator approves found listings" in viewer.get(QUEUE).content.decode()
    assert "Approve found listings, or let a rule do it." in operator.get(QUEUE).content.decode()


def test_a_long_queue_shows_the_first_hundred(viewer: Client, limits: OutreachSettings) -> None:
    listing = make_listing()
    copies = [
        ProductListing(
            **{
                **{f.attname: getattr(listing, f.attname) for f in ProductListing._meta.fields},
                "id": None,
                "identity": f"copy-{number}",
                "short_code": f"C{number:05}",
            }
        )
        for number in range(101)
    ]
    for copy in copies:
        copy.pk = ProductListing._meta.pk.get_default()
    ProductListing.objects.bulk_create(copies)
    Approval.objects.bulk_create(Approval(listing=copy, approved_by="rule:x") for copy in copies)
    response = viewer.get(QUEUE)
    assert (len(response.context["rows"]), response.context["total"]) == (100, 101)
    assert "and 1 more." in response.content.decode()


# ---- the switch ---------------------------------------------------------------------------------


def test_the_switch_is_thrown_with_a_reason_and_lifted(operator: Client, limits: OutreachSettings) -> None:
    listing = waiting()
    response = operator.post(f"{QUEUE}stop/", {"reason": "Same seller <b>twice</b>"})
    assert said(response) == ["Outreach is stopped. What waits keeps its place."]
    thrown = KillSwitch.objects.get()
    assert (thrown.thrown_by, thrown.reason, thrown.lifted_at) == (
        "user:ann",
        "Same seller <b>twice</b>",
        None,
    )
    assert outreach.run() == []
    assert [row["reason"] for row in rows(operator)] == ["Outreach is stopped"]
    for url in (QUEUE, "/staff/"):
        html = operator.get(url).content.decode()
        assert "Same seller &lt;b&gt;twice&lt;/b&gt;" in html
        assert "stopped" in html
    assert said(operator.post(f"{QUEUE}resume/"))[-1].startswith("Outreach goes on")
    thrown.refresh_from_db()
    assert thrown.lifted_by == "user:ann"
    assert outreach.run() == [listing.pk]
    assert "resumed" in operator.get(QUEUE).content.decode()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "a\0b"])
def test_a_switch_without_a_proper_reason_is_not_thrown(
    operator: Client, limits: OutreachSettings, reason: str
) -> None:
    with nothing_written():
        response = operator.post(f"{QUEUE}stop/", {"reason": reason})
    assert response.status_code == 422
    assert response.context["stop_form"].errors["reason"]


def test_the_first_reason_stands(operator: Client, limits: OutreachSettings) -> None:
    outreach.stop(by="user:ben", reason="first")
    with nothing_written():
        response = operator.post(f"{QUEUE}stop/", {"reason": "second"})
    assert said(response) == ["It was stopped already, by user:ben: first"]


def test_what_is_not_stopped_is_not_resumed(operator: Client, limits: OutreachSettings) -> None:
    with nothing_written():
        assert said(operator.post(f"{QUEUE}resume/")) == ["It was not stopped."]


# ---- in, and out --------------------------------------------------------------------------------


def page(listing: ProductListing) -> str:
    """Return the address of a listing's page."""
    return f"{LISTINGS}{listing.pk}/change/"


def test_a_found_listing_is_approved_on_its_page_and_withdrawn(operator: Client) -> None:
    listing = make_listing()
    assert "Approve into the queue" in operator.get(page(listing)).content.decode()
    response = operator.post(f"{QUEUE}{listing.pk}/approve/")
    assert response["Location"] == page(listing)
    assert said(response) == ["Approved. It is messaged when its turn comes."]
    assert Approval.objects.get().approved_by == "user:ann"
    html = operator.get(page(listing)).content.decode()
    assert "Withdraw from the queue" in html
    assert "Approve into the queue" not in html
    response = operator.post(f"{QUEUE}{listing.pk}/withdraw/", {"next": QUEUE})
    assert response["Location"] == QUEUE
    assert said(response)[-1].startswith("Withdrawn.")
    assert rows(operator) == []
    assert "Taken out of the queue by staff" in operator.get(page(listing)).content.decode()
    operator.post(f"{QUEUE}{listing.pk}/approve/")
    assert len(rows(operator)) == 1


def test_only_a_found_listing_is_offered_and_taken(operator: Client) -> None:
    listing = make_listing("NEGOTIATING")
    assert "Approve into the queue" not in operator.get(page(listing)).content.decode()
    with nothing_written():
        assert said(operator.post(f"{QUEUE}{listing.pk}/approve/"))[-1].startswith(
            "Not approved: Only a found"
        )
        assert said(operator.post(f"{QUEUE}{listing.pk}/withdraw/"))[-1].startswith("Nothing was done")


def test_who_approved_first_is_told(operator: Client) -> None:
    listing = waiting()
    with nothing_written():
        response = operator.post(f"{QUEUE}{listing.pk}/approve/")
    assert said(response) == ["It was in the queue already, approved by rule:All Sonys."]


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/admin/", "javascript:x"])
def test_a_button_leads_nowhere_else(operator: Client, elsewhere: str) -> None:
    listing = make_listing()
    response = operator.post(f"{QUEUE}{listing.pk}/approve/", {"next": elsewhere})
    assert response["Location"] == page(listing)


@pytest.mark.parametrize("verb", ["approve", "withdraw"])
def test_a_listing_that_is_not_there(operator: Client, verb: str) -> None:
    assert operator.post(f"{QUEUE}01890a5d-ac96-774b-bcce-b302099a8057/{verb}/").status_code == 404
    assert operator.post(f"{QUEUE}x/{verb}/").status_code == 404


def test_in_bulk_each_row_has_its_result(operator: Client) -> None:
    found, known, gone = make_listing(), waiting(), make_listing("SOLD")
    selected = [str(each.pk) for each in (found, known, gone)]
    response = operator.post(
        LISTINGS, {"action": "approve_listings", "_selected_action": selected, "index": "0"}
    )
    words = said(response)
    assert words[0] == "1 of 3 approved into the queue."
    assert f"{known.title} ({known.short_code}): in the queue already." in words
    assert any(
        line.startswith(f"{gone.title} ({gone.short_code}): Not approved: Only a found") for line in words
    )
    assert Approval.objects.count() == 2


def test_in_bulk_nothing_that_fits_says_so(operator: Client) -> None:
    gone = make_listing("SOLD")
    with nothing_written():
        response = operator.post(
            LISTINGS, {"action": "approve_listings", "_selected_action": [str(gone.pk)], "index": "0"}
        )
    assert said(response)[0] == "None of 1 approved."


# ---- the listing's story ------------------------------------------------------------------------


def test_lead_and_notes_stand_in_the_timeline(viewer: Client) -> None:
    listing = make_listing("MESSAGING")
    now = timezone.now()
    steps = {"accepted_at": now, "message_sent_at": now, "stopped_at": now}
    type(listing.lead).objects.update(order_id=4711, conversation_thread_id="t.<b>1</b>", **steps)
    lifecycle.snooze(listing.pk, by="user:ann", days=3, reason="seller is on holiday")
    html = viewer.get(page(listing)).content.decode()
    for part in (
        "Lead accepted",
        "Order 4711",
        "Message sent to the seller",
        "Thread t.&lt;b&gt;1&lt;/b&gt;",
        "Chatterbot was stopped",
        "seller is on holiday",
    ):
        assert part in html


def test_a_deadline_within_a_day_is_seen_in_the_list(viewer: Client) -> None:
    listing = make_listing("MESSAGING")
    ProductListing.objects.filter(pk=listing.pk).update(deadline_at=timezone.now() + timedelta(hours=20))
    assert "hours left" in viewer.get(LISTINGS).content.decode()
    assert len(viewer.get(LISTINGS, {"ends": "on"}).context["cl"].result_list) == 1
