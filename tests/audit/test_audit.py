"""The oracle: silent about what the product does by itself, and loud about each fault that is put in by hand."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from aetos import audit, tasks
from integrations import outbox
from integrations.models import AuditRun, DeliveryAttempt, InboxMessage, OutboxMessage
from listings import guards, ledger, lifecycle
from listings.models import ListingTally, ProductListing, TransitionLog
from listings.states import State
from tests import factories

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(minutes=11)


@contextmanager
def unguarded() -> Iterator[None]:
    """Write what the triggers would refuse, as a fault of ours or of a restore might."""
    guards.remove(connection)
    yield
    guards.install(connection)


def _log(listing: ProductListing) -> Any:
    return TransitionLog.objects.filter(listing=listing)


def _everywhere() -> ProductListing:
    """Bring a listing into each state, by more than one way; return a sold one."""
    for state in State:
        factories.make_listing(state)
    snoozed = factories.make_listing(State.MESSAGING)
    lifecycle.snooze(snoozed.pk, by="user:test", days=3, reason="on holiday")
    lifecycle.cancel(factories.make_listing(State.PURCHASED).pk, by="user:test", reason="broken")
    return ProductListing.objects.get(state=State.SOLD)


def test_it_finds_nothing_in_what_the_product_did(django_assert_max_num_queries: Any) -> None:
    _everywhere()
    with django_assert_max_num_queries(50):
        record = audit.run(patience=timedelta(0))
    assert (record.broken, record.findings) == ({}, [])


def _renumbered(sold: ProductListing) -> None:
    _log(sold).filter(sequence=7).update(sequence=9)


def _goes_on(sold: ProductListing) -> None:
    ProductListing.objects.filter(pk=sold.pk).update(version=6)


def _jumps(sold: ProductListing) -> None:
    _log(sold).filter(sequence=4).update(from_state=State.FOUND)


def _other_state(sold: ProductListing) -> None:
    # With what the constraints ask of a cancelled listing: the fault is in the log alone.
    changed = {"state": "CANCELLED", "final_profit": None, "cancelled_at": "2026-01-01 00:00:00+00:00"}
    columns = ", ".join(f"{name} = %s" for name in changed)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE listings_productlisting SET {columns}", list(changed.values()))


def _other_time(sold: ProductListing) -> None:
    ProductListing.objects.filter(pk=sold.pk).update(purchased_at=F("purchased_at") + timedelta(seconds=1))


def _silent(sold: ProductListing) -> None:
    OutboxMessage.objects.filter(topic="listing.state.sold").delete()


def _told_of_nothing(sold: ProductListing) -> None:
    outbox.put([outbox.event("listing.state.sold", key=str(sold.pk), body={})])


def _told_as_another(sold: ProductListing) -> None:
    OutboxMessage.objects.filter(topic="listing.state.sold").update(topic="listing.state.listed")


def _a_penny_more(sold: ProductListing) -> None:
    ProductListing.objects.filter(pk=sold.pk).update(final_profit=F("final_profit") + Decimal("0.01"))


def _a_line_of_nobody(sold: ProductListing) -> None:
    sold.db_now = sold.created_at
    ledger.add(sold, "postage_out", Decimal("5.00"), by="user:test")


FAULTS: list[tuple[Callable[[ProductListing], None], str]] = [
    (_renumbered, "the log has no gap"),
    (_goes_on, "the log has no gap"),
    (_jumps, "the log is a way"),
    (_other_state, "the log comes to the state"),
    (_other_time, "the log comes to the state"),
    (_silent, "each arrow has its event"),
    (_told_of_nothing, "each arrow has its event"),
    (_told_as_another, "each arrow has its event"),
    (_a_penny_more, "the money adds up"),
    (_a_line_of_nobody, "the money adds up"),
]


@pytest.mark.parametrize(("fault", "rule"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_it_finds_each_fault_and_names_the_row(fault: Callable[[ProductListing], None], rule: str) -> None:
    sold = factories.make_listing(State.SOLD)
    with unguarded():
        fault(sold)
    record = audit.run()
    assert rule in record.broken
    assert any(line.startswith(f"{rule}: ") for line in record.findings)
    assert str(sold.pk) in " ".join(record.findings) or "outbox" in " ".join(record.findings)


def _sent(**ends: Any) -> None:
    message = OutboxMessage.objects.create(
        channel="chatterbot", topic="chatterbot.send_lead", key="a", body={}
    )
    DeliveryAttempt.objects.create(message=message, started_at=Now() - LONG_AGO, **ends)


def _received(status: str, *, ago: timedelta = LONG_AGO) -> None:
    InboxMessage.objects.create(
        partner="ebay", kind="item-sold", body=b"{}", status=status, received_at=Now() - ago
    )


def test_a_call_that_was_sent_and_forgotten_is_found() -> None:
    _sent()
    assert audit.run().broken == {"calls are answered": 1}


def test_a_call_that_failed_and_waits_is_no_finding() -> None:
    _sent(finished_at=Now(), outcome="failed")
    assert audit.run().broken == {}


def test_a_call_that_was_asked_again_is_no_finding() -> None:
    _sent()
    DeliveryAttempt.objects.create(message=OutboxMessage.objects.get(), finished_at=Now())
    assert audit.run().broken == {}


def test_a_webhook_that_nobody_took_up_is_found() -> None:
    _received("received")
    assert audit.run().broken == {"webhooks are heard": 1}


def test_webhooks_that_are_settled_or_shown_or_new_are_no_finding() -> None:
    for status in ("processed", "refused", "parked", "conflict", "dismissed"):
        _received(status)
    _received("received", ago=timedelta(minutes=9))
    assert audit.run().broken == {}


def test_the_command_shows_each_rule_and_its_status_tells() -> None:
    shown = StringIO()
    call_command("audit", stdout=shown)
    assert shown.getvalue().count("holds") == len(audit.RULES)
    _received("received")
    with pytest.raises(CommandError):
        call_command("audit", "--json", stdout=(told := StringIO()))
    assert json.loads(told.getvalue())["broken"] == {"webhooks are heard": 1}


def test_patience_is_the_callers() -> None:
    _received("received", ago=timedelta(seconds=5))
    call_command("audit", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("audit", "--patience", "1", stdout=StringIO())


def test_every_night_staff_are_told_of_findings_and_of_nothing_else(settings: Any) -> None:
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "1:token", "7"
    assert tasks.audit_database() == 0
    assert not OutboxMessage.objects.exists()
    _received("received")
    assert tasks.audit_database() == 1
    said = OutboxMessage.objects.get().body["text"]
    assert "webhooks are heard" in said and f"auditrun/{AuditRun.objects.latest('id').pk}/" in said


def test_a_finding_tells_no_secret_and_no_person() -> None:
    marker = uuid.uuid4().hex
    InboxMessage.objects.create(
        partner="chatterbot", kind="message-sent", body=marker.encode(), received_at=Now() - LONG_AGO
    )
    assert marker not in json.dumps(audit.run().findings)


def test_old_runs_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "RUNS_KEPT", 2)
    newest = [audit.run().pk for _ in range(4)][2:]
    assert set(AuditRun.objects.values_list("pk", flat=True)) == set(newest)


def test_home_shows_a_fault_until_an_audit_finds_none(operator: Any) -> None:
    _received("received")
    audit.run()
    assert "webhooks are heard" in operator.get("/staff/now/").content.decode()
    InboxMessage.objects.update(status="processed")
    audit.run()
    assert "webhooks are heard" not in operator.get("/staff/now/").content.decode()


def test_a_run_can_be_read_in_the_back_office(operator: Any) -> None:
    _received("received")
    record = audit.run()
    page = operator.get(f"/staff/integrations/auditrun/{record.pk}/change/").content.decode()
    assert "webhooks are heard" in page and "inbox " in page
    assert f"/staff/integrations/inboxmessage/{InboxMessage.objects.get().pk}/change/" in page
    assert f"Audit of {record.began_at:%d %b}" in page
    assert "1 finding" in operator.get("/staff/integrations/auditrun/").content.decode()


def test_a_finding_leads_to_the_listing_and_one_about_none_is_words_alone(operator: Any) -> None:
    sold = _everywhere()
    with unguarded():
        ProductListing.objects.filter(pk=sold.pk).update(final_profit=F("final_profit") + 1)
    ListingTally.objects.create(state="LISTED", brand="LEICA", listings=1, pennies=0)
    record = audit.run()
    page = operator.get(f"/staff/integrations/auditrun/{record.pk}/change/").content.decode()
    assert f"/staff/listings/productlisting/{sold.pk}/change/" in page
    assert {line.split(": ")[0] for line in record.findings} == {"the money adds up", "the tally is right"}
    assert ">LISTED LEICA<" in page.replace("\n", "")
