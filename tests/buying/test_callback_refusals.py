"""Bad input on the callbacks: a 4xx that names its field, kept in the inbox as refused, and nothing else written."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.models import InboxMessage
from listings.models import ProductListing
from listings.states import State
from tests.buying.conftest import last_inbox, stranger
from tests.factories import dumps, make_listing, rows

pytestmark = pytest.mark.django_db

KINDS = ["message-sent", "seller-replied", "deal-confirmed", "deal-failed"]
MEGABYTE = "x" * 2**20


def refused(tell: Any, kind: str, body: bytes, *, status: int = 422) -> Any:
    """Tell it, hold that nothing came of it but an inbox row, and return the answer's detail."""
    before, was = rows(), list(ProductListing.objects.values())
    answer = tell(kind, body)

    assert answer.status_code == status
    assert set(answer.json()) == {"detail"}
    row = last_inbox()
    assert (row.status, row.raw) == (InboxMessage.Status.REFUSED, body)
    assert row.detail
    after = rows()
    assert after.pop("InboxMessage") == before.pop("InboxMessage") + 1
    assert after == before
    assert list(ProductListing.objects.values()) == was
    return answer.json()["detail"]


PRICES: list[Any] = [
    -1,
    "-0.01",
    -0.001,
    "1,000",
    "1_000",
    "1.000,00",
    "£380",
    "380 GBP",
    "380 EUR",
    "٣٨٠",
    "NaN",
    "sNaN",
    "Infinity",
    "1e30",
    1e30,
    "1e400",
    10**20,
    1_000_001,
    "",
    " ",
    None,
    True,
    [380],
    {"value": "380.00", "currency": "GBP"},
    "9" * 2000,
    "380\u0000",
    "38\ud8000",
]


@pytest.mark.parametrize("price", PRICES, ids=lambda price: ascii(price)[:20])
@pytest.mark.parametrize("field", ["agreed_price", "shipping_cost"])
def test_a_price_that_is_none(tell: Any, field: str, price: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    told = {"listing_id": str(listing.pk), "agreed_price": "380.00", field: price}
    if field == "shipping_cost" and price in (None, "", " "):
        assert tell("deal-confirmed", **told).status_code == 200  # not known
        return
    assert set(refused(tell, "deal-confirmed", dumps(told))) == {field}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1e30", "-1e-9"])
def test_a_number_that_is_no_amount(tell: Any, number: str) -> None:
    listing = make_listing(State.NEGOTIATING)
    body = b'{"listing_id": "%s", "agreed_price": %s}' % (str(listing.pk).encode(), number.encode())
    assert set(refused(tell, "deal-confirmed", body)) == {"agreed_price"}


def test_a_deal_without_a_price(tell: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    assert set(refused(tell, "deal-confirmed", dumps({"listing_id": str(listing.pk)}))) == {"agreed_price"}


@pytest.mark.parametrize("price", [380, 380.0, "380", "380.00", " 380.00 ", "3.8e2", "+380", "380."])
def test_a_price_in_each_way_that_it_may_be_written(tell: Any, price: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    assert tell("deal-confirmed", listing_id=str(listing.pk), agreed_price=price).status_code == 200
    assert ProductListing.objects.get().negotiated_price == 380


@pytest.mark.parametrize(("price", "kept"), [("380.005", "380.01"), (380.004, "380.00"), ("0", "0.00")])
def test_a_price_is_rounded_once_half_up(tell: Any, price: Any, kept: str) -> None:
    listing = make_listing(State.NEGOTIATING)
    for _ in range(2):  # the same again is no other price
        assert tell("deal-confirmed", listing_id=str(listing.pk), agreed_price=price).status_code == 200
    assert str(ProductListing.objects.get().negotiated_price) == kept


FIELDS: list[tuple[str, Any]] = [
    *[("listing_id", value) for value in ("", "12", 5, True, 1.5, [], {}, "\u0000", "\ud800", MEGABYTE)],
    *[("order_id", value) for value in (-1, 2**31, 10**30, "five", 1.5, True, [], {}, MEGABYTE)],
    *[
        ("occurred_at", value)
        for value in ("yesterday", 5, True, [], "9999-12-31T23:59:59-12:00", "0001-01-01")
    ],
    *[("currency", value) for value in ("USD", "EUR", "pounds", "£", [], True)],
    *[
        (name, value)
        for name in ("conversation_thread_id", "seller_messenger_id", "message")
        for value in (MEGABYTE, [], {}, True, "a\u0000b", "a\ud800b")
    ],
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("field", "value"), FIELDS, ids=lambda value: ascii(value)[:16])
def test_a_field_that_is_none(tell: Any, kind: str, field: str, value: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    told = {"listing_id": str(listing.pk), "agreed_price": 380, field: value}
    assert set(refused(tell, kind, dumps(told))) == {field}


@pytest.mark.parametrize("reason", [MEGABYTE, [], True, "a\u0000b", "a\udfffb"], ids=lambda it: ascii(it)[:9])
def test_a_reason_that_is_none(tell: Any, reason: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    assert set(refused(tell, "deal-failed", dumps({"listing_id": str(listing.pk), "reason": reason}))) == {
        "reason"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_time_in_the_future(tell: Any, kind: str) -> None:
    listing = make_listing(State.NEGOTIATING)
    later = {"listing_id": str(listing.pk), "agreed_price": 380}
    at = datetime.now(UTC)
    told = {**later, "occurred_at": (at + timedelta(minutes=10)).isoformat()}
    assert refused(tell, kind, dumps(told)) == {"occurred_at": ["Lies in the future."]}
    skewed = {**later, "occurred_at": (at + timedelta(minutes=4)).isoformat()}
    assert tell(kind, **skewed).status_code == 200  # clocks differ


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_names_nothing(tell: Any, kind: str) -> None:
    for told in ({}, {"listing_id": None, "order_id": None}):
        assert "listing_id" in refused(tell, kind, dumps({**told, "agreed_price": 380}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [b"[]", b'"x"', b"5", b"null", b"[" * 500 + b"]" * 500])
def test_a_body_that_is_no_object(tell: Any, kind: str, body: bytes) -> None:
    assert refused(tell, kind, body) == "The body must be an object."


@pytest.mark.parametrize(
    "body", [b" ", b"{", b"\xff\xfe", b"[" * 200_000, b'{"agreed_price": ' + b"9" * 9999 + b"}"]
)
def test_a_body_that_cannot_be_read(tell: Any, body: bytes) -> None:
    refused(tell, "deal-confirmed", body, status=400)


def test_a_form_is_no_json(client: Any, settings: Any) -> None:
    key = settings.WEBHOOK_KEYS["chatterbot"][0]
    path = "/webhooks/chatterbot/seller-replied"
    answer = client.post(path, {"listing_id": stranger()}, headers={"x-api-key": key})
    assert answer.status_code == 415
    assert last_inbox().status == InboxMessage.Status.REFUSED


def test_what_is_refused_stays_so(tell: Any) -> None:
    from integrations.tasks import process_inbox

    refused(tell, "seller-replied", dumps({"listing_id": "12"}))
    assert process_inbox() == 0


def test_the_id_of_a_listing_that_nobody_knows_is_no_error(tell: Any) -> None:
    assert tell("seller-replied", listing_id=str(uuid.uuid4())).status_code == 202
