"""Rules that approve by themselves: tried first, then switched on."""

from decimal import Decimal
from typing import Any

import pytest

from integrations.ids import uuid7
from listings import lifecycle, outreach
from listings.models import Approval, OutreachRule, OutreachSettings, ProductListing
from listings.states import State
from tests.factories import make_listing, rows

pytestmark = pytest.mark.django_db


def rule(**changes: Any) -> OutreachRule:
    facts = {"name": f"r{uuid7().hex[-8:]}", "min_confidence": 0, "min_net_estimate": -1000, **changes}
    return OutreachRule.objects.create(**facts)


def let_through(**changes: Any) -> list[Any]:
    return list(outreach.matching(rule(**changes)).values_list("pk", flat=True))


def other_product() -> ProductListing:
    product = {"id": 31, "brand": "Canon", "model": "EOS R", "full_name": "Canon EOS R"}
    return make_listing(product=product, price=200.0, potential_profit=150.0, confidence=85)


def test_a_rule_can_be_tried_before_it_is_on() -> None:
    listing = make_listing()
    OutreachSettings.load()
    trial = rule(min_confidence=95, min_net_estimate=Decimal("27.50"), max_price=400)
    before = rows()
    assert [each.pk for each in outreach.matching(trial)] == [listing.pk]
    assert outreach.apply_rules() == 0  # it is off
    assert rows() == before

    OutreachRule.objects.update(active=True)
    assert (outreach.apply_rules(), outreach.apply_rules()) == (1, 0)
    assert Approval.objects.get().approved_by == f"rule:{trial.name}"
    assert outreach.run() == [listing.pk]
    assert listing.history.latest("sequence").triggered_by == f"rule:{trial.name}"


@pytest.mark.parametrize("brand", ["Canon", "canon", "CANON", "cAnOn"])
def test_a_brand_regardless_of_case(brand: str) -> None:
    make_listing()
    canon = other_product()
    assert let_through(brand=brand) == [canon.pk]


def test_a_product() -> None:
    sony, canon = make_listing(), other_product()
    assert let_through(product_id=31) == [canon.pk]
    assert let_through(product_id=230) == [sony.pk]
    assert let_through(product_id=31, brand="Sony") == []
    assert set(let_through()) == {sony.pk, canon.pk}


@pytest.mark.parametrize(
    ("limit", "within"),
    [
        ({"min_confidence": 95}, True),
        ({"min_confidence": Decimal("95.01")}, False),
        ({"min_net_estimate": Decimal("27.50")}, True),
        ({"min_net_estimate": Decimal("27.51")}, False),
        ({"max_price": 400}, True),
        ({"max_price": Decimal("399.99")}, False),
        ({"max_price": 0}, False),
    ],
)
def test_each_limit(limit: dict[str, Any], within: bool) -> None:
    make_listing(price=400, potential_profit=100, confidence=95)
    assert bool(let_through(**limit)) == within


def test_the_best_are_shown_first() -> None:
    lesser, better = make_listing(potential_profit=90), make_listing(potential_profit=120)
    assert let_through() == [better.pk, lesser.pk]


@pytest.mark.parametrize("unknown", [{"price": None}, {"potential_profit": None}])
def test_what_is_not_known_passes_no_rule(unknown: dict[str, Any]) -> None:
    make_listing(**unknown)
    assert let_through() == []


def test_only_what_is_found() -> None:
    for state in State:
        if state != State.FOUND:
            make_listing(state)
    assert let_through() == []


def test_a_rule_does_not_take_over_what_a_person_approved() -> None:
    listing = make_listing()
    outreach.approve(listing.pk, by="user:ann")
    rule(active=True)
    assert outreach.apply_rules() == 0
    assert Approval.objects.get().approved_by == "user:ann"


def test_the_rules_run_with_the_queue_and_keep_its_limits() -> None:
    rule(active=True)
    listings = [make_listing() for _ in range(7)]
    lifecycle.cancel(listings[0].pk, by="user:ann")
    assert len(outreach.run()) == 5
    assert len(outreach.summary()["waiting"]) == 1


def test_a_rule_does_not_put_back_what_staff_took_out() -> None:
    listing = make_listing()
    OutreachRule.objects.create(name="all", min_confidence=0, min_net_estimate=-1000, active=True)
    assert outreach.apply_rules() == 1
    assert outreach.withdraw(listing.pk)
    assert not outreach.withdraw(listing.pk)
    assert outreach.run() == []
    assert outreach.summary()["waiting"] == []

    outreach.approve(listing.pk, by="user:ann")
    assert outreach.run() == [listing.pk]
    assert listing.history.latest("sequence").triggered_by == "user:ann"
