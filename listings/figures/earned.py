"""What was earned: realised profit of what was sold in a period, by model and brand, and the totals."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Count, Max, Q
from django.db.models.functions import Upper

from listings.figures.asked import OUTCOMES
from listings.figures.exact import total
from listings.figures.periods import Period
from listings.models import ProductListing
from listings.states import State

KNOWN, LOSS = OUTCOMES["known"][1], OUTCOMES["loss"][1]
PROVISIONAL, RETURNED = OUTCOMES["provisional"][1], OUTCOMES["returned"][1]
ESTIMATED = KNOWN & Q(estimated_profit__isnull=False)


@dataclass(frozen=True)
class Earned:
    """Sales, and what they came to in pennies; `estimated` and `against` are of those with an estimate."""

    sold: int = 0
    known: int = 0
    losses: int = 0
    provisional: int = 0
    returned: int = 0
    estimates: int = 0
    profit: int = 0
    lost: int = 0
    unsettled: int = 0
    spent: int = 0
    estimated: int = 0
    against: int = 0

    def __add__(self, other: "Earned") -> "Earned":
        return Earned(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


SUMS: dict[str, Any] = {
    "sold": Count("pk"),
    "known": Count("pk", filter=KNOWN),
    "losses": Count("pk", filter=LOSS),
    "provisional": Count("pk", filter=PROVISIONAL),
    "returned": Count("pk", filter=RETURNED),
    "estimates": Count("pk", filter=ESTIMATED),
    "profit": total("final_profit"),
    "lost": total("final_profit", LOSS),
    "unsettled": total("final_profit", PROVISIONAL),
    "spent": total("purchase_price", KNOWN),
    "estimated": total("estimated_profit", ESTIMATED),
    "against": total("final_profit", ESTIMATED),
}


@dataclass(frozen=True)
class Line:
    """What one brand, model or plan earned."""

    key: Any
    words: str
    earned: Earned
    brand: str = ""
    model: str = ""


def sold(period: Period) -> Any:
    """Return what was sold in a period, the returned ones too."""
    return ProductListing.objects.filter(period.within("sold_at"), state=State.SOLD).order_by()


def earned(row: dict[str, Any]) -> Earned:
    """Read the sums of one row."""
    return Earned(**{name: row[name] or 0 for name in SUMS})


def by_model(period: Period) -> list[Line]:
    """Return each model's line, the most profit first. Spellings that differ by case are one."""
    groups = sold(period).annotate(_brand=Upper("brand"), _model=Upper("model")).values("_brand", "_model")
    rows = groups.annotate(brand_name=Max("brand"), model_name=Max("model"), **SUMS)
    return ranked(
        Line(
            (row["_brand"], row["_model"]),
            f"{row['brand_name']} {row['model_name']}".strip(),
            earned(row),
            row["brand_name"],
            row["model_name"],
        )
        for row in rows
    )


def by_brand(models: Iterable[Line]) -> list[Line]:
    """Add up the models' lines to their brands'."""
    found: dict[str, Line] = {}
    for line in models:
        key = line.key[0]
        before = found.get(key)
        name = max(before.brand, line.brand) if before else line.brand
        found[key] = Line(key, name, (before.earned if before else Earned()) + line.earned, name)
    return ranked(found.values())


def ranked(lines: Iterable[Line]) -> list[Line]:
    """Sort by profit, the most first; then by name."""
    return sorted(lines, key=lambda line: (-line.earned.profit, line.words))


def whole(lines: Iterable[Line]) -> Earned:
    """Add up."""
    return sum((line.earned for line in lines), Earned())
