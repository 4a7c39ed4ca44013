"""Cards about what was bought: hits of outreach, how stages end, and what is paid of what is asked."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from aetos.figures.tables import Bar, Card, Cell, Table, listed
from aetos.navigation import LISTINGS
from integrations.show import amount
from listings.admin import charts
from listings.admin.show import who
from listings.figures import ends, hitrate
from listings.figures.ends import Ended
from listings.figures.exact import from_pennies, share
from listings.figures.hitrate import Group, Hits
from listings.figures.periods import DAY, Period
from listings.states import State

HIT_HEADS = ("Messaged", "Replied", "", "Bought", "", "Still open")
END_HEADS = ("Went on", "Timed out", "", "Given up")
OF_MANY = 10  # messages, from which on a rule is compared with the whole
SHOWN = 8


def outreach(period: Period) -> Card:
    """Return the card of the hit rate: by who had the seller messaged, by brand and by month."""
    found = hitrate.groups(period)
    whole = sum((group.hits for group in found), Hits())
    names = {group.brand: group.brand_name for group in found}
    by_who = _sorted(hitrate.added_up(found, lambda group: group.who))
    by_brand = _sorted(hitrate.added_up(found, lambda group: group.brand))
    by_month = sorted(hitrate.added_up(found, lambda group: group.month).items())
    return Card(
        "outreach",
        "Hit rate of outreach",
        note="Of the sellers messaged in this time. What is still open may yet be bought.",
        heads=("", "Listings", "Of the messaged"),
        bars=_funnel(whole, period) if whole.messaged else (),
        tables=[
            _hits(
                "outreach-who",
                "By rule and person",
                "Messaged by",
                period,
                ((Cell(who(key)), {"messaged_by": key}, hits) for key, hits in by_who),
            ),
            _hits(
                "outreach-brand",
                "By brand",
                "Brand",
                period,
                ((Cell(names[key]), {"brand": names[key]}, hits) for key, hits in by_brand),
            ),
            _months(period, by_month),
        ],
        acts=_outreach_acts(found, whole, period),
        empty="No seller was messaged in this time. Approve found listings into the outreach queue.",
    )


def _sorted(sums: dict[Any, Hits]) -> list[tuple[Any, Hits]]:
    return sorted(sums.items(), key=lambda item: (-item[1].messaged, str(item[0])))


def _funnel(whole: Hits, period: Period) -> list[Bar]:
    rows: tuple[tuple[str, int, str, dict[str, str]], ...] = (
        ("Messaged", whole.messaged, "messaging", {}),
        ("Replied", whole.replied, "negotiating", {"went": "replied"}),
        ("Bought", whole.bought, "purchased", {"went": "bought"}),
    )
    return [
        Bar(
            Cell(name),
            Cell(count, "count", listed(period, State.MESSAGING, **asked)),
            charts.bar(
                count, least=0, most=whole.messaged, words=f"{name}: {count} of {whole.messaged}", css=css
            ),
            Cell(share(count, whole.messaged), "percent"),
        )
        for name, count, css, asked in rows
    ]


def _hits(
    key: str, title: str, head: str, period: Period, rows: Iterable[tuple[Cell, dict[str, Any], Hits]]
) -> Table:
    return Table(
        key, title, (head, *HIT_HEADS), [[name, *_counts(hits, period, asked)] for name, asked, hits in rows]
    )


def _counts(hits: Hits, period: Period, asked: dict[str, Any]) -> list[Cell]:
    def count(number: int, **more: Any) -> Cell:
        return Cell(number, "count", listed(period, State.MESSAGING, **asked, **more) if number else "")

    return [
        count(hits.messaged),
        count(hits.replied, went="replied"),
        Cell(share(hits.replied, hits.messaged), "percent"),
        count(hits.bought, went="bought"),
        Cell(share(hits.bought, hits.messaged), "percent"),
        count(hits.open, went="open"),
    ]


def _months(period: Period, by_month: list[tuple[Any, Hits]]) -> Table:
    rows = []
    for first, hits in by_month:
        last = (first.replace(day=28) + 4 * DAY).replace(day=1) - DAY
        within = Period("", max(filter(None, (first, period.first))), min(filter(None, (last, period.last))))
        rows.append([Cell(f"{first:%B %Y}"), *_counts(hits, within, {})])
    return Table("outreach-month", "By month", ("Month", *HIT_HEADS), rows)


def _outreach_acts(found: list[Group], whole: Hits, period: Period) -> list[tuple[str, str]]:
    acts = []
    rules = hitrate.added_up(
        (group for group in found if group.who.startswith("rule:")), lambda group: group.who
    )
    poor = [
        (hits.bought / hits.messaged, key)
        for key, hits in rules.items()
        if hits.messaged >= OF_MANY and hits.bought * whole.messaged * 2 < whole.bought * hits.messaged
    ]
    for _, key in sorted(poor)[:2]:
        hits = rules[key]
        its, all_of_it = share(hits.bought, hits.messaged), share(whole.bought, whole.messaged)
        words = f"The {who(key)} buys {its}%, all together {all_of_it}%: tighten it"
        acts.append((words, reverse("admin:listings_outreachrule_changelist")))
    if whole.open:
        acts.append((f"{whole.open:,} still open: see them", listed(period, State.MESSAGING, went="open")))
    return acts


# ---- ends ---------------------------------------------------------------------------------------


def time_outs(period: Period) -> Card:
    """Return the card of how Messaging and Negotiating end."""
    found = ends.by_stage_and_brand(period)
    bars, tables = [], []
    for stage in ends.STAGES:
        of_stage = {brand: ended for (at, brand), ended in found.items() if at is stage}
        whole = sum(of_stage.values(), Ended())
        if whole.all:
            bars.append(_stage_bar(stage, whole, period))
        rows = sorted(of_stage.items(), key=lambda item: (-item[1].timed_out, item[0]))
        tables.append(
            Table(
                f"ends-{stage.lower()}",
                f"How {stage.label} ended, by brand",
                ("Brand", *END_HEADS),
                [[Cell(brand), *_ended(stage, ended, period, brand)] for brand, ended in rows],
            )
        )
    return Card(
        "timeouts",
        "Time-outs by stage",
        note="Of what left the stage in this time.",
        heads=("Stage", "Timed out", "Of all that left it"),
        bars=bars,
        tables=tables,
        acts=[("See what ends within 24 hours", f"{reverse(LISTINGS)}?ends=on")] if bars else [],
        empty="Nothing left Messaging or Negotiating in this time.",
    )


def _stage_bar(stage: State, whole: Ended, period: Period) -> Bar:
    words = f"{stage.label}: {whole.timed_out} of {whole.all} timed out, {whole.went_on} went on"
    return Bar(
        Cell(stage.label),
        Cell(whole.timed_out, "count", listed(period, State.CANCELLED, went=f"timeout-{stage.lower()}")),
        charts.bar(whole.timed_out, least=0, most=whole.all, words=words, css=stage.lower()),
        Cell(share(whole.timed_out, whole.all), "percent"),
        f"{whole.went_on:,} went on, {whole.dropped:,} given up",
    )


def _ended(stage: State, ended: Ended, period: Period, brand: str) -> list[Cell]:
    onward = State.NEGOTIATING if stage is State.MESSAGING else State.PURCHASED

    def count(number: int, to: State, **more: Any) -> Cell:
        return Cell(number, "count", listed(period, to, brand=brand, **more) if number else "")

    return [
        count(ended.went_on, onward),
        count(ended.timed_out, State.CANCELLED, went=f"timeout-{stage.lower()}"),
        Cell(share(ended.timed_out, ended.all), "percent"),
        count(ended.dropped, State.CANCELLED, went=f"dropped-{stage.lower()}"),
    ]


def _paid_bar(each: ends.Paid) -> SafeString:
    words = f"{each.brand}: {share(each.paid, each.asked)}% of what was asked"
    return charts.bar(each.paid, least=0, most=max(each.asked, each.paid), css="plain", words=words)


def _paid_row(period: Period, each: ends.Paid) -> list[Cell]:
    return [
        Cell(each.brand),
        Cell(each.count, "count", listed(period, State.PURCHASED, brand=each.brand, outcome="paid")),
        Cell(from_pennies(each.asked), "money"),
        Cell(from_pennies(each.paid), "money"),
        Cell(from_pennies(each.asked - each.paid), "signed"),
        Cell(share(each.paid, each.asked), "percent"),
    ]


def paid(period: Period) -> Card:
    """Return the card of the price paid relative to the price asked."""
    found = ends.paid_of_asked(period)
    asked, spent = sum(each.asked for each in found), sum(each.paid for each in found)
    count = sum(each.count for each in found)
    rows = [_paid_row(period, each) for each in found]
    bars = [Bar(row[0], row[1], _paid_bar(each), row[5]) for row, each in zip(rows, found, strict=True)][
        :SHOWN
    ]
    whole = share(spent, asked)
    return Card(
        "paid",
        "Price paid of price asked",
        note=f"{whole}% over {count:,} bought: {amount(from_pennies(asked - spent))} came off."
        if whole is not None
        else "",
        heads=("Brand", "Bought", "Paid of asked"),
        bars=bars,
        tables=[
            Table(
                "paid",
                "Price paid of price asked",
                ("Brand", "Bought", "Asked", "Paid", "Came off", "Paid of asked"),
                rows,
            )
        ],
        acts=[("See what is being negotiated", f"{reverse(LISTINGS)}?state=NEGOTIATING")] if bars else [],
        empty="Nothing was bought in this time whose price asked and paid are known.",
    )
