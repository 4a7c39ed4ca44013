"""A page of a long list, read by the index that its order has: also the thousandth, also where the column holds nulls.

It stands at the bottom, so that the API and the back office read alike.
"""

from typing import Any

from django.db.models import F, OrderBy, QuerySet

FAR = 500  # rows to skip, from which on it is cheaper to find the page's ids first


def window(rows: QuerySet[Any], start: int, size: int, total: int | None = None) -> list[Any]:
    """Return `size` rows of an ordered queryset from place `start`, 0 being the first; `total` are all, where known.

    Where the order begins with a column whose nulls were given their side
    (`nulls_first`, `nulls_last`), nulls and values are read apart: no index has both
    of an order and its reverse with the nulls on the same side.
    """
    first = rows.query.order_by[0] if rows.query.order_by else None
    if not isinstance(first, OrderBy) or not isinstance(first.expression, F):
        return _far(rows, start, size, total)
    column: Any = first.expression
    name, rest = column.name, rows.query.order_by[1:]
    known = rows.filter(**{f"{name}__isnull": False}).order_by(f"{'-' * first.descending}{name}", *rest)
    unknown = rows.filter(**{f"{name}__isnull": True}).order_by(*rest)
    before, after = (unknown, known) if first.nulls_first else (known, unknown)
    found = _far(before, start, size)
    if len(found) == size:
        return found
    passed = start + len(found) if found or not start else before.order_by().count()
    return found + _far(after, max(start - passed, 0), size - len(found))


def _far(rows: QuerySet[Any], start: int, size: int, total: int | None = None) -> list[Any]:
    """Read what is skipped from the index alone: the rows themselves are wide and lie all over the table."""
    if start < FAR:
        return list(rows[start : start + size])
    ids = rows.values_list("pk", flat=True)
    if total is not None and total - start < start:  # the end is nearer
        last = max(total - start, 0)
        found = list(ids.reverse()[max(last - size, 0) : last])[::-1]
    else:
        found = list(ids[start : start + size])
    return list(rows.filter(pk__in=found)) if found else []
