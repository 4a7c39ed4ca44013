"""The figures against the same numbers recomputed from the rows; their links; suggestions, preview and confirmation."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from aetos.figures.estimates import card
from aetos.figures.views import _cards
from listings import earnings, outreach
from listings.figures import calibration, earned, pace
from listings.figures.exact import from_pennies
from listings.figures.periods import named, today
from listings.models import EstimateCorrection, OutreachRule, OutreachSettings, ProductListing
from listings.profit import to_pennies
from listings.states import State
from tests.backoffice_figures.conftest import FIGURES, PUT_RIGHT, a_mixture, a_sale, count_of
from tests.factories import make_listing, rows

pytestmark = pytest.mark.django_db
ZERO = Decimal(0)


def ever() -> Any:
    return named("all", today())


def test_profits_are_the_rows_sums_to_the_penny() -> None:
    sales = a_mixture()
    lines = {line.key: line.earned for line in earned.by_brand(earned.by_model(ever()))}
    assert set(lines) == {"SONY", "NIKON"}
    for brand, sums in lines.items():
        mine = [sale for sale in sales if sale.brand.upper() == brand]
        profits = [sale.final_profit for sale in mine if sale.final_profit is not None]
        assert (sums.sold, sums.known) == (len(mine), len(profits))
        assert from_pennies(sums.profit) == sum(profits, ZERO)
        assert sums.losses == sum(profit < 0 for profit in profits)
        assert from_pennies(sums.lost) == sum((profit for profit in profits if profit < 0), ZERO)
        assert sums.provisional == sum(sale.profit_is_provisional for sale in mine)
        assert sums.returned == sum(sale.returned_at is not None for sale in mine)


def test_days_and_their_quartiles_are_the_rows() -> None:
    sales = a_mixture()
    taken = sorted(
        int(sale.sold_at.timestamp()) - int(sale.found_at.timestamp()) for sale in sales if sale.sold_at
    )
    whole = pace.whole_way(ever())
    assert whole is not None
    ranks = [-(-len(taken) * quarter // 4) - 1 for quarter in (1, 2, 3)]
    assert [whole.lower, whole.middle, whole.upper] == [taken[rank] for rank in ranks]
    counted = pace.days(ever())
    assert sum(counted.values()) == len(sales) == sum(count for _, _, count in pace.bins(counted))
    assert counted == {day: [each // 86_400 for each in taken].count(day) for day in counted}


def test_the_estimate_is_outreachs_to_the_last_digit() -> None:
    a_mixture(6)
    limits, corrected = OutreachSettings(ebay_fee_percent=Decimal("13.37")), {90: Decimal("-12.34")}
    found = ProductListing.objects.annotate(fine=calibration.net(limits, corrected))
    for row in outreach.with_net_estimate(found, limits, corrected):
        assert Decimal(row.fine) / 1_000_000 == pytest.approx(row.net_estimate, abs=Decimal("0.0001"))
        gross, price = row.estimated_profit, row.asking_price
        exact = (
            gross - (gross + price) * Decimal("0.1337") - limits.postage + corrected.get(row.product_id, ZERO)
        )
        assert Decimal(row.fine) / 1_000_000 == exact


def test_what_was_earned_up_to_now_is_the_rows_sum_by_period() -> None:
    a_mixture()
    a_sale(1, asking=None, final_profit=None)
    a_sale(1, gross=None, final_profit=Decimal("-3.21"))
    EstimateCorrection.objects.create(product_id=90, amount=Decimal("-12.34"))
    limits = OutreachSettings(ebay_fee_percent=Decimal("13.37"), postage=Decimal("7.77"))
    told = earnings.up_to_now(limits)
    assert [each.period.name for each in told] == ["week", "month", "year"]
    for each in told:
        sold = outreach.with_net_estimate(ProductListing.objects.filter(state=State.SOLD), limits)
        mine = list(sold.filter(each.period.within("sold_at")))
        estimates = [row.net_estimate for row in mine if row.net_estimate is not None]
        assert 0 < len(estimates) < each.sales == len(mine)
        assert each.realised == sum((row.final_profit or ZERO for row in mine), ZERO)
        assert each.expected == to_pennies(sum(estimates, ZERO))
        assert each.provisional == sum(row.profit_is_provisional for row in mine)


def test_each_number_links_to_the_list_that_it_counts(viewer: Client) -> None:
    a_mixture(7)
    make_listing(State.MESSAGING)
    make_listing(State.NEGOTIATING, by="rule:sonys")
    for name in ("90", "all"):
        cards, head = _cards(named(name, today()))
        cells = [cell for each in cards for table in each.tables for row in table.rows for cell in row]
        cells += [bar.count for each in cards for bar in each.bars]
        cells += [each["cell"] for each in head]
        cells += [
            cell
            for table in card(named(name, today()), "GBP")[0].tables
            for row in table.rows
            for cell in row
        ]
        linked = {(cell.url, cell.value) for cell in cells if cell.kind == "count" and cell.url}
        assert len(linked) > 20
        for url, value in linked:
            assert count_of(viewer, url) == value, url


def test_empty_figures_say_what_to_do(viewer: Client) -> None:
    html = viewer.get(FIGURES).content.decode()
    assert "Approve found listings into the outreach queue" in html and "Choose a longer one" in html


@pytest.mark.parametrize(
    "query", ["", "?period=week", "?period=all", "?period=custom&since=2026-01-01&until=x", "?period=no"]
)
def test_the_page_is_shown_for_every_period(viewer: Client, query: str) -> None:
    a_sale(returned_at=None)
    assert viewer.get(FIGURES + query).status_code == 200


def test_tables_are_files_without_formulas(viewer: Client) -> None:
    a_sale(brand="=cmd", model="x")
    answer: Any = viewer.get(f"{FIGURES}profit-brand.csv?period=all")
    text = b"".join(answer.streaming_content).decode()
    assert "'=cmd" in text and answer["Content-Type"].startswith("text/csv")
    assert viewer.get(f"{FIGURES}profit-brand.pdf").status_code == 404
    assert viewer.get(f"{FIGURES}nothing.csv").status_code == 404


# ---- putting right ------------------------------------------------------------------------------


def three_poor_sales() -> None:
    """Net estimate: 100 − 500 × 12.8% − 8.50 = 27.50; earned: −3.50 each."""
    for _ in range(3):
        a_sale(final_profit=Decimal("-3.50"), profit_is_provisional=False)


def test_an_estimate_that_is_off_is_suggested_previewed_and_put_right_once(operator: Client) -> None:
    three_poor_sales()
    OutreachRule.objects.create(name="Sonys", brand="Sony", min_net_estimate=20, active=True)
    make_listing()
    found = card(ever(), "GBP")[1]
    assert [(each.words, each.old, each.new) for each in found] == [
        ("Sony a6400: estimates are £31.00 too high", "£0.00", "−£31.00")
    ]
    before = rows()
    html = operator.get(found[0].url).content.decode()
    assert rows() == before and "Sonys" in html and "Put −£31.00 in force" in html
    body = {"kind": "model", "product": "230", "to": "-31", "seen": "0"}
    assert operator.post(PUT_RIGHT, body)["Location"] == FIGURES
    row = EstimateCorrection.objects.get()
    assert (row.product_id, row.amount, row.changed_by) == (230, Decimal(-31), "user:ann")
    assert "−£31.00" in LogEntry.objects.get().change_message
    assert card(ever(), "GBP")[1] == []
    rule = OutreachRule.objects.get()
    assert outreach.matching(rule).count() == 0
    assert operator.post(PUT_RIGHT, body).status_code == 409
    assert EstimateCorrection.objects.get().amount == -31


def test_two_sales_suggest_nothing_and_returned_or_provisional_ones_do_not_count() -> None:
    for more in ({}, {}, {"profit_is_provisional": True}):
        facts: dict[str, Any] = {"final_profit": Decimal(-50), "profit_is_provisional": False} | more
        a_sale(**facts)
    assert card(ever(), "GBP")[1] == []


def test_real_fee_and_postage_are_suggested_and_put_right(operator: Client) -> None:
    for _ in range(5):
        a_sale(ebay_fees=Decimal(67), shipping_cost=Decimal("11.20"), final_profit=None)
    assert [(each.old, each.new) for each in card(ever(), "GBP")[1]] == [
        ("12.80%", "13.40%"),
        ("£8.50", "£11.20"),
    ]
    operator.post(PUT_RIGHT, {"kind": "fee", "to": "13.40", "seen": "12.80"})
    operator.post(PUT_RIGHT, {"kind": "postage", "to": "11.20", "seen": "8.50"})
    now = OutreachSettings.objects.get()
    assert (now.ebay_fee_percent, now.postage) == (Decimal("13.40"), Decimal("11.20"))
    assert card(ever(), "GBP")[1] == []


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "fee", "to": "101", "seen": "12.80"},
        {"kind": "fee", "to": "NaN", "seen": "12.80"},
        {"kind": "postage", "to": "-1", "seen": "8.50"},
        {"kind": "fee", "to": "13", "product": "230", "seen": "12.80"},
        {"kind": "model", "to": "3", "seen": "0"},
        {"kind": "model", "to": "3", "product": "999", "seen": "0"},
        {"kind": "budget", "to": "3"},
        {},
    ],
)
def test_what_cannot_be_is_refused(operator: Client, body: dict[str, str]) -> None:
    before = rows()
    assert operator.post(PUT_RIGHT, body).status_code == 404
    assert rows() == before


def test_a_viewer_may_look_and_not_put_right(viewer: Client, client: Client) -> None:
    three_poor_sales()
    assert "You can look" in viewer.get(f"{PUT_RIGHT}?kind=model&product=230&to=-31").content.decode()
    before = rows()
    body = {"kind": "model", "product": "230", "to": "-31", "seen": "0"}
    assert viewer.post(PUT_RIGHT, body).status_code == 403
    assert client.post(PUT_RIGHT, body).status_code == 302
    assert client.get(FIGURES).status_code == 302
    assert rows() == before
