"""Estimated against realised profit: where the estimate is off, and by how much.

An error is the realised profit less today's net estimate: with the fee, the
postage and the corrections that are in force. So what has been put right is not
suggested again. Ten-thousandths of a penny are whole numbers here, as a percentage
of pennies makes them, and so the sums are exact on both databases.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Count, F, Max, Q, Sum, Value

from listings.figures.asked import COMPARABLE, OUTCOMES
from listings.figures.earned import sold
from listings.figures.exact import Pennies, Spread, cases, spreads, total
from listings.figures.periods import Period
from listings.models import OutreachSettings
from listings.profit import to_pennies

FINE = 10_000  # ten-thousandths of a penny
ENOUGH = 3  # sales of a model, from which on its error is told
ENOUGH_SALES = 5  # sales, from which on the fee and the postage are judged
OFF = Decimal(10)  # what an estimate may be off before something is suggested
FEE_OFF, POSTAGE_OFF = Decimal("0.25"), Decimal("0.50")


@dataclass(frozen=True)
class Model:
    """How the estimates of one product compare with what it earned; amounts are means, `error` is the median."""

    product_id: int
    brand: str
    model: str
    count: int
    gross: Decimal
    net: Decimal
    realised: Decimal
    error: Decimal
    correction: Decimal

    @property
    def name(self) -> str:
        """Brand and model."""
        return f"{self.brand} {self.model}".strip()

    @property
    def is_off(self) -> bool:
        """Whether the estimate is off by so much, over enough sales, that it should be corrected."""
        return self.count >= ENOUGH and abs(self.error) >= OFF

    @property
    def suggested(self) -> Decimal:
        """The correction that would have made the median right, in whole units of the currency."""
        return (self.correction + self.error).quantize(Decimal(1), ROUND_HALF_UP)


@dataclass(frozen=True)
class Costs:
    """What the fee and the postage really were, and over how many sales."""

    fee_percent: Decimal | None
    fee_sales: int
    postage: Decimal | None
    postage_sales: int


def net(limits: OutreachSettings, corrected: Mapping[int, Decimal]) -> Any:
    """Return today's net estimate as an expression, in ten-thousandths of a penny."""
    estimate, asked = Pennies(F("estimated_profit")), Pennies(F("asking_price"))
    fee = int(limits.ebay_fee_percent * 100)
    learned = cases("product_id", ((key, int(amount * 100) * FINE) for key, amount in corrected.items()))
    postage = int(limits.postage * 100) * FINE
    return estimate * FINE - (asked + estimate) * fee - Value(postage) + learned


def error(limits: OutreachSettings, corrected: Mapping[int, Decimal]) -> Any:
    """Return by how much more was earned than estimated, as an expression in the same unit."""
    return Pennies(F("final_profit")) * FINE - net(limits, corrected)


def by_model(period: Period, limits: OutreachSettings, corrected: Mapping[int, Decimal]) -> list[Model]:
    """Return every product that was sold often enough, the largest error first."""
    rows = sold(period).filter(COMPARABLE)
    medians = spreads(rows, error(limits, corrected), "product_id")
    sums = rows.values("product_id").annotate(
        brand_name=Max("brand"),
        model_name=Max("model"),
        count=Count("pk"),
        gross=total("estimated_profit"),
        net=Sum(net(limits, corrected)),
        realised=total("final_profit"),
    )
    found = [
        Model(
            row["product_id"],
            row["brand_name"],
            row["model_name"],
            row["count"],
            amount(row["gross"] * FINE, row["count"]),
            amount(row["net"], row["count"]),
            amount(row["realised"] * FINE, row["count"]),
            amount(medians[(row["product_id"],)].middle),
            corrected.get(row["product_id"], Decimal(0)),
        )
        for row in sums.filter(count__gte=ENOUGH)
    ]
    return sorted(found, key=lambda each: (-abs(each.error), each.name))


def whole(period: Period, limits: OutreachSettings, corrected: Mapping[int, Decimal]) -> Spread | None:
    """Return how the errors of all sales spread, in ten-thousandths of a penny."""
    return spreads(sold(period).filter(COMPARABLE), error(limits, corrected)).get(())


def newest(
    period: Period, limits: OutreachSettings, corrected: Mapping[int, Decimal], *, most: int = 250
) -> list[tuple[Decimal, Decimal]]:
    """Return the estimate and the profit of the newest sales, to be drawn."""
    rows = sold(period).filter(COMPARABLE).annotate(_net=net(limits, corrected)).order_by("-sold_at", "pk")
    return [(amount(value), profit) for value, profit in rows.values_list("_net", "final_profit")[:most]]


def costs(period: Period) -> Costs:
    """Return the mean fee, as a percentage of what was sold, and the mean postage."""
    fee, postage = OUTCOMES["fee"][1], OUTCOMES["postage"][1]
    settled = Q(returned_at__isnull=True)
    row = (
        sold(period)
        .filter(settled)
        .aggregate(
            fees=total("ebay_fees", fee),
            sales=total("ebay_sold_price", fee),
            fee_sales=Count("pk", filter=fee),
            postage=total("shipping_cost", postage),
            postage_sales=Count("pk", filter=postage),
        )
    )
    percent = to_pennies(Decimal(row["fees"]) * 100 / row["sales"]) if row["sales"] else None
    parcel = amount(row["postage"] * FINE, row["postage_sales"]) if row["postage_sales"] else None
    return Costs(percent, row["fee_sales"], parcel, row["postage_sales"])


def amount(fine: int, count: int = 1) -> Decimal:
    """Turn ten-thousandths of a penny into an amount, as a mean of `count`, rounded once."""
    return to_pennies(Decimal(fine) / (100 * FINE * count)) or Decimal("0.00")
