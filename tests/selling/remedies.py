"""What eBay told that could not be, and its page in the back office: told, shown, and pressed."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from integrations.models import InboxMessage
from listings.models import LedgerLine, Note, ProductListing
from tests.backoffice.pages import INBOX, nothing_written, said
from tests.selling.sales import EBAY_KEY, Tell, kept, last_inbox, sale

Status = InboxMessage.Status
AS_TOLD = "Not saved: Nothing of this can be applied. Dismiss it with a reason."


@pytest.fixture(autouse=True)
def _keys(settings: Any, _environment: None) -> None:
    settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "ebay": [EBAY_KEY]}


@pytest.fixture
def conflict(tell: Tell) -> Callable[..., InboxMessage]:
    """Tell what cannot be; return what is kept of it."""

    def post(listing: ProductListing, **changes: Any) -> InboxMessage:
        assert tell(sale(listing, **changes)).status_code == 409
        return last_inbox()

    return post


def shown(client: Client, message: InboxMessage) -> str:
    """Return what the page says that Apply does; nothing where it is not offered."""
    decision = client.get(f"{INBOX}{message.pk}/change/").context["decision"]
    return str(decision["remedy"]) if decision["may_apply"] else ""


def press(client: Client, message: InboxMessage, do: str = "apply", **data: str) -> Any:
    return client.post(f"{INBOX}{message.pk}/settle/", {"do": do, **data})


def lines(listing: ProductListing) -> list[tuple[str, Decimal, str]]:
    return list(LedgerLine.objects.filter(listing=listing).order_by("id").values_list("kind", "amount", "by"))


def applied(client: Client, message: InboxMessage, words: str) -> None:
    """Apply it; hold that the page said so before, and that message and listing remember it."""
    assert shown(client, message) == words
    assert said(press(client, message))[-1] == f"Applied: {words}."
    after = InboxMessage.objects.get(pk=message.pk)
    assert (after.status, after.settled_by) == (Status.PROCESSED, "user:ann")
    assert after.detail == f"{message.detail} Applied: {words}."
    assert Note.objects.filter(listing_id=message.subject, by="user:ann", text=after.detail).count() == 1


def only_dismissed(client: Client, message: InboxMessage) -> None:
    """Hold that it cannot be applied, and that to dismiss it books nothing."""
    assert shown(client, message) == ""
    with nothing_written():
        assert said(press(client, message))[-1] == AS_TOLD
    listing = ProductListing.objects.filter(pk=message.subject).first()
    before = kept(listing) if listing else {}
    press(client, message, "dismiss", reason="Cancelled on eBay")
    after = InboxMessage.objects.get(pk=message.pk)
    assert (after.status, after.settled_by) == (Status.DISMISSED, "user:ann")
    if listing:
        now = kept(listing)
        assert now.pop("notes")[:-1] == before.pop("notes")
        assert now == before
