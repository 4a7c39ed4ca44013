"""One camera from FOUND to SOLD through the API; its row, its history and its events tell one story."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from integrations.models import OutboxMessage
from listings.models import ProductListing, TransitionLog
from listings.states import ENTERED_AT, State
from tests.factories import make_listing, rows

pytestmark = pytest.mark.django_db

STEPS: list[tuple[State, dict[str, Any]]] = [
    (State.MESSAGING, {"reason": "looks good"}),
    (State.NEGOTIATING, {}),
    (State.PURCHASED, {"purchase_price": "350.005", "shipping_cost": 8.5}),
    (State.RECEIVED, {"reason": None}),
    (State.LISTED, {"ebay_listing_id": "110123", "ebay_asking_price": 499}),
    (State.SOLD, {"ebay_sold_price": "500.00", "ebay_fees": "60", "shipping_cost": "4", "reason": "sold 🎉"}),
]


@pytest.fixture
def walked(operator: Client) -> tuple[ProductListing, list[dict[str, Any]]]:
    """A listing at its end, and the API's answer to each step."""
    listing = make_listing()
    answers = []
    for to, facts in STEPS:
        answer = operator.post(
            f"/admin/listings/{listing.pk}/transition",
            {"to_state": to, **facts},
            content_type="application/json",
        )
        assert answer.status_code == 200, answer.content
        answers.append(answer.json())
    return ProductListing.objects.get(), answers


def test_each_answer_is_the_listing_in_its_new_state(
    walked: tuple[ProductListing, list[dict[str, Any]]], operator: Client
) -> None:
    listing, answers = walked
    assert [answer["state"] for answer in answers] == [to for to, _ in STEPS]
    for answer in answers:
        assert (
            answer[ENTERED_AT[State(answer["state"])]] == answer["state_changed_at"] == answer["updated_at"]
        )
        assert (answer["deadline_at"] is not None) == (answer["state"] in ("MESSAGING", "NEGOTIATING"))
    assert operator.get(f"/admin/listings/{listing.pk}").json() == answers[-1]


def test_the_money_is_to_the_penny(walked: tuple[ProductListing, list[dict[str, Any]]]) -> None:
    listing, answers = walked
    assert (listing.purchase_price, listing.shipping_cost) == (Decimal("350.01"), Decimal("12.50"))
    assert listing.final_profit == Decimal("77.49")
    assert answers[-1]["final_profit"] == "77.49"
    assert answers[-1]["profit_is_provisional"] is False
    assert (answers[-1]["ebay_listing_id"], answers[-1]["ebay_asking_price"]) == ("110123", "499.00")


def test_history_row_and_events_agree(
    walked: tuple[ProductListing, list[dict[str, Any]]], operator: Client
) -> None:
    listing, _ = walked
    page = operator.get(f"/admin/listings/{listing.pk}/history").json()
    events = OutboxMessage.objects.filter(key=str(listing.pk), channel="events").order_by("id")
    logs = list(TransitionLog.objects.order_by("sequence"))

    assert page["listing_id"] == str(listing.pk)
    history = page["history"]
    states = [State.FOUND, *(to for to, _ in STEPS)]
    assert [entry["to_state"] for entry in history] == states
    assert [entry["from_state"] for entry in history] == [None, *states[:-1]]
    assert [entry["triggered_by"] for entry in history] == ["scraper"] + ["user:ann"] * 6
    assert [entry["metadata"].get("reason") for entry in history] == [
        None, "looks good", None, None, None, None, "sold 🎉"
    ]  # fmt: skip
    assert [log.sequence for log in logs] == list(range(1, 8))
    assert listing.version == 7

    assert [event.topic for event in events] == [
        "listing.created",
        *(f"listing.state.{to.lower()}" for to, _ in STEPS),
    ]
    for log, event, entry in zip(logs, events, history, strict=True):
        assert log.event_id == event.event_id
        assert log.transitioned_at == event.created_at == getattr(listing, ENTERED_AT[State(log.to_state)])
        assert datetime.fromisoformat(entry["transitioned_at"]) == log.transitioned_at
        if log.from_state:
            assert event.body == {
                "listing_id": str(listing.pk),
                "from_state": log.from_state,
                "to_state": log.to_state,
                "triggered_by": "user:ann",
                "reason": log.metadata.get("reason"),
                **({"final_profit": "77.49"} if log.to_state == "SOLD" else {}),
            }
    assert [log.transitioned_at for log in logs] == sorted(log.transitioned_at for log in logs)


def post(client: Client, listing: ProductListing, **body: Any) -> Any:
    return client.post(f"/admin/listings/{listing.pk}/transition", body, content_type="application/json")


REFUSED: dict[str, tuple[State, dict[str, Any], str]] = {
    "no state": (State.FOUND, {"reason": "x"}, "to_state"),
    "an unknown state": (State.FOUND, {"to_state": "GONE"}, "to_state"),
    "a state in lower case": (State.FOUND, {"to_state": "messaging"}, "to_state"),
    "a list of states": (State.FOUND, {"to_state": ["MESSAGING"]}, "to_state"),
    "a price for MESSAGING": (State.FOUND, {"to_state": "MESSAGING", "purchase_price": 1}, "purchase_price"),
    "a sold price for PURCHASED": (
        State.NEGOTIATING, {"to_state": "PURCHASED", "ebay_sold_price": 1}, "ebay_sold_price",
    ),
    **{
        f"a purchase price of {value!r}": (
            State.NEGOTIATING, {"to_state": "PURCHASED", "purchase_price": value}, "purchase_price",
        )
        for value in (-1, "-0.01", 1_000_001, "1e9", "NaN", "Infinity", True, [], "much", 10**400, "1" * 5000)
    },
    "an eBay id over 64": (
        State.RECEIVED, {"to_state": "LISTED", "ebay_listing_id": "1" * 65}, "ebay_listing_id",
    ),
    "an eBay id with NUL": (
        State.RECEIVED, {"to_state": "LISTED", "ebay_listing_id": "1\0"}, "ebay_listing_id",
    ),
    "an empty eBay id": (State.RECEIVED, {"to_state": "LISTED", "ebay_listing_id": ""}, "ebay_listing_id"),
    "a reason over 1,000": (State.FOUND, {"to_state": "MESSAGING", "reason": "x" * 1001}, "reason"),
    "a reason with NUL": (State.FOUND, {"to_state": "MESSAGING", "reason": "x\0"}, "reason"),
    "a reason that is no text": (State.FOUND, {"to_state": "MESSAGING", "reason": {}}, "reason"),
}  # fmt: skip


@pytest.mark.parametrize(("origin", "body", "field"), REFUSED.values(), ids=REFUSED)
def test_a_step_that_is_told_wrongly_is_422_and_changes_nothing(
    operator: Client, origin: State, body: dict[str, Any], field: str
) -> None:
    listing, before = make_listing(origin), rows()
    answer = post(operator, listing, **body)
    assert answer.status_code == 422
    assert field in answer.json()["detail"]
    assert rows() == before
    after = ProductListing.objects.get()
    assert (after.state, after.updated_at, after.purchase_price) == (
        origin, listing.updated_at, listing.purchase_price
    )  # fmt: skip


def test_what_is_not_told_is_never_guessed(operator: Client) -> None:
    listing = make_listing(State.NEGOTIATING)
    bought = post(operator, listing, to_state="PURCHASED", purchase_price=None).json()
    assert (bought["purchase_price"], bought["negotiated_price"], bought["shipping_cost"]) == (None,) * 3
    post(operator, listing, to_state="RECEIVED")
    post(operator, listing, to_state="LISTED", ebay_listing_id="110")
    sold = post(operator, listing, to_state="SOLD").json()
    assert (sold["final_profit"], sold["profit_is_provisional"]) == (None, True)


def test_the_asking_price_on_ebay_is_the_price_and_the_estimate(operator: Client) -> None:
    listing = make_listing(State.RECEIVED, price=400, potential_profit=99.5)
    assert (
        post(operator, listing, to_state="LISTED", ebay_listing_id="1").json()["ebay_asking_price"]
        == "499.50"
    )


@pytest.mark.parametrize("unknown", [{"price": None}, {"potential_profit": None}])
def test_without_a_price_or_an_estimate_one_must_be_told(operator: Client, unknown: dict[str, Any]) -> None:
    listing = make_listing(State.RECEIVED, **unknown)
    answer = post(operator, listing, to_state="LISTED", ebay_listing_id="1")
    assert (answer.status_code, list(answer.json()["detail"])) == (422, ["ebay_asking_price"])
    answer = post(operator, listing, to_state="LISTED", ebay_listing_id="1", ebay_asking_price=0)
    assert (answer.status_code, answer.json()["ebay_asking_price"]) == (200, "0.00")


def test_one_ebay_listing_is_one_camera(operator: Client) -> None:
    other = make_listing(State.LISTED)
    listing, before = make_listing(State.RECEIVED), rows()
    answer = post(operator, listing, to_state="LISTED", ebay_listing_id=other.ebay_listing_id)
    assert answer.status_code == 422
    assert other.short_code in str(answer.json()["detail"]["ebay_listing_id"])
    assert rows() == before
    assert ProductListing.objects.get(pk=listing.pk).state == "RECEIVED"
