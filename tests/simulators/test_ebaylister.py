"""The simulated eBayLister: one listing a sku, and the sale that follows."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from integrations.simulators import Simulators
from integrations.simulators.memory import recall, save
from integrations.simulators.sales import listed

from .conftest import Ask, time_passes
from .recorder import Recorder


def listing(**changes: Any) -> dict[str, Any]:
    """Return a listing as we send it."""
    return {
        "sku": str(uuid4()),
        "title": "Sony a6400 body only",
        "brand": "Sony",
        "model": "a6400",
        "price": {"value": "500.00", "currency": "GBP"},
        "condition": "USED_EXCELLENT",
        "description": "A camera.",
        "photos": ["https://example.org/1.jpg"],
    } | changes


@pytest.mark.parametrize("time_scale", [1.0])
def test_a_sku_is_listed_once(ask: Ask) -> None:
    body = listing()
    first = ask("ebaylister", "POST", "/listings", json=body, headers={"Idempotency-Key": "k"})
    again = ask("ebaylister", "POST", "/listings", json=body, headers={"Idempotency-Key": "k"})
    other = ask("ebaylister", "POST", "/listings", json=body, headers={"Idempotency-Key": "l"})
    assert [answer.status_code for answer in (first, again, other)] == [201, 200, 200]
    assert first.json() == again.json() == other.json()
    assert set(first.json()) == {"listing_id", "offer_id", "url"}
    assert first.json()["listing_id"].startswith("1100")
    misused = ask("ebaylister", "POST", "/listings", json=listing(), headers={"Idempotency-Key": "k"})
    assert misused.status_code == 422
    found = ask("ebaylister", "GET", f"/listings?sku={body['sku']}").json()["listings"]
    assert [offer["sku"] for offer in found] == [body["sku"]]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "x" * 81}, "title"),
        ({"sku": ""}, "sku"),
        ({"price": 500.0}, "price"),
        ({"price": {"value": 500.0, "currency": "GBP"}}, "price"),
        ({"price": {"value": "500.001", "currency": "GBP"}}, "price"),
        ({"price": {"value": "NaN", "currency": "GBP"}}, "price"),
        ({"price": {"value": "0.00", "currency": "GBP"}}, "price"),
        ({"price": {"value": "5.00", "currency": "USD"}}, "price"),
        ({"photos": []}, "photos"),
        ({"photos": ["/media/1.jpg"]}, "photos"),
        ({"brand": None}, "brand"),
    ],
)
def test_a_wrong_listing_names_its_field(ask: Ask, changes: dict[str, Any], field: str) -> None:
    answer = ask("ebaylister", "POST", "/listings", json=listing(**changes))
    assert answer.status_code == 422
    assert list(answer.json()["detail"]) == [field]


@pytest.mark.parametrize("time_scale", [1.0])
def test_a_listing_can_be_read_changed_and_ended(ask: Ask) -> None:
    one = f"/listings/{ask('ebaylister', 'POST', '/listings', json=listing()).json()['listing_id']}"
    assert ask("ebaylister", "GET", one).json()["status"] == "active"
    cheaper = {"price": {"value": "450", "currency": "GBP"}}
    assert ask("ebaylister", "PATCH", one, json=cheaper).json()["price"]["value"] == "450.00"
    assert ask("ebaylister", "PATCH", one, json={"title": ""}).status_code == 422
    assert ask("ebaylister", "DELETE", one).status_code == 204
    assert ask("ebaylister", "DELETE", one).status_code == 204
    assert ask("ebaylister", "GET", one).json()["status"] == "ended"
    assert ask("ebaylister", "PATCH", one, json=cheaper).status_code == 409
    assert ask("ebaylister", "GET", "/listings/1").status_code == 404


def test_a_sale_is_told_with_everything(
    sims: Simulators, ask: Ask, orchestrator: Recorder, switch: Any
) -> None:
    switch("ebaylister", outcome="sold")
    body = listing()
    made = ask("ebaylister", "POST", "/listings", json=body).json()
    call = orchestrator.wait(1)[0]
    assert call.path == "/webhooks/ebay/item-sold"
    assert call.header("Authorization") == f"Bearer {sims.keys.ebay_webhook_key}"
    sale = call.json
    assert (sale["listing_id"], sale["sku"]) == (made["listing_id"], body["sku"])
    assert Decimal(400) < Decimal(sale["sold_price"]) <= Decimal(500)
    assert sale["ebay_fees"] == str(
        (Decimal(sale["sold_price"]) * Decimal("0.128") + Decimal("0.3")).quantize(Decimal("0.01"))
    )
    assert {"shipping_cost", "sold_at", "order_id"} < set(sale)
    assert len(orchestrator.quiet()) == 1
    one = f"/listings/{made['listing_id']}"
    shown = ask("ebaylister", "GET", one).json()
    assert shown["status"] == "sold"
    assert shown["sale"] == {name: sale[name] for name in sale if name not in ("listing_id", "sku")}
    assert ask("ebaylister", "DELETE", one).status_code == 409


def test_a_fee_can_follow_for_the_same_order(ask: Ask, orchestrator: Recorder, switch: Any) -> None:
    switch("ebaylister", outcome="late_fee")
    ask("ebaylister", "POST", "/listings", json=listing())
    first, second = (call.json for call in orchestrator.wait(2))
    assert "ebay_fees" not in first
    assert second == first | {"ebay_fees": second["ebay_fees"]}
    shown = ask("ebaylister", "GET", f"/listings/{first['listing_id']}").json()
    assert shown["sale"]["ebay_fees"] == second["ebay_fees"]


def test_a_film_camera_must_name_its_format(ask: Ask, switch: Any) -> None:
    film = listing(title="Canon AE-1 film camera")
    answer = ask("ebaylister", "POST", "/listings", json=film)
    assert answer.status_code == 422
    assert answer.json()["detail"]["description"][0].startswith("The item specific Film Format is missing")
    switch("ebaylister", outcome="rejected")
    assert ask("ebaylister", "POST", "/listings", json=listing()).status_code == 422
    mended = film | {"description": "Film Format: 35 mm"}
    assert ask("ebaylister", "POST", "/listings", json=mended).status_code == 201


def test_some_never_sell(ask: Ask, orchestrator: Recorder, switch: Any) -> None:
    switch("ebaylister", outcome="unsold", times=1)
    ask("ebaylister", "POST", "/listings", json=listing())
    assert orchestrator.quiet() == []


@pytest.mark.parametrize("time_scale", [1.0])
def test_an_ended_listing_does_not_sell(
    sims: Simulators, ask: Ask, orchestrator: Recorder, switch: Any
) -> None:
    switch("ebaylister", outcome="sold")
    body = listing()
    made = ask("ebaylister", "POST", "/listings", json=body).json()
    ask("ebaylister", "POST", "/listings", json=body | {"sku": "another"})
    assert ask("ebaylister", "DELETE", f"/listings/{made['listing_id']}").status_code == 204
    time_passes(sims.world)
    orchestrator.wait(1)
    assert [call.json["sku"] for call in orchestrator.quiet()] == ["another"]


def test_an_offer_still_sells_after_a_restart(
    ask: Ask, orchestrator: Recorder, switch: Any, sims: Simulators, tmp_path: Path
) -> None:
    sims.world.time_scale = 1.0
    switch("ebaylister", outcome="sold")
    made = ask("ebaylister", "POST", "/listings", json=listing()).json()
    save(tmp_path / "kept.json", sims.partners)
    with Simulators(orchestrator.url, time_scale=60_000.0) as restarted:
        recall(tmp_path / "kept.json", restarted.partners)
        assert orchestrator.wait(1)[0].json["listing_id"] == made["listing_id"]


def test_a_fee_still_follows_after_a_restart(
    ask: Ask, orchestrator: Recorder, switch: Any, sims: Simulators, tmp_path: Path
) -> None:
    switch("ebaylister", outcome="late_fee", callback_before_answer=True)
    sims.world.time_scale = 1.0
    ask("ebaylister", "POST", "/listings", json=listing())
    save(tmp_path / "kept.json", sims.partners)
    with Simulators(orchestrator.url, time_scale=60_000.0) as restarted:
        recall(tmp_path / "kept.json", restarted.partners)
        sale, again = (call.json for call in orchestrator.wait(2))
        assert again == sale | {"ebay_fees": again["ebay_fees"]}
        assert len(orchestrator.quiet()) == 2


def test_the_sale_can_come_before_the_answer_and_twice(ask: Ask, orchestrator: Recorder, switch: Any) -> None:
    switch("ebaylister", outcome="sold", callback_before_answer=True, callback_twice=True, times=1)
    ask("ebaylister", "POST", "/listings", json=listing())
    assert len(orchestrator.calls) == 2
    assert orchestrator.calls[0].json == orchestrator.calls[1].json


@pytest.mark.parametrize("time_scale", [1.0])
def test_a_sale_can_be_ordered(ask: Ask, orchestrator: Recorder) -> None:
    body = listing()
    ask("ebaylister", "POST", "/listings", json=body)
    order = {"act": "item-sold", "sku": body["sku"], "sold_price": "480.00", "order_id": "1-2-3"}
    assert ask("ebaylister", "POST", "/_act", json=order).json()["status"] == 200
    assert (orchestrator.calls[0].json["sold_price"], orchestrator.calls[0].json["order_id"]) == (
        "480.00",
        "1-2-3",
    )
    assert ask("ebaylister", "POST", "/_act", json={"act": "item-sold", "sku": "x"}).status_code == 400


def test_strangers_and_other_things_are_refused(ask: Ask) -> None:
    assert ask("ebaylister", "POST", "/listings", headers={"Authorization": "Bearer no"}).status_code == 401
    assert ask("ebaylister", "GET", "/else").status_code == 404
    assert ask("ebaylister", "PUT", "/listings").status_code == 405
    assert ask("ebaylister", "POST", "/listings", data="x").status_code == 415
    wrong = ask("ebaylister", "POST", "/listings", data="{", headers={"Content-Type": "application/json"})
    assert wrong.status_code == 400
    assert ask("ebaylister", "POST", "/listings", json=[]).status_code == 422


def test_how_it_goes_follows_from_what_is_offered() -> None:
    offers = [listed(listing(title=f"Camera {number}")) for number in range(200)]
    again = [listed(listing(title=f"Camera {number}")) for number in range(200)]
    assert [offer.outcome for offer in offers] == [offer.outcome for offer in again]
    assert {offer.outcome for offer in offers} == {"sold", "late_fee", "unsold"}
