"""What item-sold does not take: bodies that cannot be used, and callers who may not."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from django.test import Client

from integrations.models import InboxMessage
from listings.states import State
from tests.factories import dumps, make_listing, rows
from tests.selling.sales import EBAY_KEY, PATH, Tell, coherent, fresh, kept, last_inbox, sale

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]

SECRET = "whsec_" + base64.b64encode(b"what eBayLister signs with").decode()
NAN, INF = float("nan"), float("inf")
NO_AMOUNT: tuple[Any, ...] = (
    *(-1, "-0.01", "-1e-3", NAN, INF, -INF, "NaN", "Infinity", "sNaN"),
    *(1_000_000.01, "1000000.001", "1e7", "9" * 500, "1e99999"),
    *(True, False, "free", "£5", "5,00", "1_000", "0x10", "٥", [], {}, ["5"]),
)
AMOUNTS = ("sold_price", "ebay_fees", "shipping_cost")


@pytest.fixture(autouse=True)
def _keys(settings: Any, _environment: None) -> None:
    settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "ebay": [EBAY_KEY], "chatterbot": ["chatterbots-key"]}
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "1:x", "5"


def refused(tell: Tell, *bodies: Any, status: int = 422) -> list[Any]:
    """Tell each; hold that only its inbox row is written; return what each answer names."""
    before, details = rows(), []
    for body in bodies:
        answer = tell(body)
        assert answer.status_code == status, body
        assert set(answer.json()) == {"detail"}
        row = last_inbox()
        assert row.status == InboxMessage.Status.REFUSED
        assert row.raw == (body if isinstance(body, bytes) else dumps(body))
        details.append(answer.json()["detail"])
    assert rows() == before | {"InboxMessage": before["InboxMessage"] + len(bodies)}
    return details


def refused_for(tell: Tell, name: str, values: Any) -> None:
    """Tell a sale with each of the values in one field; hold that it is named, and the listing left alone."""
    listing = make_listing(State.LISTED)
    before = kept(listing)
    details = refused(tell, *(sale(listing, **{name: value}) for value in values))
    assert [set(each) for each in details] == [{name}] * len(details)
    assert kept(listing) == before


# ---- what is told -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", AMOUNTS)
def test_what_is_no_amount(tell: Tell, name: str) -> None:
    refused_for(tell, name, NO_AMOUNT)


def test_a_sale_without_a_price(tell: Tell) -> None:
    refused_for(tell, "sold_price", (..., None, "", " "))


@pytest.mark.parametrize("name", ["ebay_fees", "shipping_cost"])
def test_a_cost_that_is_left_empty_is_not_known(tell: Tell, name: str) -> None:
    listing = make_listing(State.LISTED)
    assert tell(sale(listing, **{name: " "})).status_code == 200
    assert fresh(listing).profit_is_provisional
    coherent(listing)


def test_another_currency(tell: Tell) -> None:
    refused_for(tell, "currency", ("USD", "eur", "GBPX", "£", 826, {}))


@pytest.mark.parametrize("currency", ["GBP", "gbp", None, "", ...])
def test_our_own_currency_or_none(tell: Tell, currency: Any) -> None:
    answer = tell(sale(make_listing(State.LISTED), currency=currency))
    assert answer.status_code == (422 if currency == "" else 200)


@pytest.mark.parametrize(
    ("told", "booked"),
    [
        (0, "0.00"),
        ("-0", "0.00"),
        ("0.004", "0.00"),
        ("0.005", "0.01"),
        (2.675, "2.68"),
        ("499.9949", "499.99"),
        (" 12.345 ", "12.35"),
        ("5e2", "500.00"),
        (1_000_000, "1000000.00"),
        ("1000000.00", "1000000.00"),
    ],
)
def test_the_edges_of_an_amount_are_taken_half_up(tell: Tell, told: Any, booked: str) -> None:
    listing = make_listing(State.LISTED)
    assert tell(sale(listing, sold_price=told)).status_code == 200
    assert str(fresh(listing).ebay_sold_price) == booked
    coherent(listing)


@pytest.mark.parametrize("name", ["listing_id", "sku", "order_id"])
def test_what_is_no_id(tell: Tell, name: str) -> None:
    refused_for(tell, name, (True, False, 1.5, 1e20, "x" * 65, 10**64, "11\x0055", "\ud800", [], {}, ["110"]))


def test_an_id_of_64_characters_is_one(tell: Tell) -> None:
    listing = make_listing(State.LISTED)
    assert tell(sale(listing, order_id="x" * 64)).status_code == 200
    assert fresh(listing).ebay_order_id == "x" * 64


def test_a_sale_of_nothing(tell: Tell) -> None:
    names: list[dict[str, Any]] = [{}, {"listing_id": None}, {"listing_id": "", "sku": ""}, {"sku": "  "}]
    for words in refused(tell, *({"sold_price": 5, **each} for each in names)):
        assert words == {"listing_id": ["Give listing_id or sku."]}


def ahead(**by: float) -> str:
    return (datetime.now(UTC) + timedelta(**by)).isoformat()


def test_a_time_that_is_none_or_has_not_come(tell: Tell) -> None:
    texts = ("", "yesterday", "2026-13-01T00:00:00Z", "2026-05-04T25:00:00Z", "2026-05-04T12:00:00+99:00")
    edges = (
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "2026-05-04\0",
        ahead(minutes=6),
        ahead(days=1),
    )
    refused_for(tell, "sold_at", (*texts, *edges, 1777896000, True, [], {}))


def test_clocks_may_differ_by_some_minutes(tell: Tell) -> None:
    assert tell(sale(make_listing(State.LISTED), sold_at=ahead(minutes=4))).status_code == 200


# ---- the body as a whole ------------------------------------------------------------------------


def test_what_cannot_be_read(tell: Tell) -> None:
    digits = b'{"sold_price": ' + b"9" * 5000 + b"}"
    refused(tell, b"{", b"sold!", b"\xff\xfe", b"{'sku': 1}", b"[" * 100_000, digits, status=400)


def test_what_is_no_object(tell: Tell) -> None:
    details = refused(tell, b"null", b"5", b'"sold"', b"[]", b"true", b"NaN")
    assert details == ["The body must be an object."] * 6


def test_what_is_not_json_by_its_own_word(client: Client) -> None:
    body = dumps(sale(make_listing(State.LISTED)))
    before = rows()
    answer = client.post(PATH, body, content_type="text/plain", headers={"x-api-key": EBAY_KEY})
    assert answer.status_code == 415
    assert rows() == before | {"InboxMessage": before["InboxMessage"] + 1}


def test_what_is_too_large(tell: Tell, settings: Any) -> None:
    settings.WEBHOOK_MAX_BYTES = 1000
    listing = make_listing(State.LISTED)
    before = rows()
    assert tell(sale(listing, note="x" * 1000)).status_code == 413
    assert rows() == before


def test_fields_that_nobody_knows_are_passed_over(tell: Tell) -> None:
    assert tell(sale(make_listing(State.LISTED), buyer={"name": "x"}, quantity=1)).status_code == 200


# ---- who calls ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-api-key": "unknown"}, 401),
        ({"authorization": f"Token {EBAY_KEY}"}, 401),
        ({"x-api-key": "chatterbots-key"}, 403),
        ({"authorization": "Bearer chatterbots-key"}, 403),
        ({"x-api-key": EBAY_KEY}, 200),
        ({"authorization": f"Bearer {EBAY_KEY}"}, 200),
    ],
    ids=str,
)
def test_only_ebay_lister_may(client: Client, headers: dict[str, str], status: int) -> None:
    listing = make_listing(State.LISTED)
    before = rows()
    answer = client.post(PATH, dumps(sale(listing)), content_type="application/json", headers=headers)
    assert answer.status_code == status
    assert (rows() == before) == (status != 200)


def test_ebay_listers_key_opens_no_other_webhook(client: Client) -> None:
    before = rows()
    for path in ("/webhooks/chatterbot/deal-confirmed", "/webhooks/scraper/job-complete"):
        answer = client.post(path, b"{}", content_type="application/json", headers={"x-api-key": EBAY_KEY})
        assert answer.status_code == 403
    assert rows() == before


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_only_by_post(client: Client, method: str) -> None:
    before = rows()
    assert getattr(client, method)(PATH, headers={"x-api-key": EBAY_KEY}).status_code == 405
    assert rows() == before


def signed(body: bytes, *, late: timedelta = timedelta()) -> dict[str, str]:
    at = datetime.now(UTC) + late
    signature = standardwebhooks.Webhook(SECRET).sign("msg_1", at, body.decode())
    stamp = str(int(at.timestamp()))
    return {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature}


def test_where_ebay_lister_signs_a_key_alone_is_nothing(client: Client, settings: Any) -> None:
    settings.WEBHOOK_SECRETS = {"ebay": [SECRET]}
    listing = make_listing(State.LISTED)
    body = dumps(sale(listing))
    before = rows()
    for headers, sent in (
        ({"x-api-key": EBAY_KEY}, body),
        (signed(body), body.replace(b"500.00", b"900.00")),
        (signed(body, late=timedelta(minutes=-6)), body),
    ):
        answer = client.post(PATH, sent, content_type="application/json", headers=headers)
        assert answer.status_code == 401
        assert rows() == before
    answer = client.post(PATH, body, content_type="application/json", headers=signed(body))
    assert answer.status_code == 200
    assert fresh(listing).state == State.SOLD
