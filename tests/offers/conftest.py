"""The simulated eBayLister, a camera that is ready for it, and what staff and their programs ask of us."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client

from integrations import relay
from integrations.models import Channel, OutboxMessage
from integrations.simulators import Simulators
from integrations.simulators.faults import Fault
from listings.models import EbayOffer, Photo, ProductListing
from listings.states import State
from tests.factories import make_listing, staff, token
from tests.selling.sales import EBAY_KEY

CREATE, UPDATE, END = "ebay.create_listing", "ebay.update_listing", "ebay.end_listing"
Ask = Callable[..., Any]


@pytest.fixture
def sims(settings: Any) -> Iterator[Simulators]:
    """The simulated partners, so slow that nothing sells by itself."""
    with Simulators("http://127.0.0.1:9", time_scale=0.001) as running:
        settings.EBAY_API_URL = running.url("ebaylister")
        settings.EBAY_API_KEY = running.keys.ebay_api_key
        settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "ebay": [EBAY_KEY]}
        yield running


@pytest.fixture
def headers(db: None) -> dict[str, str]:
    """With these a program of ben's signs in, who is an operator."""
    return token(staff("ben", group="Operators"))


@pytest.fixture
def ask(client: Client, headers: dict[str, str]) -> Ask:
    """Ask for LISTED by the API: `ask(listing, ebay_asking_price="450")`."""

    def post(listing: ProductListing, **told: Any) -> Any:
        path, body = f"/admin/listings/{listing.pk}/transition", {"to_state": "LISTED", **told}
        return client.post(path, body, content_type="application/json", headers=headers)

    return post


@pytest.fixture
def ebay(client: Client, headers: dict[str, str]) -> Ask:
    """Call `/admin/listings/{id}/ebay`: `ebay("patch", listing, price="450")`."""

    def call(method: str, listing: ProductListing, *, query: str = "", **told: Any) -> Any:
        path = f"/admin/listings/{listing.pk}/ebay{query}"
        send = getattr(client, method)
        if method == "get" or not told:
            return send(path, headers=headers)
        return send(path, told, content_type="application/json", headers=headers)

    return call


def ready(**match: Any) -> ProductListing:
    """Return a camera in Received with a photo, asked at 400.00 with 100.00 to be earned."""
    listing = make_listing(State.RECEIVED, **match)
    a_photo(listing)
    return listing


def a_photo(listing: ProductListing, position: int = 0) -> Photo:
    """Give a listing a photo, without a file: eBayLister gets addresses only."""
    return Photo.objects.create(
        listing=listing, position=position, image="a", thumbnail="b", width=8, height=6, size=9, added_by="x"
    )


def switch(sims: Simulators, **fault: Any) -> None:
    """Switch one of eBayLister's faults on; without arguments, off."""
    sims.ebaylister.faults.switch(Fault(**fault))


def calls(sims: Simulators, method: str) -> list[Any]:
    """Return the requests that eBayLister received by a method, the first first."""
    return [each.request for each in sims.ebaylister.requests if each.request.method == method]


def keys(sims: Simulators, method: str) -> list[str]:
    """Return their Idempotency-Keys."""
    return [request.headers["idempotency-key"] for request in calls(sims, method)]


def serve() -> int:
    """Let the worker of eBayLister's channel do what is due."""
    return relay.serve("ebaylister")


def time_passes(seconds: float) -> None:
    """Bring what waits for its time nearer by so much: retries and the breaker."""
    by = timedelta(seconds=seconds)
    OutboxMessage.objects.filter(next_attempt_at__gt=Now()).update(next_attempt_at=F("next_attempt_at") - by)
    Channel.objects.update(closed_until=F("closed_until") - by)


def until_settled(rounds: int = 60) -> None:
    """Serve eBayLister, a quarter of an hour at a time, until nothing waits any more."""
    for _ in range(rounds):
        serve()
        if not relay.pending("ebaylister").exists():
            return
        time_passes(900)
    raise AssertionError("something is still waiting")


def row(listing: ProductListing, topic: str = CREATE) -> OutboxMessage:
    """Return the one outbox row of a listing's call."""
    return OutboxMessage.objects.get(key=str(listing.pk), topic=topic)


def offer(listing: ProductListing) -> EbayOffer:
    """Return the offer as it is kept."""
    return EbayOffer.objects.get(listing=listing)


def notes(listing: ProductListing) -> list[str]:
    """Return the notes of a listing, oldest first."""
    return list(listing.notes.order_by("id").values_list("text", flat=True))
