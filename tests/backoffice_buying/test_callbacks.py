"""Callbacks that wait for a decision: shown with their words, applied, or dismissed with a reason."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from integrations.models import InboxMessage
from listings.models import ProductListing
from tests.backoffice.pages import said
from tests.backoffice_buying.conftest import INBOX, nothing_written

pytestmark = pytest.mark.django_db


def settle(client: Client, message: InboxMessage, **data: str) -> Any:
    """Press a button."""
    return client.post(f"{INBOX}{message.pk}/settle/", data)


def parked(*, minutes: int) -> InboxMessage:
    """Keep a callback about an order that nobody knows."""
    row = InboxMessage.objects.create(
        partner="chatterbot",
        kind="seller-replied",
        body=b'{"order_id": 9}',
        status="parked",
        detail="Order 9?",
    )
    InboxMessage.objects.filter(pk=row.pk).update(received_at=timezone.now() - timedelta(minutes=minutes))
    return row


def test_a_conflict_explains_itself_and_says_what_apply_does(
    operator: Client, conflict: InboxMessage
) -> None:
    html = operator.get(f"{INBOX}{conflict.pk}/change/").content.decode()
    assert "Deal confirmed at GBP 380.00, but the listing was cancelled on" in html
    assert "as the price agreed and paid, and leaves the listing Cancelled" in html
    assert ">Apply</button>" in html
    assert "Dismiss…" in html
    assert "Deal confirmed at GBP 380.00" in operator.get(INBOX, {"status": "conflict"}).content.decode()


def test_apply_does_what_it_says_once(operator: Client, conflict: InboxMessage) -> None:
    words = said(settle(operator, conflict, do="apply"))
    assert words[-1].startswith("Applied: Books")
    listing = ProductListing.objects.get(pk=conflict.subject)
    assert (listing.state, listing.purchase_price) == ("CANCELLED", 380)
    conflict.refresh_from_db()
    assert (conflict.status, conflict.settled_by) == ("processed", "user:ann")
    with nothing_written():
        assert "settled already" in said(settle(operator, conflict, do="apply"))[-1]
        assert "settled already" in said(settle(operator, conflict, do="dismiss", reason="x"))[-1]
    assert "Dismiss…" not in operator.get(f"{INBOX}{conflict.pk}/change/").content.decode()


def test_a_conflict_is_dismissed_with_a_reason(operator: Client, conflict: InboxMessage) -> None:
    words = said(settle(operator, conflict, do="dismiss", reason="The seller <i>sold</i> it"))
    assert words == ["Dismissed. It stays in the inbox, with the reason."]
    conflict.refresh_from_db()
    assert conflict.status == "dismissed"
    html = operator.get(f"{INBOX}{conflict.pk}/change/").content.decode()
    assert "Dismissed: The seller &lt;i&gt;sold&lt;/i&gt; it" in html
    assert ProductListing.objects.get(pk=conflict.subject).purchase_price is None


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\0b"])
def test_without_a_reason_nothing_is_dismissed(operator: Client, conflict: InboxMessage, reason: str) -> None:
    with nothing_written():
        response = settle(operator, conflict, do="dismiss", reason=reason)
    assert response.status_code == 422
    assert response.context["decision"]["form"].errors["reason"]


def test_apply_is_absent_where_nothing_can_be_applied(operator: Client) -> None:
    row = parked(minutes=5)
    html = operator.get(f"{INBOX}{row.pk}/change/").content.decode()
    assert ">Apply</button>" not in html
    assert "Nothing of it can be applied." in html
    with nothing_written():
        assert "Nothing of this can be applied" in said(settle(operator, row, do="apply"))[-1]
    settle(operator, row, do="dismiss", reason="a test of theirs")
    row.refresh_from_db()
    assert row.status == "dismissed"


def test_what_was_parked_for_an_hour_is_found(operator: Client) -> None:
    long_ago = parked(minutes=61)
    parked(minutes=59)
    shown = operator.get(INBOX, {"status": "stale"}).context["cl"].result_list
    assert [row.pk for row in shown] == [long_ago.pk]
    groups = operator.get("/staff/").context["groups"]
    [group] = [group for group in groups if "Parked" in group.words]
    assert (group.count, group.url) == (1, f"{INBOX}?status=stale")


def test_to_apply_takes_the_right_to_move_a_listing_too(operator: Client, conflict: InboxMessage) -> None:
    right = Permission.objects.get(codename="transition_productlisting")
    Group.objects.get(name="Operators").permissions.remove(right)
    assert ">Apply</button>" not in operator.get(f"{INBOX}{conflict.pk}/change/").content.decode()
    with nothing_written():
        assert settle(operator, conflict, do="apply").status_code == 403


def test_a_message_that_is_not_there(operator: Client) -> None:
    assert operator.post(f"{INBOX}12345/settle/", {"do": "apply"}).status_code == 404
