"""Tables of figures: the same rows on the page and in its CSV, each number a link to the list that it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from aetos.navigation import LISTINGS
from integrations.admin.exports import Words
from integrations.show import DASH, link, money, text
from listings.figures.periods import Period
from listings.states import State


@dataclass(frozen=True)
class Cell:
    """One value; `kind` is text, count, money, signed, percent or days, and null is not known."""

    value: Any
    kind: str = "text"
    url: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it stands to the right."""
        return self.kind != "text"

    @property
    def html(self) -> SafeString:
        """The value, marked up."""
        shown = _shown(self.value, self.kind)
        return link(self.url, shown) if self.url and self.value is not None else shown

    @property
    def plain(self) -> Any:
        """The value for a spreadsheet, which must not take a text for a formula."""
        return self.value if self.is_number else Words().render(self.value)


def _shown(value: Any, kind: str) -> SafeString:
    if value is None:
        return DASH
    if kind in ("money", "signed"):
        return money(value, signed=kind == "signed")
    if kind == "text":
        return text(str(value), limit=60)
    ends = {"percent": "%", "days": " d"}.get(kind, "")
    return format_html('<span class="ae-number">{}{}</span>', f"{value:,}", ends)


@dataclass(frozen=True)
class Table:
    """What stands behind a chart. `key` is its name in the address of its CSV."""

    key: str
    title: str
    heads: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Bar:
    """One row of a chart of bars: its name, what it counts, its bar and its value."""

    name: Cell
    count: Cell
    chart: SafeString
    value: Cell
    note: str = ""


@dataclass(frozen=True)
class Card:
    """One question answered: a chart, the tables behind it, and what can be done."""

    key: str
    title: str
    note: str = ""
    chart: SafeString | str = ""
    heads: tuple[str, ...] = ()
    bars: Sequence[Bar] = ()
    tables: Sequence[Table] = ()
    acts: Sequence[tuple[str, str]] = ()
    empty: str = ""


def listed(period: Period, entered: State | None = None, **answers: Any) -> str:
    """Return the address of the list that a number counts."""
    asked: dict[str, Any] = {"entered": entered.value} | period.answers if entered else {}
    return f"{reverse(LISTINGS)}?{urlencode(asked | answers)}"


def days(seconds: int | None) -> Decimal | None:
    """Write seconds as days with one place."""
    return None if seconds is None else (Decimal(seconds) / 86_400).quantize(Decimal("0.1"))
