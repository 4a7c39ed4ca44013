"""One row of everything that a page shows or a button changes, for the table of who may do what."""

import io
import json
import uuid
from decimal import Decimal
from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from integrations.models import AuditRun, Channel, InboxMessage, OutboxMessage, TelegramSettings
from listings import lifecycle, offers, outreach, photos
from listings.models import LedgerLine, OutreachRule, OutreachSettings, ProductListing, TransitionLog
from scraping import jobs
from scraping.models import InvalidMatch, ScrapeJob, SearchPlan, SearchRun
from tests.factories import a_match, dumps, make_listing, token
from tests.photos.zoo import a_file


def world() -> dict[str, Any]:
    """Make the rows, and return what the addresses are filled in with."""
    OutreachSettings.load()
    TelegramSettings.load()
    return _listings() | _scrapes() | _messages() | _buying() | _people()


def jpeg() -> SimpleUploadedFile:
    """Return a file to send."""
    return SimpleUploadedFile("a.jpg", a_file(), "image/jpeg")


def _listings() -> dict[str, Any]:
    states = {
        "found": "FOUND",
        "waiting": "FOUND",
        "bought": "PURCHASED",
        "received": "RECEIVED",
        "listed": "LISTED",
        "sold": "SOLD",
    }
    rows: dict[str, Any] = {name: make_listing(state).pk for name, state in states.items()}
    outreach.approve(rows["waiting"], by="user:test")
    first, second = photos.add(
        rows["received"],
        [photos.Upload(io.BytesIO(a_file()), len(a_file())) for _ in range(2)],
        by="user:test",
    )
    offers.edit(rows["received"], by="user:test", condition=offers.Condition.USED, description="As new.")
    unpaid = make_listing("LISTED").pk
    lifecycle.sell(unpaid, by="user:test", ebay_sold_price=Decimal(500))
    return rows | {
        "unpaid": unpaid,
        "photo": first.pk,
        "photo2": second.pk,
        "line": LedgerLine.objects.filter(listing=rows["sold"]).earliest("pk").pk,
        "log": TransitionLog.objects.earliest("pk").pk,
    }


def _scrapes() -> dict[str, Any]:
    failed = jobs.trigger(brands=["Sony"], search="x", by="user:test")
    ScrapeJob.objects.filter(pk=failed.pk).update(status=ScrapeJob.Status.FAILED)
    match = a_match(price=-5)
    jobs.complete(uuid.uuid4(), brands=["Sony"], matches=[match])
    bad = InvalidMatch.objects.get()
    match["listing"]["price"] = 5.0
    plan = SearchPlan.objects.create(name="Daily", brands=["Canon"], search="y")
    run = SearchRun.objects.create(plan=plan, slot_at=timezone.now())
    return {
        "job": failed.pk,
        "job_uuid": failed.uuid,
        "match": bad.pk,
        "mended": json.dumps(match),
        "plan": plan.pk,
        "run": run.pk,
    }


def _messages() -> dict[str, Any]:
    listing = make_listing("MESSAGING")
    lost = OutboxMessage.objects.filter(channel="chatterbot").latest("pk")
    OutboxMessage.objects.filter(pk=lost.pk).update(
        attempts=1, given_up_at=timezone.now(), last_error="503 from Chatterbot"
    )
    ProductListing.objects.filter(pk=listing.pk).update(
        error_message="503 from Chatterbot", error_occurred_at=timezone.now()
    )
    cancelled = make_listing("CANCELLED")
    conflict = InboxMessage.objects.create(
        partner="chatterbot",
        kind="deal-confirmed",
        body=dumps({"listing_id": str(cancelled.pk), "agreed_price": 380}),
        status="conflict",
        subject=cancelled.pk,
        detail="The listing was cancelled.",
    )
    Channel.objects.get_or_create(name="chatterbot")
    audit = AuditRun.objects.create(ended_at=timezone.now(), broken={"the money adds up": 1})
    return {
        "audit": audit.pk,
        "failed": listing.pk,
        "lost": lost.pk,
        "conflict": conflict.pk,
        "cancelled": cancelled.pk,
    }


def _buying() -> dict[str, Any]:
    rule = OutreachRule.objects.create(
        name="All Sonys", brand="sony", min_confidence=50, min_net_estimate=-500
    )
    return {"rule": rule.pk}


def _people() -> dict[str, Any]:
    bob = User.objects.create_user("bob", password="a-long-enough-password", is_staff=True)
    token(bob)
    wrong = AccessAttempt.objects.create(
        username="bob", ip_address="10.0.0.1", failures_since_start=1, attempt_time=timezone.now()
    )
    return {"person": bob.pk, "group": Group.objects.create(name="Photographers").pk, "attempt": wrong.pk}
