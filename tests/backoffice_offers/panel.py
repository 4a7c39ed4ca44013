"""The eBay panel of a listing's page, as a browser is shown it."""

from typing import Any

from django.test import Client

from integrations.models import OutboxMessage
from listings.models import ProductListing
from tests.backoffice.pages import page

A_DRAFT = {
    "title": "Sony A6400 body",
    "condition": "Open box",
    "price": "479.5",
    "description": "Fine.\r\nBoxed.",
}


def shown(client: Client, listing: ProductListing) -> dict[str, Any]:
    """Return what the panel shows."""
    panel: dict[str, Any] = client.get(page(listing)).context["ebay"]
    return panel


def calls(listing: ProductListing) -> list[str]:
    """Return the calls to eBayLister, oldest first."""
    sent = OutboxMessage.objects.filter(key=str(listing.pk), channel="ebaylister").order_by("id")
    return list(sent.values_list("topic", flat=True))


def values(client: Client, listing: ProductListing) -> dict[str, Any]:
    """Return what stands in the fields of the draft."""
    return {row["field"].name: row["field"].value() for row in shown(client, listing)["rows"]}
