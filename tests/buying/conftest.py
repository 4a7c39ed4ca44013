"""Chatterbot, simulated, and its way to us; time that passes without anybody waiting."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client

from integrations import clock, relay
from integrations.models import Channel, InboxMessage, OutboxMessage
from integrations.simulators import Simulators
from integrations.simulators.faults import Fault
from listings.models import ProductListing
from listings.states import State
from tests.factories import dumps

CHATTERBOT_KEY = "chatterbot-key-of-the-tests"
# So slow that the simulated Chatterbot does nothing by itself.
STILL = 0.001
TIMED = [State.MESSAGING, State.NEGOTIATING]


@pytest.fixture(autouse=True)
def _keys(settings: Any, _environment: None) -> None:
    settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "chatterbot": [CHATTERBOT_KEY]}


@pytest.fixture
def sims(settings: Any) -> Iterator[Simulators]:
    """The simulated partners, where our settings say they are."""
    with Simulators("http://127.0.0.1:9", time_scale=STILL) as running:
        point_to(settings, running)
        yield running


def point_to(settings: Any, sims: Simulators) -> None:
    """Call these simulated partners, and let them call."""
    settings.CHATTERBOT_API_URL = sims.url("chatterbot")
    settings.CHATTERBOT_API_KEY = sims.keys.chatterbot_api_key
    settings.SCRAPER_API_URL = sims.url("scraperv2")
    settings.SCRAPER_API_KEY = sims.keys.scraper_api_key
    keys = [CHATTERBOT_KEY, sims.keys.chatterbot_webhook_key]
    settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "chatterbot": keys}


@pytest.fixture
def tell(client: Client) -> Callable[..., Any]:
    """Call a Chatterbot webhook: `tell("message-sent", listing_id=…)`, or with the bytes of a body."""

    def post(kind: str, body: bytes | None = None, *, key: str = CHATTERBOT_KEY, **told: Any) -> Any:
        data = dumps(told) if body is None else body
        headers = {"authorization": f"Bearer {key}"}
        path = f"/webhooks/chatterbot/{kind}"
        return client.post(path, data, content_type="application/json", headers=headers)

    return post


def switch(sims: Simulators, **fault: Any) -> None:
    """Switch one of Chatterbot's faults on; without arguments, off."""
    sims.chatterbot.faults.switch(Fault(**fault))


def calls(sims: Simulators, method: str = "", path: str = "") -> list[Any]:
    """Return the requests that Chatterbot received, the first first."""
    received = [each.request for each in sims.chatterbot.requests]
    return [each for each in received if each.method.startswith(method) and each.path.startswith(path)]


def posted(sims: Simulators) -> list[Any]:
    """Return the bodies of the leads that Chatterbot was sent."""
    return [request.json() for request in calls(sims, "POST", "/leads")]


def serve(channel: str = "chatterbot") -> int:
    """Let the worker of one channel do what is due."""
    return relay.serve(channel)


def time_passes(seconds: float) -> None:
    """Bring what waits for its time nearer by so much: retries and breakers."""
    by = timedelta(seconds=seconds)
    OutboxMessage.objects.filter(next_attempt_at__gt=Now()).update(next_attempt_at=F("next_attempt_at") - by)
    Channel.objects.update(closed_until=F("closed_until") - by)


def until_delivered(rounds: int = 40) -> None:
    """Serve Chatterbot, a minute at a time, until nothing waits any more."""
    for _ in range(rounds):
        serve()
        if not relay.pending("chatterbot").exists():
            return
        time_passes(60)
    raise AssertionError("something is still waiting")


def call_row(listing: ProductListing, topic: str = "chatterbot.send_lead") -> OutboxMessage:
    """Return the one outbox row of a listing's call."""
    return OutboxMessage.objects.get(key=str(listing.pk), topic=topic)


def fresh(listing: ProductListing) -> ProductListing:
    """Read a listing again."""
    return ProductListing.objects.get(pk=listing.pk)


def arrows(listing: ProductListing) -> list[str]:
    """Return the states that a listing entered, in order."""
    return list(listing.history.order_by("sequence").values_list("to_state", flat=True))


def events(listing: ProductListing) -> list[str]:
    """Return the topics of a listing's events, in order."""
    rows = OutboxMessage.objects.filter(key=str(listing.pk), channel="events").order_by("id")
    return list(rows.values_list("topic", flat=True))


def last_inbox() -> InboxMessage:
    """Return what came in last."""
    return InboxMessage.objects.latest("id")


def stranger() -> str:
    """Return the id of a listing that nobody knows."""
    return str(uuid.uuid4())


def runs_out(listing: ProductListing, **left: float) -> None:
    """Set the deadline to so long from now."""
    ProductListing.objects.filter(pk=listing.pk).update(deadline_at=clock.now() + timedelta(**left))
