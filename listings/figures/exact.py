"""Numbers that both databases add up exactly: SQLite would sum amounts as floats, so pennies are summed instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import (
    Aggregate,
    BigIntegerField,
    Case,
    Count,
    F,
    Func,
    Q,
    QuerySet,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber

from listings.profit import to_pennies


class Pennies(Func):
    """An amount as a whole number of pennies."""

    output_field = BigIntegerField()
    arity = 1

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="CAST(%(expressions)s * 100 AS bigint)")

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(compiler, connection, template="CAST(ROUND(%(expressions)s * 100) AS INTEGER)")


class Seconds(Func):
    """A moment as whole seconds since 1970."""

    output_field = BigIntegerField()
    arity = 1

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s)) AS bigint)"
        return super().as_sql(compiler, connection, template=template)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return super().as_sql(
            compiler, connection, template="CAST(STRFTIME('%%%%s', %(expressions)s) AS INTEGER)"
        )


class Total(Aggregate):
    """The sum of an amount as a whole number of pennies: PostgreSQL's own sums are exact, and turned once."""

    function = "SUM"
    output_field = BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        sql, parameters = self.as_sql(compiler, connection, **context)
        return f"CAST({sql} * 100 AS bigint)", parameters

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        each = self.copy()  # with its filter, where it has one: Django writes that behind the template
        each.template = "%(function)s(CAST(ROUND(%(expressions)s * 100) AS INTEGER))"
        return each.as_sql(compiler, connection, **context)


def total(column: str, only: Q | None = None) -> Total:
    """Sum an amount's pennies; null where there is none to sum."""
    return Total(column, filter=only)


def from_pennies(pennies: int | None) -> Decimal | None:
    """Turn a sum of pennies into an amount; null stays null."""
    return None if pennies is None else Decimal(pennies).scaleb(-2)


def each(pennies: int | None, count: int) -> Decimal | None:
    """Return the mean as an amount, rounded once."""
    return None if pennies is None or not count else to_pennies(Decimal(pennies) / 100 / count)


def share(part: int, whole: int) -> Decimal | None:
    """Return what part of the whole that is, in percent with one place; null where there is no whole."""
    return None if not whole else (Decimal(part) * 100 / whole).quantize(Decimal("0.1"))


@dataclass(frozen=True)
class Spread:
    """How whole numbers spread: a quarter is at most `lower`, a half at most `middle`, three at most `upper`."""

    count: int
    lower: int
    middle: int
    upper: int


def spreads(rows: QuerySet[Any], value: Any, *groups: str) -> dict[tuple[Any, ...], Spread]:
    """Return how `value`, an expression of whole numbers, spreads in each group of rows.

    Ranked by window functions, which both databases have; only the rows at the three quartiles are read.
    """
    window: dict[str, Any] = {"partition_by": list(groups) or [Value(1)]}
    ranked = rows.order_by().annotate(
        _value=value,
        _rank=Window(RowNumber(), order_by=F("_value").asc(), **window),
        _size=Window(Count("pk"), **window),
    )
    places = {name: (F("_size") * quarters + 3) / 4 for name, quarters in (("q1", 1), ("q2", 2), ("q3", 3))}
    at_quartile = ranked.annotate(**places).filter(Q(_rank=F("q1")) | Q(_rank=F("q2")) | Q(_rank=F("q3")))
    found: dict[tuple[Any, ...], dict[str, int]] = {}
    for *group, number, rank, size, q1, q2, q3 in at_quartile.values_list(
        *groups, "_value", "_rank", "_size", "q1", "q2", "q3"
    ):
        entry = found.setdefault(tuple(group), {"count": size})
        entry |= {
            name: number for name, place in (("lower", q1), ("middle", q2), ("upper", q3)) if place == rank
        }
    return {group: Spread(**entry) for group, entry in found.items()}


def cases(by: str, values: Iterable[tuple[Any, int]]) -> Any:
    """Return the number that belongs to a column's value, else 0."""
    whens = [When(**{by: key}, then=Value(number)) for key, number in values]
    zero = Value(0, output_field=BigIntegerField())
    return Case(*whens, default=zero, output_field=BigIntegerField()) if whens else zero
