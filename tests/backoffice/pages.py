"""The addresses of the back office, and what may not change where something is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.models import InboxMessage, OutboxMessage
from listings.models import Lead, Note, ProductListing, TransitionLog
from scraping.models import InvalidMatch, ScrapeJob

LISTINGS = "/staff/listings/productlisting/"
JOBS = "/staff/scraping/scrapejob/"
OUTBOX = "/staff/integrations/outboxmessage/"
INBOX = "/staff/integrations/inboxmessage/"
CHANNELS = "/staff/integrations/channel/"
LOG = "/staff/listings/transitionlog/"
LISTS = (LISTINGS, JOBS, OUTBOX, INBOX, CHANNELS, LOG)


def page(listing: ProductListing) -> str:
    """Return the address of a listing's page."""
    return f"{LISTINGS}{listing.pk}/change/"


def step(listing: ProductListing, to: str) -> str:
    """Return the address of a button."""
    return reverse("admin:listings_productlisting_step", args=[listing.pk, to])


def said(response: Any) -> list[str]:
    """Return the messages that the request left for the next page."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def written() -> dict[str, list[dict[str, Any]]]:
    """Return every row that a button could write."""
    models = (ProductListing, TransitionLog, OutboxMessage, InboxMessage, Note, Lead, ScrapeJob, InvalidMatch)
    return {
        model.__name__: [
            {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in models
    }


@contextmanager
def nothing_written() -> Iterator[None]:
    """Hold that not one row changes."""
    before = written()
    yield
    assert written() == before


def queries(client: Client, url: str) -> int:
    """Count the statements of a page, which must answer 200."""
    with CaptureQueriesContext(connection) as caught:
        assert client.get(url).status_code == 200
    return len(caught)
