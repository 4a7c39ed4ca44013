"""Titles and texts of strangers: shown, never obeyed."""

import json
from typing import Any

import pytest
from django.test import Client

from integrations.models import InboxMessage, OutboxMessage
from listings import lifecycle
from listings.models import ProductListing, TransitionLog
from scraping.models import ScrapeJob
from tests.backoffice.pages import INBOX, JOBS, LISTINGS, LOG, OUTBOX, page, step
from tests.factories import make_listing

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]

SCRIPT = "<script>alert(1)</script>"
EVIL = f"{SCRIPT}\"'><img src=x onerror=alert(2)> {{{{ 7|add:7 }}}} \u202e\u0000".replace("\0", "")


@pytest.fixture
def evil(db: None) -> ProductListing:
    """A listing whose every text is an attack."""
    listing = make_listing("MESSAGING", title=EVIL)
    ProductListing.objects.filter(pk=listing.pk).update(
        brand=EVIL[:100],
        model=EVIL[:200],
        product_name=EVIL,
        location=EVIL,
        error_message=EVIL,
        error_occurred_at=listing.created_at,
        raw_match={EVIL: [EVIL]},
    )
    lifecycle.cancel(listing.pk, by=f"telegram:{EVIL}", reason=EVIL)
    OutboxMessage.objects.update(last_error=EVIL)
    ScrapeJob.objects.update(brands=[EVIL], search=EVIL, error=EVIL, warning=EVIL)
    InboxMessage.objects.create(
        partner="scraper",
        kind="job-complete",
        body=json.dumps({"x": EVIL}).encode(),
        content_type=EVIL[:100],
        detail=EVIL,
        status=InboxMessage.Status.CONFLICT,
        subject=listing.pk,
    )
    return listing


def test_every_page_escapes(operator: Client, evil: ProductListing) -> None:
    pages: list[Any] = ["/staff/", LISTINGS, LOG, OUTBOX, INBOX, JOBS, page(evil)]
    pages += [f"{LOG}{row.pk}/change/" for row in TransitionLog.objects.all()]
    pages += [f"{OUTBOX}{row.pk}/change/" for row in OutboxMessage.objects.all()]
    pages += [f"{INBOX}{row.pk}/change/" for row in InboxMessage.objects.all()]
    pages += [f"{JOBS}{row.pk}/change/" for row in ScrapeJob.objects.all()]
    for url in pages:
        response = operator.get(url)
        assert response.status_code == 200, url
        html = response.content.decode()
        assert SCRIPT not in html, url
        assert "<img src=x" not in html, url
        assert "14 \u202e" not in html, url


def test_a_title_is_isolated_from_our_words(viewer: Client, evil: ProductListing) -> None:
    html = viewer.get(page(evil)).content.decode()
    assert f'<h2 class="ae-title"><bdi>{"&lt;script&gt;"}' in html
    assert "\\u202e" in html  # in the raw match its mark is a number


def test_messages_about_it_escape(operator: Client) -> None:
    listing = make_listing("SOLD", title=EVIL)
    data = {"action": "message_sellers", "_selected_action": [str(listing.pk)], "index": "0"}
    html = operator.post(LISTINGS, data, follow=True).content.decode()
    assert "&lt;script&gt;" in html
    assert SCRIPT not in html
    asked = {"action": "cancel_listings", "_selected_action": [str(listing.pk)], "index": "0"}
    make_listing(title=EVIL)
    asked["_selected_action"] = [str(row.pk) for row in ProductListing.objects.all()]
    html = operator.post(LISTINGS, asked).content.decode()
    assert "stays: no step leads" in html
    assert SCRIPT not in html


def test_what_staff_type_escapes(operator: Client) -> None:
    listing = make_listing("NEGOTIATING")
    given = {"purchase_price": SCRIPT, "reason": SCRIPT, "seen": "NEGOTIATING"}
    html = operator.post(step(listing, "PURCHASED"), given).content.decode()
    assert SCRIPT not in html
    assert "&lt;script&gt;" in html
    for url in (LISTINGS, OUTBOX):
        assert (
            SCRIPT not in operator.get(url, {"q": SCRIPT, "brand": SCRIPT, "topic": SCRIPT}).content.decode()
        )


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe\x00 not text <script>alert(1)</script>",
        b"[" * 100_000,
        b'{"a": "\\ud800"}',
        b"",
        b"<b>" * 200_000,
        b'"' + "ä".encode() * 100_000 + b'"',
    ],
)
def test_a_body_that_is_no_json_is_shown_safely(viewer: Client, body: bytes) -> None:
    row = InboxMessage.objects.create(partner="scraper", kind="job-complete", body=body)
    response = viewer.get(f"{INBOX}{row.pk}/change/")
    assert response.status_code == 200
    html = response.content.decode()
    assert SCRIPT not in html
    assert len(html) < 600_000
