"""Outreach rules and limits: edited by those who may, and a rule is tried before it is switched on."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from listings import outreach
from listings.models import Approval, OutreachRule, OutreachSettings
from tests.backoffice.pages import said
from tests.backoffice_buying.conftest import LIMITS, LISTINGS, QUEUE, RULES, nothing_written
from tests.factories import make_listing

pytestmark = pytest.mark.django_db

GOOD = {
    "name": "Sonys",
    "brand": "Sony",
    "product_id": "230",
    "min_confidence": "92.5",
    "min_net_estimate": "40",
    "max_price": "450",
}


def tried(client: Client, rule: OutreachRule) -> Any:
    """Try a rule."""
    return client.get(f"{RULES}{rule.pk}/try/")


def test_a_rule_is_added_changed_and_deleted(operator: Client) -> None:
    assert operator.post(f"{RULES}add/", GOOD)["Location"] == RULES
    rule = OutreachRule.objects.get()
    assert (rule.name, rule.product_id, rule.max_price, rule.active) == ("Sonys", 230, 450, False)
    operator.post(f"{RULES}{rule.pk}/change/", {**GOOD, "max_price": "", "active": "on"})
    rule.refresh_from_db()
    assert (rule.max_price, rule.active) == (None, True)
    html = operator.get(f"{RULES}{rule.pk}/change/").content.decode()
    assert "Last changed by ann" in html
    operator.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"})
    assert not OutreachRule.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 61),
        ("min_confidence", "101"),
        ("min_confidence", "-1"),
        ("min_confidence", "NaN"),
        ("min_net_estimate", "1e9"),
        ("max_price", "-1"),
        ("max_price", "1,000"),
        ("product_id", "x"),
        ("product_id", "9" * 30),
        ("brand", "a\0b"),
    ],
)
def test_a_rule_that_cannot_be(operator: Client, field: str, value: str) -> None:
    with nothing_written():
        response = operator.post(f"{RULES}add/", {**GOOD, field: value})
    assert list(response.context["adminform"].form.errors) == [field]


def test_two_rules_of_one_name_cannot_be(operator: Client, rule: OutreachRule) -> None:
    with nothing_written():
        response = operator.post(f"{RULES}add/", {**GOOD, "name": rule.name})
    assert "name" in response.context["adminform"].form.errors


def test_to_try_a_rule_shows_the_best_and_approves_nothing(
    viewer: Client, operator: Client, rule: OutreachRule
) -> None:
    low, best = (
        make_listing(potential_profit=100.0),
        make_listing(title="<i>best</i>", potential_profit=200.0),
    )
    make_listing(confidence=10.0)
    outreach.approve(low.pk, by="user:ann")
    with nothing_written():
        response = tried(viewer, rule)
    html = response.content.decode()
    assert dict(response.context["sections"][0][1]) == {
        "Found listings that match": 2,
        "Would join the queue": 1,
    }
    assert html.index("&lt;i&gt;best&lt;/i&gt;") < html.index(f"{LISTINGS}{low.pk}/")
    assert f"{LISTINGS}{best.pk}/change/" in html
    assert "in it already" in html
    assert "Switch it on" not in html
    assert "Within a minute it approves 1 into the queue" in tried(operator, rule).content.decode()
    assert f"{RULES}{rule.pk}/try/" in viewer.get(RULES).content.decode()
    assert f"{RULES}{rule.pk}/try/" in viewer.get(QUEUE).content.decode()


def test_the_trial_says_what_staff_have_taken_out(operator: Client, rule: OutreachRule) -> None:
    listing = make_listing()
    outreach.approve(listing.pk, by="rule:x")
    outreach.withdraw(listing.pk)
    response = tried(operator, rule)
    assert "was withdrawn by staff, and stays out" in response.content.decode()
    assert "approves 0 into the queue" in response.content.decode()


def test_a_rule_that_lets_nothing_through_says_so(viewer: Client, rule: OutreachRule) -> None:
    assert "No found listing matches." in tried(viewer, rule).content.decode()


def test_a_rule_is_switched_on_and_off(operator: Client, rule: OutreachRule) -> None:
    listing = make_listing()
    url = f"{RULES}{rule.pk}/switch/"
    for _ in range(2):
        assert said(operator.post(f"{url}?to=on"))[-1] == 'The rule "All Sonys" is on.'
    rule.refresh_from_db()
    assert rule.active
    outreach.apply_rules()
    assert Approval.objects.get().listing_id == listing.pk
    assert "Switch it off" in tried(operator, rule).content.decode()
    operator.post(f"{url}?to=off")
    rule.refresh_from_db()
    assert not rule.active


def test_a_rule_that_is_not_there(operator: Client) -> None:
    assert operator.get(f"{RULES}12345/try/").status_code == 404
    assert operator.post(f"{RULES}12345/switch/?to=on").status_code == 404


# ---- the limits ---------------------------------------------------------------------------------

LIMIT = {"hourly_rate": "4", "daily_cap": "30", "budget": "500", "ebay_fee_percent": "10", "postage": "5"}


def test_limits_have_one_row_which_is_changed(operator: Client) -> None:
    assert operator.get(LIMITS)["Location"] == f"{LIMITS}1/change/"
    response = operator.post(f"{LIMITS}1/change/", LIMIT)
    assert response["Location"] == f"{LIMITS}1/change/"
    row = OutreachSettings.objects.get()
    assert (row.hourly_rate, row.budget, row.ebay_fee_percent) == (4, Decimal(500), Decimal(10))
    assert "Last changed by ann" in operator.get(f"{LIMITS}1/change/").content.decode()
    assert "of £500.00" in operator.get(QUEUE).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hourly_rate", "-1"),
        ("hourly_rate", "9" * 30),
        ("daily_cap", ""),
        ("budget", "-0.01"),
        ("budget", "Infinity"),
        ("ebay_fee_percent", "101"),
        ("postage", "-1"),
    ],
)
def test_a_limit_that_cannot_be(operator: Client, limits: OutreachSettings, field: str, value: str) -> None:
    with nothing_written():
        response = operator.post(f"{LIMITS}1/change/", {**LIMIT, field: value})
    assert list(response.context["adminform"].form.errors) == [field]
