"""What came and went is emptied when it has been kept for long enough; rows, digests and all that is open stay."""

import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import Client

from aetos import audit
from integrations import ebaylister, retention, tasks
from integrations.models import DeliveryAttempt, InboxMessage, OutboxMessage
from listings import lifecycle, sale_checks
from listings.models import ProductListing
from listings.states import State
from scraping import replays
from scraping.models import InvalidMatch
from tests.factories import a_job, a_match, dumps, make_listing, rows

pytestmark = pytest.mark.django_db
Status = InboxMessage.Status
OLD = Now() - timedelta(days=181)
YOUNG = Now() - timedelta(days=179)
OPEN = (Status.RECEIVED, Status.PARKED, Status.CONFLICT)


def kept(status: str, at: Any = OLD, body: bytes = b'{"a": 1}') -> InboxMessage:
    """Make an inbox row of that age."""
    settled = None if status in (Status.RECEIVED, Status.CONFLICT) else at
    return InboxMessage.objects.create(
        partner="chatterbot",
        kind="message-sent",
        body=body,
        status=status,
        received_at=at,
        processed_at=settled,
        answer={"state": "FOUND"},
    )


def body(row: InboxMessage) -> bytes:
    """Read the body as it is now."""
    return InboxMessage.objects.get(pk=row.pk).raw


def age_everything() -> None:
    """Let half a year go by."""
    InboxMessage.objects.update(received_at=OLD, processed_at=OLD)
    OutboxMessage.objects.filter(delivered_at__isnull=False).update(delivered_at=OLD)


def test_what_is_settled_and_old_is_emptied_and_keeps_its_digest() -> None:
    gone = [kept(status) for status in retention.SETTLED]
    stays = [kept(status, YOUNG) for status in Status] + [kept(status) for status in OPEN]
    assert retention.prune() == {"inbox bodies": 3}
    for row in gone:
        row.refresh_from_db()
        assert (row.raw, row.answer) == (b"", None)
        assert row.digest == hashlib.sha256(b'{"a": 1}').hexdigest()
        assert row.emptied_at
    assert {body(row) for row in stays} == {b'{"a": 1}'}
    assert retention.prune() == {}


def test_without_the_look_at_the_status_what_is_open_would_go(monkeypatch: pytest.MonkeyPatch) -> None:
    parked = kept(Status.PARKED)
    monkeypatch.setattr(retention, "SETTLED", tuple(Status))
    retention.prune()
    assert body(parked) == b""


@pytest.mark.parametrize("days", [0, 400])
def test_it_is_kept_as_long_as_the_setting_says(settings: Any, days: int) -> None:
    settings.KEEP_INBOX_DAYS = settings.KEEP_DELIVERIES_DAYS = days
    row = kept(Status.PROCESSED)
    assert tasks.prune() == 0
    assert body(row)


def test_a_run_that_was_stopped_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BODIES", 1)
    for _ in range(3):
        kept(Status.PROCESSED)

    def stop(name: str, count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retention.prune(told=stop)
    assert retention.due()["inbox bodies"] == 2
    assert retention.prune(seconds=0) == {}
    said = StringIO()
    call_command("prune", "--dry-run", stdout=said)
    assert retention.due()["inbox bodies"] == 2
    call_command("prune", stdout=said)
    assert "inbox bodies: 2 of 2 emptied" in said.getvalue()
    assert retention.due()["inbox bodies"] == 0


def test_a_repeated_job_is_known_when_its_body_is_gone(post_job: Callable[..., Any]) -> None:
    job = a_job(a_match(), a_match(price=-1))
    assert post_job(job).json()["created_listings"] == 1
    age_everything()
    assert retention.prune()["inbox bodies"] == 1
    before = rows()
    assert post_job(job).json()["created_listings"] == 0
    assert rows() == before | {"InboxMessage": before["InboxMessage"] + 1}


def test_a_body_that_is_gone_is_not_processed_again_and_says_so(operator: Client) -> None:
    row = kept(Status.PROCESSED)
    retention.prune()
    with pytest.raises(CommandError, match=f"The body of inbox row {row.pk} is gone since"):
        call_command("replay_inbox", str(row.pk))
    page = f"/staff/integrations/inboxmessage/{row.pk}"
    answer = operator.post(f"{page}/again/", follow=True).content.decode()
    assert "is gone since" in answer
    assert "Process again" not in answer
    assert InboxMessage.objects.get().status == Status.PROCESSED


def test_deliveries_are_emptied_and_the_audit_finds_nothing() -> None:
    listing = make_listing(State.MESSAGING)
    sent = OutboxMessage.objects.filter(topic="chatterbot.send_lead")
    DeliveryAttempt.objects.create(message=sent.get(), outcome="delivered", detail="order 5")
    OutboxMessage.objects.update(delivered_at=OLD)
    lifecycle.cancel(listing.pk, by="user:ann", reason="Jane does not answer")
    given_up = OutboxMessage.objects.create(
        channel="telegram", topic="x", key="1", body={"a": 1}, given_up_at=OLD
    )
    count = OutboxMessage.objects.count()
    assert retention.prune() == {"deliveries": 3}
    assert (sent.get().body, DeliveryAttempt.objects.count()) == ({}, 0)
    assert OutboxMessage.objects.count() == count
    cancelled = OutboxMessage.objects.get(topic="listing.state.cancelled")
    assert (cancelled.body["reason"], cancelled.emptied_at) == ("Jane does not answer", None)
    assert OutboxMessage.objects.get(pk=given_up.pk).body == {"a": 1}
    assert audit.run().broken == {}


def test_a_match_that_became_a_listing_is_emptied_and_one_that_waits_is_not(
    post_job: Callable[..., Any],
) -> None:
    post_job(a_job(a_match(price=-1), a_match(price=-2)))
    first, second = InvalidMatch.objects.order_by("index")
    replays.replay(first.pk, by="user:ann", raw=first.raw.replace("-1", "1"))
    InvalidMatch.objects.filter(pk=first.pk).update(replayed_at=OLD)
    assert retention.prune() == {"replayed matches": 1}
    assert list(InvalidMatch.objects.order_by("index").values_list("raw", flat=True)) == ["", second.raw]
    assert replays.replay(second.pk, by="user:ann", raw=second.raw.replace("-2", "2")).created == 1


def test_a_sale_that_staff_dismissed_is_not_told_them_again_when_its_body_is_gone() -> None:
    listing = make_listing(State.SOLD)
    ProductListing.objects.filter(pk=listing.pk).update(ebay_order_id="5", profit_is_provisional=True)
    on_ebay = sale_checks.OnEbay(listing.pk, str(listing.ebay_listing_id), None, is_sold=True)
    shown = ebaylister.Shown("sold", str(listing.pk), {"order_id": "6", "sold_price": "500.00"})
    assert sale_checks._take_in(on_ebay, shown) == "conflict"
    InboxMessage.objects.update(status=Status.DISMISSED, received_at=OLD, processed_at=OLD)
    retention.prune()
    assert sale_checks._take_in(on_ebay, shown) == "waiting"
    InboxMessage.objects.update(digest="")  # without it, it would be told again
    assert sale_checks._take_in(on_ebay, shown) == "conflict"


def test_a_change_on_ebay_is_not_taken_back_by_one_whose_body_is_gone() -> None:
    from integrations.outbox import Delivery
    from listings.offers import answers

    key, topic = str(uuid.uuid4()), "ebay.update_listing"
    changes = {"ebay_listing_id": "1", "changes": {"price": {"value": "5.00", "currency": "GBP"}}}
    first = OutboxMessage.objects.create(
        channel="ebaylister", topic=topic, key=key, body=changes, given_up_at=OLD
    )
    OutboxMessage.objects.create(channel="ebaylister", topic=topic, key=key, body=changes, delivered_at=OLD)
    delivery = Delivery(topic, key, json.loads(dumps(changes)), str(first.event_id), 11)
    assert retention.prune() == {"deliveries": 1}
    assert answers._left(delivery) == {}
