"""The page of one listing: its facts, its money, its timeline."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations.models import InboxMessage, OutboxMessage
from listings import lifecycle
from listings.models import ProductListing
from scraping.models import ScrapeJob
from tests.backoffice.pages import LISTINGS, nothing_written, page, queries, said
from tests.factories import a_job, a_match, make_listing

pytestmark = pytest.mark.django_db


def words(client: Client, listing: ProductListing) -> str:
    """Return the page as a person reads it."""
    html = client.get(page(listing)).content.decode().partition('id="content"')[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_facts(viewer: Client) -> None:
    listing = make_listing(title="Sony A6400", location="Leith", price=395.0)
    text = words(viewer, listing)
    for part in ("Sony A6400", "Leith", "95 of 100", listing.short_code, "facebook.com", "£395.00"):
        assert part in text
    html = viewer.get(page(listing)).content.decode()
    assert f'href="{listing.marketplace_url}" rel="noopener noreferrer nofollow"' in html
    job = viewer.get(f"/staff/scraping/scrapejob/{listing.scraper_job_id}/change/")
    assert job.status_code == 200
    assert job.context["record"] == ScrapeJob.objects.get()


@pytest.mark.parametrize(
    ("state", "profit"),
    [("FOUND", "Expected profit £27.50"), ("SOLD", "Final profit £80.00")],
)
def test_an_estimate_looks_like_one(viewer: Client, state: str, profit: str) -> None:
    assert profit in words(viewer, make_listing(state))


def test_a_profit_without_the_fee_is_provisional(viewer: Client) -> None:
    listing = make_listing("LISTED")
    lifecycle.sell(listing.pk, by="ebay", ebay_sold_price=listing.ebay_asking_price)
    assert "Provisional profit £150.00" in words(viewer, listing)


def test_the_timeline_merges_what_happened_newest_first(viewer: Client, post_job: Any) -> None:
    post_job(a_job(a_match(77, price=400.0)))
    post_job(a_job(a_match(77, price=400.0)))
    post_job(a_job(a_match(77, price=380.0)))
    listing = ProductListing.objects.get()
    lifecycle.message_seller(listing.pk, by="user:ben")
    lifecycle.snooze(ProductListing.objects.get().pk, by="user:ann", days=2, reason="He is away")
    OutboxMessage.objects.filter(channel="chatterbot").update(attempts=3, last_error="503, again")
    text = words(viewer, listing)
    parts = (
        "He is away",
        "Found → Messaging",
        "Price fell £400.00 → £380.00",
        "Seen again at £400.00",
        "Seen at £400.00",
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "chatterbot.send_lead failing · 3 tries · 503, again" in text
    event = OutboxMessage.objects.get(topic="listing.state.messaging")
    assert f"listing.state.messaging waiting · {event.event_id} ben" in text
    for row in OutboxMessage.objects.all():
        assert text.count(str(row.event_id)) == 1


def test_a_long_story_costs_the_statements_of_a_short_one(viewer: Client, post_job: Any) -> None:
    post_job(a_job(a_match(77)))
    listing = ProductListing.objects.get()
    short = queries(viewer, page(listing))
    for price in range(12):
        post_job(a_job(a_match(77, price=300.0 + price)))
    lifecycle.message_seller(listing.pk, by="user:ben")
    assert queries(viewer, page(listing)) <= short
    assert short < 30


def test_an_error_is_shown_and_can_be_retried(operator: Client, viewer: Client) -> None:
    listing = make_listing("MESSAGING")
    now = timezone.now()
    ProductListing.objects.filter(pk=listing.pk).update(
        error_message="Not messaged: 503.", error_occurred_at=now
    )
    OutboxMessage.objects.filter(channel="chatterbot").update(attempts=10, given_up_at=now, last_error="503")
    url = f"{LISTINGS}{listing.pk}/retry/"
    assert "Not messaged: 503." in words(viewer, listing)
    with nothing_written():
        assert viewer.post(url).status_code == 403
        assert operator.get(url)["Location"] == page(listing)
    assert said(operator.post(url)) == ["To be tried again at once: chatterbot.send_lead."]
    row = OutboxMessage.objects.get(channel="chatterbot")
    assert (row.given_up_at, row.attempts) == (None, 0)


def test_a_retry_of_nothing_says_so(operator: Client) -> None:
    listing = make_listing()
    with nothing_written():
        response = operator.post(f"{LISTINGS}{listing.pk}/retry/")
    assert said(response) == ["No partner call of this listing has failed."]


def test_a_deadline_can_be_snoozed(operator: Client, viewer: Client) -> None:
    listing = make_listing("MESSAGING")
    url = f"{LISTINGS}{listing.pk}/snooze/"
    with nothing_written():
        assert viewer.post(url, {"days": "2", "reason": "x"}).status_code == 403
    operator.post(url, {"days": "2", "reason": "He is away"})
    later = ProductListing.objects.get(pk=listing.pk).deadline_at
    assert later is not None and listing.deadline_at is not None
    assert timedelta(days=1, hours=23) < later - listing.deadline_at < timedelta(days=2, minutes=1)
    assert listing.notes.get().by == "user:ann"


@pytest.mark.parametrize(
    "given", [{}, {"days": "0", "reason": "x"}, {"days": "2", "reason": ""}, {"days": "9e9"}]
)
def test_a_snooze_that_cannot_be(operator: Client, given: dict[str, str]) -> None:
    listing = make_listing("MESSAGING")
    with nothing_written():
        response = operator.post(f"{LISTINGS}{listing.pk}/snooze/", given)
    assert said(response)[0].startswith("Not saved: ")


def test_nothing_is_snoozed_where_nothing_runs_out(operator: Client) -> None:
    listing = make_listing()
    with nothing_written():
        response = operator.post(f"{LISTINGS}{listing.pk}/snooze/", {"days": "2", "reason": "x"})
    assert said(response) == ["Not saved: Nothing runs out in Found."]


@pytest.fixture
def conflict(db: None) -> InboxMessage:
    """A deal that was confirmed after its listing had been cancelled."""
    listing = make_listing("CANCELLED")
    return InboxMessage.objects.create(
        partner="chatterbot",
        kind="deal-confirmed",
        body=b'{"agreed_price": "380.00"}',
        status=InboxMessage.Status.CONFLICT,
        subject=listing.pk,
        detail="A deal was confirmed, but the listing is Cancelled.",
    )


def settle(client: Client, message: InboxMessage, **given: str) -> Any:
    """Post a decision."""
    return client.post(f"{LISTINGS}{message.subject}/callback/{message.pk}/", given)


def test_a_conflicting_callback_is_applied(operator: Client, conflict: InboxMessage) -> None:
    listing = ProductListing.objects.get()
    assert "Books 380.00 as the price agreed and paid" in words(operator, listing)
    assert "Applied" in said(settle(operator, conflict, do="apply"))[0]
    assert ProductListing.objects.get().purchase_price == 380
    assert ProductListing.objects.get().state == "CANCELLED"
    conflict.refresh_from_db()
    assert (conflict.status, conflict.settled_by) == ("processed", "user:ann")


def test_a_conflicting_callback_is_dismissed_with_a_reason(operator: Client, conflict: InboxMessage) -> None:
    with nothing_written():
        assert said(settle(operator, conflict, do="dismiss", reason=""))[0].startswith("Not saved")
    settle(operator, conflict, do="dismiss", reason="The seller withdrew")
    conflict.refresh_from_db()
    assert conflict.status == "dismissed"
    with nothing_written():
        assert "settled already" in said(settle(operator, conflict, do="apply"))[-1]


def test_viewers_settle_nothing(viewer: Client, conflict: InboxMessage) -> None:
    with nothing_written():
        assert settle(viewer, conflict, do="apply").status_code == 403


def test_a_callback_is_settled_on_its_own_listing_only(operator: Client, conflict: InboxMessage) -> None:
    other = make_listing()
    with nothing_written():
        url = f"{LISTINGS}{other.pk}/callback/{conflict.pk}/"
        assert operator.post(url, {"do": "apply"}).status_code == 404
