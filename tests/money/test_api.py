"""The ledger by API: what it says, what it takes, and what it refuses without writing anything."""

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from listings import lifecycle
from listings.models import LedgerLine, ProductListing
from listings.states import State
from tests.factories import make_listing, rows, staff, token

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def call() -> Any:
    """Call the API as a program of an operator."""
    client, headers = Client(), token(staff("ann", group="Operators"))

    def send(path: str, body: Any = None, *, method: str = "post") -> Any:
        url = f"/admin/listings/{path}"
        if method == "get":
            return client.get(url, headers=headers)
        return client.post(url, body, content_type="application/json", headers=headers)

    return send


def line_of(listing: ProductListing, kind: str) -> LedgerLine:
    return LedgerLine.objects.get(listing=listing, kind=kind, corrects=None)


def test_the_whole_story(call: Any) -> None:
    listing = make_listing(State.SOLD)
    path = f"{listing.pk}/ledger"
    booked = call(path, {"kind": "repairs", "amount": 12.345, "date": "2026-01-31", "note": "sensor"})
    assert booked.status_code == 201
    line = booked.json()
    assert {name: line[name] for name in ("kind", "amount", "date", "note", "by", "corrects")} == {
        "kind": "repairs",
        "amount": "12.35",
        "date": "2026-01-31",
        "note": "sensor",
        "by": "user:ann",
        "corrects": None,
    }
    corrected = call(f"{path}/{line['id']}/correct", {"amount": "10", "note": "less"})
    assert (corrected.status_code, corrected.json()["amount"]) == (201, "-2.35")
    assert corrected.json()["corrects"] == line["id"]
    refunded = call(f"{listing.pk}/refund/", {"amount": "20.00", "note": "scratch", "returned": True})
    assert (refunded.status_code, refunded.json()["kind"]) == (201, "refund")

    answer = call(path, method="get").json()
    assert answer["listing_id"] == str(listing.pk)
    kinds = ["purchase", "sale", "ebay_fees", "postage_out", "repairs", "repairs", "refund"]
    assert sorted(row["kind"] for row in answer["lines"]) == sorted(kinds)
    assert [row["id"] for row in answer["lines"]] == sorted(row["id"] for row in answer["lines"])
    assert answer["totals"] == {
        "purchase": "350.00",
        "sale": "500.00",
        "ebay_fees": "60.00",
        "postage_out": "10.00",
        "repairs": "10.00",
        "refund": "20.00",
    }
    assert (answer["final_profit"], answer["profit_is_provisional"]) == ("50.00", False)
    assert call(str(listing.pk), method="get").json()["final_profit"] == "50.00"


BAD: list[tuple[str, Any, str]] = [
    ("ledger", {"kind": "sale", "amount": 1}, "kind"),
    ("ledger", {"kind": "refund", "amount": 1}, "kind"),
    ("ledger", {"kind": "tip", "amount": 1}, "kind"),
    ("ledger", {"kind": ["other"], "amount": 1}, "kind"),
    ("ledger", {"amount": 1}, "kind"),
    ("ledger", {"kind": "other"}, "amount"),
    ("ledger", {"kind": "other", "amount": None}, "amount"),
    ("ledger", {"kind": "other", "amount": -0.01}, "amount"),
    ("ledger", {"kind": "other", "amount": "NaN"}, "amount"),
    ("ledger", {"kind": "other", "amount": "1e400"}, "amount"),
    ("ledger", {"kind": "other", "amount": True}, "amount"),
    ("ledger", {"kind": "other", "amount": "£5"}, "amount"),
    ("ledger", {"kind": "other", "amount": 1_000_000.01}, "amount"),
    ("ledger", {"kind": "other", "amount": 1, "currency": "EUR"}, "currency"),
    ("ledger", {"kind": "other", "amount": 1, "date": "2999-01-01"}, "date"),
    ("ledger", {"kind": "other", "amount": 1, "date": "1999-12-31"}, "date"),
    ("ledger", {"kind": "other", "amount": 1, "date": "31.01.2026"}, "date"),
    ("ledger", {"kind": "other", "amount": 1, "date": 20260131}, "date"),
    ("ledger", {"kind": "other", "amount": 1, "note": "x" * 501}, "note"),
    ("ledger", {"kind": "other", "amount": 1, "by": "user:ben"}, "by"),
    ("ledger/{line}/correct", {"amount": 1}, "note"),
    ("ledger/{line}/correct", {"amount": 1, "note": "  "}, "note"),
    ("ledger/{line}/correct", {"amount": 350, "note": "same"}, "amount"),
    ("ledger/{line}/correct", {"amount": -1, "note": "x"}, "amount"),
    ("refund", {"amount": 500.01, "note": "x", "returned": False}, "amount"),
    ("refund", {"amount": 0, "note": "x", "returned": False}, "amount"),
    ("refund", {"amount": 1, "note": "x"}, "returned"),
    ("refund", {"amount": 1, "note": "x", "returned": "perhaps"}, "returned"),
    ("refund", {"amount": 1, "returned": True}, "note"),
]


@pytest.mark.parametrize(("path", "body", "field"), BAD)
def test_what_is_wrong_is_named_and_nothing_is_written(call: Any, path: str, body: Any, field: str) -> None:
    listing = make_listing(State.SOLD)
    before = rows()
    answer = call(f"{listing.pk}/{path.format(line=line_of(listing, 'purchase').pk)}", body)
    assert (answer.status_code, list(answer.json()["detail"])) == (422, [field])
    assert rows() == before


@pytest.mark.parametrize("body", [[], "x", 5])
def test_a_body_of_another_shape(call: Any, body: Any) -> None:
    listing = make_listing(State.SOLD)
    before = rows()
    assert call(f"{listing.pk}/ledger", json.dumps(body)).status_code == 422
    assert call(f"{listing.pk}/ledger", b"{").status_code == 400
    assert rows() == before


def test_nothing_is_booked_on_what_was_not_bought(call: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    answer = call(f"{listing.pk}/ledger", {"kind": "other", "amount": 1})
    assert (answer.status_code, answer.json()) == (
        422,
        {"detail": "Nothing was bought, so nothing was spent."},
    )
    assert call(f"{listing.pk}/refund", {"amount": 1, "note": "x", "returned": False}).status_code == 422
    assert not LedgerLine.objects.exists()


def test_a_cancelled_purchase_still_costs(call: Any) -> None:
    listing = make_listing(State.PURCHASED)
    lifecycle.cancel(listing.pk, by="user:ann", reason="never sent")
    assert call(f"{listing.pk}/ledger", {"kind": "other", "amount": "3"}).status_code == 201


def test_what_is_not_there(call: Any) -> None:
    listing, other = make_listing(State.SOLD), make_listing(State.SOLD)
    line, body = line_of(other, "purchase"), {"amount": 1, "note": "x"}
    for path in (f"{uuid4()}/ledger", "ledger"):
        assert call(path, method="get").status_code == 404
    assert call(f"{uuid4()}/ledger", {"kind": "other", "amount": 1}).status_code == 404
    assert call(f"{uuid4()}/refund", {**body, "returned": True}).status_code == 404
    for number in (line.pk, 0, 10**30):
        assert call(f"{listing.pk}/ledger/{number}/correct", body).status_code == 404


def test_who_may() -> None:
    listing = make_listing(State.SOLD)
    line = line_of(listing, "purchase")
    paths = [f"ledger/{line.pk}/correct", "ledger", "refund"]
    client, before = Client(), LedgerLine.objects.count()

    def statuses(headers: dict[str, str]) -> list[int]:
        read = client.get(f"/admin/listings/{listing.pk}/ledger", headers=headers).status_code
        return [
            read,
            *(
                client.post(
                    f"/admin/listings/{listing.pk}/{path}",
                    {},
                    content_type="application/json",
                    headers=headers,
                ).status_code
                for path in paths
            ),
        ]

    assert statuses({}) == [401] * 4
    assert statuses(token(staff("sam"))) == [403] * 4
    assert statuses(token(staff("vera", group="Viewers"))) == [200, 403, 403, 403]
    assert statuses(token(staff("ann", group="Operators"))) == [200, 422, 422, 422]
    assert LedgerLine.objects.count() == before
