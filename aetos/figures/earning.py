"""Cards about what was sold: profit by brand, model and search plan, and how long it took."""

from collections.abc import Callable, Sequence
from typing import Any

from aetos.figures.tables import Bar, Card, Cell, Table, days, listed
from integrations.show import amount
from listings.admin import charts
from listings.figures import earned, pace
from listings.figures.earned import Earned, Line
from listings.figures.exact import Spread, each, from_pennies, share
from listings.figures.periods import DAY, Period, today
from listings.models import ProductListing
from listings.states import State
from scraping.figures import by_plan

SHOWN, WORST = 6, 4
PROFIT_HEADS = (
    "Sold",
    "Profit",
    "Each",
    "At a loss",
    "Lost",
    "Provisional",
    "Returned",
    "Spent",
    "Return on it",
    "Against estimate",
)
PACE_HEADS = ("Sold", "A quarter within", "Half within", "Three quarters within")

Asked = Callable[[Line], dict[str, Any]]


def of_brand(line: Line) -> dict[str, Any]:
    """Return the answers that list a brand."""
    return {"brand": line.brand}


def of_model(line: Line) -> dict[str, Any]:
    """Return the answers that list a model."""
    return {"brand": line.brand, "model": line.model}


def of_plan(line: Line) -> dict[str, Any]:
    """Return the answers that list what a plan found."""
    return {"plan": line.key}


def profits(period: Period) -> tuple[list[Card], Earned]:
    """Return the three cards of profit, and the whole for the page's head."""
    models = earned.by_model(period)
    cards = [
        _profit("model", "Profit by model", models, of_model, period),
        _profit("brand", "Profit by brand", earned.by_brand(models), of_brand, period),
        _profit("plan", "Profit by search plan", by_plan(period), of_plan, period),
    ]
    return cards, earned.whole(models)


def _profit(key: str, title: str, lines: Sequence[Line], asked: Asked, period: Period) -> Card:
    shown = list(lines) if len(lines) <= SHOWN + WORST else [*lines[:SHOWN], *lines[-WORST:]]
    numbers = [line.earned.profit for line in shown]
    least, most = min([0, *numbers]), max([0, *numbers])
    bars = [_bar(line, asked(line), period, least, most) for line in shown]
    table = Table(
        f"profit-{key}",
        title,
        (key.capitalize(), *PROFIT_HEADS),
        [_row(line, asked(line), period) for line in lines],
    )
    left = len(lines) - len(shown)
    return Card(
        f"profit-{key}",
        title,
        note=f"The best {SHOWN} and the last {WORST}; {left} more stand in the table." if left else "",
        heads=(key.capitalize(), "Sold", "Profit"),
        bars=bars,
        tables=[table],
        acts=_profit_acts(lines, asked, period),
        empty="Nothing was sold in this time. Choose a longer one, or see what waits to be listed.",
    )


def _bar(line: Line, asked: dict[str, Any], period: Period, least: int, most: int) -> Bar:
    sums = line.earned
    words = f"{line.words}: {amount(from_pennies(sums.profit))}"
    notes = [
        f"{count} {what}"
        for count, what in ((sums.provisional, "provisional"), (sums.returned, "returned"))
        if count
    ]
    return Bar(
        Cell(line.words),
        Cell(sums.sold, "count", listed(period, State.SOLD, **asked)),
        charts.bar(sums.profit, least=least, most=most, words=words),
        Cell(from_pennies(sums.profit) if sums.known else None, "signed"),
        ", ".join(notes),
    )


def _row(line: Line, asked: dict[str, Any], period: Period) -> list[Cell]:
    sums = line.earned

    def count(number: int, **more: Any) -> Cell:
        return Cell(number, "count", listed(period, State.SOLD, **asked, **more) if number else "")

    return [
        Cell(line.words),
        count(sums.sold),
        Cell(from_pennies(sums.profit) if sums.known else None, "signed"),
        Cell(each(sums.profit, sums.known), "signed"),
        count(sums.losses, outcome="loss"),
        Cell(from_pennies(sums.lost) if sums.losses else None, "signed"),
        count(sums.provisional, outcome="provisional"),
        count(sums.returned, outcome="returned"),
        Cell(from_pennies(sums.spent) if sums.known else None, "money"),
        Cell(share(sums.profit, sums.spent), "percent"),
        Cell(from_pennies(sums.against - sums.estimated) if sums.estimates else None, "signed"),
    ]


def _profit_acts(lines: Sequence[Line], asked: Asked, period: Period) -> list[tuple[str, str]]:
    whole = earned.whole(lines)
    acts = []
    worst = lines[-1] if lines else None
    if worst is not None and worst.earned.profit < 0:
        words = f"{worst.words} lost {amount(from_pennies(-worst.earned.profit))}: see what went wrong"
        acts.append((words, listed(period, State.SOLD, **asked(worst))))
    if whole.provisional:
        words = f"Complete {whole.provisional} provisional profit{'' if whole.provisional == 1 else 's'}"
        acts.append((words, listed(period, State.SOLD, outcome="provisional")))
    return acts


# ---- days ---------------------------------------------------------------------------------------


def days_to_sell(period: Period) -> tuple[Card, Spread | None]:
    """Return the card of days from found to sold, and the spread for the page's head."""
    whole, brands = pace.whole_way(period), pace.by_brand(period)
    bins = pace.bins(pace.days(period))
    by_brand = Table(
        "days-brand",
        "Days by brand",
        ("Brand", *PACE_HEADS),
        [
            [Cell(brand), *_spread(found, listed(period, State.SOLD, brand=brand))]
            for brand, found in sorted(brands.items(), key=lambda item: (-item[1].middle, item[0]))
        ],
    )
    card = Card(
        "days",
        "Days from found to sold",
        note=_in_words(whole),
        chart=charts.histogram(
            bins,
            middle=whole.middle / pace.DAY,
            title="Days from found to sold",
            words="; ".join(f"{first} to under {after} days: {count}" for first, after, count in bins),
        )
        if whole
        else "",
        tables=[_days_table(period, bins), by_brand],
        acts=_slow(whole),
        empty="Nothing was sold in this time, so there is nothing to measure. Choose a longer one.",
    )
    return card, whole


def _days_table(period: Period, bins: list[tuple[int, int, int]]) -> Table:
    return Table(
        "days",
        "Days from found to sold",
        ("Days from", "to under", "Sold"),
        [
            [
                Cell(first, "count"),
                Cell(after, "count"),
                Cell(
                    count,
                    "count",
                    listed(period, State.SOLD, took_from=first, took_under=after) if count else "",
                ),
            ]
            for first, after, count in bins
        ],
    )


def _spread(found: Spread, url: str) -> list[Cell]:
    quartiles = (found.lower, found.middle, found.upper)
    return [Cell(found.count, "count", url), *(Cell(days(number), "days") for number in quartiles)]


def _in_words(whole: Spread | None) -> str:
    if whole is None:
        return ""
    return (
        f"Half of {whole.count:,} were sold within {days(whole.middle)} days, a quarter within {days(whole.lower)}, "
        f"three quarters within {days(whole.upper)}."
    )


def _slow(whole: Spread | None) -> list[tuple[str, str]]:
    """Point at what is on eBay for longer than three quarters needed from the find to the sale."""
    if whole is None:
        return []
    patience = max(whole.upper // pace.DAY, 1)
    old = Period("", None, today() - (patience + 1) * DAY)
    count = ProductListing.objects.filter(old.within("listed_at"), state=State.LISTED).count()
    if not count:
        return []
    words = f"{count:,} on eBay for over {patience} days: lower the price"
    return [(words, listed(old, State.LISTED, state=State.LISTED.value))]


def stages(period: Period) -> Card:
    """Return the card of days in each state."""
    found = pace.in_each_state(period)
    rows = [
        [Cell(state.label), *_spread(spread, listed(period, State.SOLD))] for state, spread in found.items()
    ]
    longest = max(found, key=lambda state: found[state].middle, default=None)
    lengths = [(state, days(spread.middle) or 0) for state, spread in found.items()]
    acts = []
    if longest is not None and (count := ProductListing.objects.filter(state=longest).count()):
        words = f"{longest.label} takes longest: see the {count:,} there"
        acts.append((words, listed(period, None, state=longest.value, o="6")))
    return Card(
        "stages",
        "Days in each state",
        note="Of what was sold: half left the state within that.",
        chart=charts.way(
            lengths,  # type: ignore[arg-type]
            title="Median days in each state",
            words="; ".join(f"{state.label}: {length} days" for state, length in lengths),
        )
        if found
        else "",
        tables=[Table("days-state", "Days in each state", ("State", *PACE_HEADS), rows)],
        acts=acts,
        empty="Nothing was sold in this time, so there is nothing to measure. Choose a longer one.",
    )


def head(whole: Earned, spread: Spread | None, period: Period) -> list[dict[str, Any]]:
    """Return the numbers at the top of the page."""

    def sold(**asked: str) -> str:
        return listed(period, State.SOLD, **asked)

    gap = from_pennies(whole.against - whole.estimated) if whole.estimates else None
    profit = from_pennies(whole.profit) if whole.known else None
    figures = [
        ("Realised profit", Cell(profit, "signed", sold(outcome="known"))),
        ("Against the estimate", Cell(gap, "signed")),
        ("Provisional", Cell(from_pennies(whole.unsettled), "signed", sold(outcome="provisional"))),
        ("Sold at a loss", Cell(whole.losses, "count", sold(outcome="loss"))),
        ("Return on money", Cell(share(whole.profit, whole.spent), "percent")),
        ("Median days", Cell(days(spread.middle) if spread else None, "days", sold())),
    ]
    notes = [
        f"{whole.sold:,} sold, {amount(each(whole.profit, whole.known))} each",
        f"{amount(from_pennies(whole.estimated))} was ScraperV2's, before fee and postage",
        f"{whole.provisional:,} wait for a cost",
        f"{amount(from_pennies(whole.lost))} together; {whole.returned:,} returned",
        f"of {amount(from_pennies(whole.spent))} spent",
        "from found to sold",
    ]
    return [
        {"title": title, "cell": cell, "note": note, "estimate": title == "Provisional"}
        for (title, cell), note in zip(figures, notes, strict=True)
    ]
