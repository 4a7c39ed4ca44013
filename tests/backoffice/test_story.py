"""The story of a listing: its attempts, its prices, and what the outside knows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from integrations.models import DeliveryAttempt, OutboxMessage
from listings.models import Lead, ProductListing, Sighting
from tests.backoffice.pages import page, queries
from tests.factories import make_listing

pytestmark = pytest.mark.django_db


def test_attempts_stand_under_their_delivery_open_where_one_failed(viewer: Client) -> None:
    listing = make_listing("MESSAGING")
    lead = OutboxMessage.objects.get(topic="chatterbot.send_lead")
    for outcome, detail in (("failed", "Chatterbot answered <503>."), ("delivered", "order 5")):
        DeliveryAttempt.objects.create(message=lead, outcome=outcome, detail=detail)
    answer = viewer.get(page(listing))
    [sent] = [
        sent for entry in answer.context["timeline"] for sent in entry.deliveries if "send_lead" in sent.line
    ]
    assert [attempt.outcome for attempt in sent.attempts] == ["failed", "delivered"]
    assert sent.open
    assert "Chatterbot answered &lt;503&gt;." in answer.content.decode()


def test_every_kind_can_be_narrowed_to(viewer: Client) -> None:
    listing = make_listing("SOLD")
    Lead.objects.update(accepted_at=timezone.now())
    context = viewer.get(page(listing)).context
    keys = {key for key, _ in context["timeline_groups"]}
    assert {entry.group for entry in context["timeline"]} <= keys
    assert {"steps", "prices", "deliveries", "ledger", "messages"} <= {
        entry.group for entry in context["timeline"]
    }


def test_prices_are_drawn_once_there_are_two(viewer: Client) -> None:
    listing = make_listing("NEGOTIATING", price=430.0)
    assert viewer.get(page(listing)).context["sighted"] is None
    later = timezone.now() + timedelta(days=2)
    Sighting.objects.create(
        listing=listing, scraper_job_id=listing.scraper_job_id, seen_at=later, price=Decimal(395)
    )
    Sighting.objects.create(listing=listing, scraper_job_id=listing.scraper_job_id, seen_at=later, price=None)
    ProductListing.objects.update(negotiated_price=Decimal(380))
    drawn = viewer.get(page(listing)).context["sighted"]
    assert (drawn["count"], drawn["change"]) == (2, Decimal(-35))
    for words in ("£430.00", "£395.00", "agreed £380.00"):
        assert words in drawn["svg"]


def test_one_price_all_along_is_drawn_too(viewer: Client) -> None:
    listing = make_listing(price=400.0)
    Sighting.objects.create(
        listing=listing, scraper_job_id=listing.scraper_job_id, seen_at=timezone.now(), price=Decimal(400)
    )
    assert viewer.get(page(listing)).context["sighted"]["change"] == 0


def test_the_page_says_what_the_outside_knows_and_that_there_is_no_way_back(viewer: Client) -> None:
    listed = make_listing("LISTED")
    Lead.objects.update(accepted_at=timezone.now(), order_id=5)
    OutboxMessage.objects.filter(topic="listing.created").update(delivered_at=timezone.now())
    number = ProductListing.objects.get(pk=listed.pk).ebay_listing_id
    assert viewer.get(page(listed)).context["outside"] == [
        "Chatterbot has it as order 5.",
        f"eBay shows it at £500.00 as {number}.",
        "1 of 6 events are out.",
        "A step taken by mistake is mended by a further step, or by a correction in the ledger.",
    ]
    assert "There is no way back from Sold" in viewer.get(page(make_listing("SOLD"))).context["outside"][-1]
    assert viewer.get(page(make_listing())).context["outside"][-1] == "Nothing has been sent to the seller."


def test_the_story_costs_the_same_however_long_it_is(viewer: Client) -> None:
    listing = make_listing("MESSAGING")
    viewer.get(page(listing))  # whatever is remembered from one page to the next is now
    few = queries(viewer, page(listing))
    lead = OutboxMessage.objects.get(topic="chatterbot.send_lead")
    for _ in range(8):
        DeliveryAttempt.objects.create(message=lead, outcome="failed", detail="503")
        Sighting.objects.create(
            listing=listing, scraper_job_id=listing.scraper_job_id, seen_at=timezone.now(), price=Decimal(1)
        )
    assert queries(viewer, page(listing)) == few
