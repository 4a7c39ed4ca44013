"""All 24 orders of Chatterbot's four callbacks: each ends in one state, and what could not be is kept in words."""

import itertools
from typing import Any

import pytest
from django.test import Client

from integrations.models import InboxMessage, OutboxMessage
from listings.models import Lead
from listings.states import ARROWS, State
from tests.buying.conftest import arrows, events, fresh
from tests.factories import make_listing

pytestmark = pytest.mark.django_db

KINDS = {"M": "message-sent", "R": "seller-replied", "C": "deal-confirmed", "F": "deal-failed"}
FACTS: dict[str, dict[str, Any]] = {"C": {"agreed_price": "380.00"}, "F": {"reason": "sold to a friend"}}

# The order; the answers on a FOUND listing and on one in MESSAGING (. is 200, x is 409); where both end.
ORDERS = [
    ("MRCF", "...x", "...x", State.PURCHASED),
    ("MRFC", "...x", "...x", State.CANCELLED),
    ("MCRF", "...x", "...x", State.PURCHASED),
    ("MCFR", "..x.", "..x.", State.PURCHASED),
    ("MFRC", "..xx", "..xx", State.CANCELLED),
    ("MFCR", "..xx", "..xx", State.CANCELLED),
    ("RMCF", "...x", "...x", State.PURCHASED),
    ("RMFC", "...x", "...x", State.CANCELLED),
    ("RCMF", "...x", "...x", State.PURCHASED),
    ("RCFM", "..x.", "..x.", State.PURCHASED),
    ("RFMC", "...x", "...x", State.CANCELLED),
    ("RFCM", "..x.", "..x.", State.CANCELLED),
    ("CMRF", "...x", "...x", State.PURCHASED),
    ("CMFR", "..x.", "..x.", State.PURCHASED),
    ("CRMF", "...x", "...x", State.PURCHASED),
    ("CRFM", "..x.", "..x.", State.PURCHASED),
    ("CFMR", ".x..", ".x..", State.PURCHASED),
    ("CFRM", ".x..", ".x..", State.PURCHASED),
    ("FMRC", ".xxx", "..xx", State.CANCELLED),
    ("FMCR", ".xxx", "..xx", State.CANCELLED),
    ("FRMC", ".xxx", ".x.x", State.CANCELLED),
    ("FRCM", ".xxx", ".xx.", State.CANCELLED),
    ("FCMR", ".xxx", ".x.x", State.CANCELLED),
    ("FCRM", ".xxx", ".xx.", State.CANCELLED),
]
WORDS = {
    "M": "A message was sent, but the listing was cancelled on ",
    "R": "The seller replied, but the listing was cancelled on ",
    "C": "Deal confirmed at GBP 380.00, but the listing was cancelled on ",
    "F": "The deal failed (sold to a friend), but the listing is Purchased already.",
}


def test_the_table_is_whole() -> None:
    assert len({order for order, *_ in ORDERS}) == 24


@pytest.mark.parametrize("start", [State.FOUND, State.MESSAGING])
@pytest.mark.parametrize(("order", "on_found", "on_messaging", "end"), ORDERS, ids=[row[0] for row in ORDERS])
def test_each_order(
    tell: Any, viewer: Client, start: State, order: str, on_found: str, on_messaging: str, end: State
) -> None:
    listing = make_listing(start)
    expected = on_found if start == State.FOUND else on_messaging
    for letter, mark in zip(order, expected, strict=True):
        answer = tell(KINDS[letter], listing_id=str(listing.pk), **FACTS.get(letter, {}))
        row = InboxMessage.objects.latest("id")
        assert row.subject == listing.pk
        if mark == ".":
            assert answer.status_code == 200, letter
            assert answer.json() == {"id": str(listing.pk), "state": fresh(listing).state}
            assert row.status == InboxMessage.Status.PROCESSED
        else:
            assert answer.status_code == 409, letter
            assert row.status == InboxMessage.Status.CONFLICT
            assert row.detail == answer.json()["detail"]
            assert row.detail.startswith(WORDS[letter])

    now = fresh(listing)
    assert now.state == end
    assert_consistent(listing)
    assert now.negotiated_price == now.purchase_price == (380 if end == State.PURCHASED else None)
    assert needs_attention(viewer) == [str(listing.pk)]  # each order holds something that cannot be


def assert_consistent(listing: Any) -> None:
    """Hold the row, its log and its events against each other."""
    now, states = fresh(listing), arrows(listing)
    pairs = list(itertools.pairwise(states))
    assert states[0] == State.FOUND
    assert states[-1] == now.state
    assert all((State(one), State(two)) in ARROWS for one, two in pairs)
    assert events(listing) == ["listing.created", *(f"listing.state.{state.lower()}" for state in states[1:])]
    assert list(listing.history.order_by("sequence").values_list("sequence", flat=True)) == [
        *range(1, len(states) + 1)
    ]
    assert (now.deadline_at is not None) == (now.state in (State.MESSAGING, State.NEGOTIATING))
    assert Lead.objects.filter(listing=listing).count() == (State.MESSAGING in states)
    assert OutboxMessage.objects.filter(key=str(listing.pk), topic="chatterbot.send_lead").count() <= 1


def needs_attention(client: Client) -> list[str]:
    answer = client.get("/admin/listings?needs_attention=true")
    assert answer.status_code == 200
    return [each["id"] for each in answer.json()["listings"]]


def test_who_cancelled_it_is_in_the_words(tell: Any, operator: Client) -> None:
    listing = make_listing(State.NEGOTIATING)
    path = f"/admin/listings/{listing.pk}/transition"
    operator.post(path, {"to_state": "CANCELLED", "reason": "no answer"}, content_type="application/json")
    answer = tell("deal-confirmed", listing_id=str(listing.pk), agreed_price="380.00")

    at = f"{fresh(listing).state_changed_at:%d %b %H:%M} UTC"
    words = f"Deal confirmed at GBP 380.00, but the listing was cancelled on {at} by user:ann."
    assert (answer.status_code, answer.json()) == (409, {"detail": words})
