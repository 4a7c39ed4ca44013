"""Whatever eBayLister tells, in whatever order, and whatever staff do between: nothing breaks, nothing is lost."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from integrations.models import InboxMessage
from integrations.tasks import process_inbox
from listings import bookkeeping, conflicts, lifecycle
from listings.models import LedgerLine, ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.selling.sales import EBAY_KEY, Tell, arrows, coherent, fresh, teller

pytestmark = pytest.mark.django_db

Status = InboxMessage.Status
NUMBERS = ("110001", "110002", "999")
amounts = st.sampled_from(["500.00", "480.005", 0, "64.30", 7.95])
maybe = st.none() | amounts
told = st.fixed_dictionaries(
    {
        "listing_id": st.sampled_from([*NUMBERS, None]),
        "sku": st.sampled_from([0, 1, 0, 1, "stranger", None]),
        "order_id": st.sampled_from(["A", "B", None]),
        "sold_price": amounts | st.sampled_from([None, -1, "free"]),
        "ebay_fees": maybe,
        "shipping_cost": maybe,
    }
)
STAFF = (
    "buy",
    "receive",
    "list",
    "sell",
    "cancel",
    "complete",
    "correct",
    "refund",
    "settle",
    "dismiss",
    "sweep",
)
steps = st.lists(told | st.tuples(st.sampled_from(STAFF), st.integers(0, 1)), max_size=9)
REFUSALS = (
    lifecycle.IllegalArrow,
    lifecycle.AlreadyListed,
    bookkeeping.NotBooked,
    conflicts.CannotSettle,
    LedgerLine.DoesNotExist,
)


class Undone(Exception):
    """Ends an example without a trace of it."""


def body(step: dict[str, Any], pair: list[ProductListing]) -> dict[str, Any]:
    """Name the listings of this test in what is told."""
    skus = {0: str(pair[0].pk), 1: str(pair[1].pk), "stranger": str(uuid.UUID(int=5)), None: None}
    return {**step, "sku": skus[step["sku"]]}


def act(what: str, listing: ProductListing, number: str) -> None:
    """Do what staff do; a refusal is an answer, anything else a failure."""
    by, pk = "user:ann", listing.pk
    first = LedgerLine.objects.filter(listing=listing).order_by("-id").first()
    waiting = InboxMessage.objects.filter(status__in=conflicts.OPEN).order_by("id").first()
    acts: dict[str, Any] = {
        "buy": lambda: lifecycle.walk(pk, State.PURCHASED, by=by, purchase_price=Decimal(350)),
        "receive": lambda: lifecycle.walk(pk, State.RECEIVED, by=by),
        "list": lambda: lifecycle.walk(pk, State.LISTED, by=by, ebay_listing_id=number),
        "sell": lambda: lifecycle.sell(pk, by=by, ebay_sold_price=Decimal(490)),
        "cancel": lambda: lifecycle.cancel(pk, by=by),
        "complete": lambda: bookkeeping.complete(pk, {"ebay_fees": Decimal("60.01")}, by=by),
        "correct": lambda: bookkeeping.correct(
            first.pk if first else 0, Decimal("12.34"), by=by, note="why", listing_id=pk
        ),
        "refund": lambda: bookkeeping.refund(pk, Decimal(5), by=by, note="why", returned=True),
        "settle": lambda: waiting and conflicts.apply(waiting.pk, by=by),
        "dismiss": lambda: waiting and conflicts.dismiss(waiting.pk, by=by, reason="why"),
        "sweep": process_inbox,
    }
    try:
        with transaction.atomic():
            acts[what]()
    except REFUSALS:
        return


def run(story: list[Any], pair: list[ProductListing], tell: Tell) -> None:
    """Let a story happen, and hold what must be true after each of its steps."""
    posted = 0
    for step in story:
        before = [arrows(listing) for listing in pair]
        if isinstance(step, dict):
            answer = tell(body(step, pair))
            posted += 1
            assert answer.status_code in (200, 202, 409, 422), answer.content
            assert answer.status_code != 202 or answer.json() == {"status": "parked"}  # no fault of ours
        else:
            act(step[0], pair[step[1]], NUMBERS[step[1]])
        assert InboxMessage.objects.filter(partner="ebay").count() == posted
        assert not InboxMessage.objects.filter(status=Status.RECEIVED).exists()
        for listing, had in zip(pair, before, strict=True):
            coherent(listing)
            assert arrows(listing)[: len(had)] == had
            assert arrows(listing).count(State.SOLD) <= 1
    process_inbox()
    for listing in pair:
        coherent(listing)


@pytest.fixture
def pair(db: None, settings: Any) -> list[ProductListing]:
    """Two listings, one of which is on eBay."""
    settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "ebay": [EBAY_KEY]}
    on_ebay = make_listing(State.RECEIVED)
    lifecycle.list_on_ebay(on_ebay.pk, by="user:ann", ebay_listing_id=NUMBERS[0])
    return [fresh(on_ebay), make_listing(State.NEGOTIATING)]


@examples(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=steps)
def test_any_story_of_sales(pair: list[ProductListing], story: list[Any]) -> None:
    def undone() -> None:
        run(story, pair, teller(Client()))
        raise Undone

    with pytest.raises(Undone), transaction.atomic():
        undone()
