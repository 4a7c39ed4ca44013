"""The card of estimates against profits, and what to put right: each suggestion with its old and its new value."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count
from django.urls import reverse

from aetos.figures.tables import Card, Cell, Table, listed
from integrations.show import SIGNS, amount
from listings import outreach
from listings.admin import charts
from listings.figures import calibration, putright
from listings.figures.calibration import Costs, Model
from listings.figures.periods import Period
from listings.models import EstimateCorrection, OutreachSettings, ProductListing
from listings.states import State

MOST = 8
HEADS = ("Model", "Sales", "ScraperV2's", "Net estimate", "Realised", "Median error", "Correction")


@dataclass(frozen=True)
class Suggestion:
    """One value that should be put right: what it is now, what it should be, and where that is tried."""

    words: str
    note: str
    old: str
    new: str
    url: str
    css: str = ""


def card(period: Period, currency: str) -> tuple[Card, list[Suggestion]]:
    """Return the card, and the suggestions that stand beside it."""
    limits, corrected = putright.settings(), outreach.corrections()
    models = calibration.by_model(period, limits, corrected)
    points = calibration.newest(period, limits, corrected)
    whole = calibration.whole(period, limits, corrected)
    shown = Card(
        "calibration",
        "Estimated against realised",
        note=_note(whole, len(points)),
        chart=charts.scatter(
            points,
            title="Realised profit over the net estimate, a mark for each sale",
            words=_note(whole, len(points)),
            sign=SIGNS.get(currency, currency),
        )
        if points
        else "",
        tables=[Table("calibration", "By model", HEADS, [_row(model, period) for model in models])],
        empty="No sale of this time has an estimate and a final profit. Complete some, or choose a longer time.",
    )
    return shown, suggestions(models, calibration.costs(period), limits)


def _note(whole: Any, drawn: int) -> str:
    if whole is None:
        return ""
    middle = calibration.amount(whole.middle)
    side = "more" if middle >= 0 else "less"
    lower, upper = calibration.amount(whole.lower), calibration.amount(whole.upper)
    return (
        f"Over {whole.count:,} sales the median sale brought {amount(abs(middle))} {side} than its net estimate; "
        f"half lie between {amount(lower)} and {amount(upper)}. The newest {drawn} are drawn."
    )


def _row(model: Model, period: Period) -> list[Cell]:
    return [
        Cell(model.name),
        Cell(
            model.count, "count", listed(period, State.SOLD, product=model.product_id, outcome="comparable")
        ),
        Cell(model.gross, "signed"),
        Cell(model.net, "signed"),
        Cell(model.realised, "signed"),
        Cell(model.error, "signed"),
        Cell(model.correction, "signed", preview(putright.MODEL, model.correction, model.product_id)),
    ]


def preview(kind: str, to: Decimal, product_id: int | None = None) -> str:
    """Return where a new value is tried."""
    asked: dict[str, Any] = {"kind": kind, "to": str(to)}
    if product_id is not None:
        asked["product"] = product_id
    return f"{reverse('figures-putright')}?{urlencode(asked)}"


def suggestions(models: list[Model], costs: Costs, limits: OutreachSettings) -> list[Suggestion]:
    """Return what should be put right: fee and postage first, since they move every estimate."""
    off = [model for model in models if model.is_off and model.suggested != model.correction][:MOST]
    return [*_of_costs(costs, limits), *_of_models(off)]


def _of_costs(costs: Costs, limits: OutreachSettings) -> list[Suggestion]:
    found = []
    fee, postage = costs.fee_percent, costs.postage
    if fee is not None and _is_off(fee, limits.ebay_fee_percent, costs.fee_sales, calibration.FEE_OFF):
        side = "little" if fee > limits.ebay_fee_percent else "much"
        found.append(
            Suggestion(
                f"eBay's fee: {limits.ebay_fee_percent}% is too {side}",
                f"It was {fee}% over {costs.fee_sales:,} sales. Moves every net estimate.",
                f"{limits.ebay_fee_percent}%",
                f"{fee}%",
                preview("fee", fee),
            )
        )
    if postage is not None and _is_off(postage, limits.postage, costs.postage_sales, calibration.POSTAGE_OFF):
        side = "little" if postage > limits.postage else "much"
        found.append(
            Suggestion(
                f"Postage: {amount(limits.postage)} is too {side}",
                f"Both ways cost {amount(postage)} on average of {costs.postage_sales:,} sales. Moves every estimate.",
                amount(limits.postage),
                amount(postage),
                preview("postage", postage),
            )
        )
    return found


def _is_off(real: Decimal, assumed: Decimal, sales: int, tolerance: Decimal) -> bool:
    return sales >= calibration.ENOUGH_SALES and abs(real - assumed) >= tolerance


def _of_models(off: list[Model]) -> list[Suggestion]:
    waiting = _found([model.product_id for model in off])
    return [
        Suggestion(
            f"{model.name}: estimates are {amount(abs(model.error))} too {'high' if model.error < 0 else 'low'}",
            f"Median of {model.count:,} sales. {waiting.get(model.product_id, 0):,} in Found would be judged anew.",
            amount(model.correction),
            amount(model.suggested),
            preview(putright.MODEL, model.suggested, model.product_id),
            "bad" if model.error < 0 else "good",
        )
        for model in off
    ]


def _found(products: list[int]) -> Mapping[int, int]:
    if not products:
        return {}
    rows = ProductListing.objects.filter(state=State.FOUND, product_id__in=products).order_by()
    return dict(rows.values_list("product_id").annotate(count=Count("pk")))


def in_force() -> list[tuple[EstimateCorrection, str]]:
    """List the corrections that are in force, each with where it is taken back."""
    rows = EstimateCorrection.objects.exclude(amount=0)[:100]
    return [(row, preview(putright.MODEL, Decimal(0), row.product_id)) for row in rows]
