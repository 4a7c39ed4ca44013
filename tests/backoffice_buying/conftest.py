"""Rows that the pages of buying are about, and a guard that a refusal writes none of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from integrations.models import InboxMessage, OutboxMessage, TelegramSettings
from listings.models import (
    Approval,
    KillSwitch,
    Note,
    OutreachRule,
    OutreachSettings,
    ProductListing,
    TransitionLog,
)
from scraping.models import ScrapeJob, SearchPlan, SearchRun
from tests.factories import dumps, make_listing

QUEUE = "/staff/listings/approval/"
RULES = "/staff/listings/outreachrule/"
LIMITS = "/staff/listings/outreachsettings/"
PLANS = "/staff/scraping/searchplan/"
RUNS = "/staff/scraping/searchrun/"
TELEGRAM = "/staff/integrations/telegramsettings/"
INBOX = "/staff/integrations/inboxmessage/"
JOBS = "/staff/scraping/scrapejob/"
LISTINGS = "/staff/listings/productlisting/"

MODELS: tuple[Any, ...] = (
    Approval,
    KillSwitch,
    Note,
    OutreachRule,
    OutreachSettings,
    ProductListing,
    TransitionLog,
    InboxMessage,
    OutboxMessage,
    TelegramSettings,
    ScrapeJob,
    SearchPlan,
    SearchRun,
    LogEntry,
)


def written() -> dict[str, list[dict[str, Any]]]:
    """Return every row that a button of these pages could write."""
    return {
        model.__name__: [
            {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in MODELS
    }


@contextmanager
def nothing_written() -> Iterator[None]:
    """Hold that not one row changes."""
    before = written()
    yield
    assert written() == before


@pytest.fixture
def limits(db: None) -> OutreachSettings:
    """The limits, at their defaults."""
    return OutreachSettings.load()


@pytest.fixture
def rule(db: None, limits: OutreachSettings) -> OutreachRule:
    """A rule that lets every Sony through, switched off."""
    return OutreachRule.objects.create(
        name="All Sonys", brand="sony", min_confidence=50, min_net_estimate=-500
    )


@pytest.fixture
def plan(db: None) -> SearchPlan:
    """An active plan."""
    return SearchPlan.objects.create(name="Daily", brands=["Sony", "Canon"], search="mirrorless")


@pytest.fixture
def conflict(db: None) -> InboxMessage:
    """A deal confirmed for a listing that was cancelled."""
    listing = make_listing("CANCELLED", by="user:ann")
    return InboxMessage.objects.create(
        partner="chatterbot",
        kind="deal-confirmed",
        body=dumps({"listing_id": str(listing.pk), "agreed_price": 380}),
        status="conflict",
        subject=listing.pk,
        detail="Deal confirmed at GBP 380.00, but the listing was cancelled on 12 Nov 18:02 UTC by user:ann",
    )
