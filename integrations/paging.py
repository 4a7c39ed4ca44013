"""A page of a long list, read by the index that its order has: also the thousandth, also where the column holds nulls.

It stands at the bottom, so that the API and the back office read alike.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import F, OrderBy, QuerySet

FAR = 500  # rows to skip, from which on it is cheaper to find the page's ids first


def window(rows: QuerySet[Any], start: int, size: int, total: int | None = None) -> list[Any]:
    """Return `size` rows of an ordered queryset from place `start`, 0 being the first; `total` are all, where known."""
    if start < FAR:
        return _read(rows, start, size, lambda part, start, size: list(part[start : start + size]))
    found = keys(rows, start, size, total)
    return list(rows.filter(pk__in=found)) if found else []


def keys(rows: QuerySet[Any], start: int, size: int, total: int | None = None) -> list[Any]:
    """Return the primary keys of the rows that `window` gives: read from the index of their order alone."""
    return _read(
        rows, start, size, lambda part, start, size: _keys(part, start, size, total if part is rows else None)
    )


def _read(
    rows: QuerySet[Any], start: int, size: int, read: Callable[[QuerySet[Any], int, int], list[Any]]
) -> list[Any]:
    """Read a window.

    Where the order begins with a column whose nulls were given their side
    (`nulls_first`, `nulls_last`), nulls and values are read apart: no index has both
    of an order and its reverse with the nulls on the same side.
    """
    parts = _parts(rows)
    if not parts:
        return read(rows, start, size)
    before, after = parts
    found = read(before, start, size)
    if len(found) == size:
        return found
    passed = start + len(found) if found or not start else before.order_by().count()
    return found + read(after, max(start - passed, 0), size - len(found))


def _parts(rows: QuerySet[Any]) -> tuple[QuerySet[Any], QuerySet[Any]] | None:
    """Return what has a value and what has none, in the order in which they come."""
    first = rows.query.order_by[0] if rows.query.order_by else None
    if not isinstance(first, OrderBy) or not isinstance(first.expression, F):
        return None
    column: Any = first.expression
    name, rest = column.name, rows.query.order_by[1:]
    known = rows.filter(**{f"{name}__isnull": False}).order_by(f"{'-' * first.descending}{name}", *rest)
    unknown = rows.filter(**{f"{name}__isnull": True}).order_by(*rest)
    return (unknown, known) if first.nulls_first else (known, unknown)


def _keys(rows: QuerySet[Any], start: int, size: int, total: int | None = None) -> list[Any]:
    ids = rows.values_list("pk", flat=True)
    if total is not None and total - start < start:  # the end is nearer
        last = max(total - start, 0)
        return list(ids.reverse()[max(last - size, 0) : last])[::-1]
    return list(ids[start : start + size])
