"""Many rows at once: by COPY on PostgreSQL, a few by INSERT; by `bulk_create` elsewhere. The same rows either way."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from itertools import chain, islice
from typing import Any

from django.db import connection, models

from integrations import clock, jsontext

# COPY is quicker by the row, and takes one more turn to the database and back.
COPY_FROM = 20
# So many rows are put into the database's terms together.
PORTION = 100
# A statement of more rows would have more parameters than it may.
AT_ONCE = 500


class JsonText(str):
    """A value for a JSON column that is JSON text already: it is not written a second time."""

    __slots__ = ()


Row = Mapping[str, Any]


def insert(model: type[models.Model], rows: Iterable[Row]) -> None:
    """Insert rows in the current transaction.

    Args:
        model: whose table it is.
        rows: values by attribute name, each row with the same names. What is left out gets the field's default.
            They are taken as they are needed: PostgreSQL writes those before while the next are made.

    Raises:
        IntegrityError: as an INSERT would.
    """
    if connection.vendor == "postgresql":
        _write(model, iter(rows))
    else:
        model._base_manager.bulk_create([as_instance(model, row) for row in rows])


def insert_new(model: type[models.Model], rows: Sequence[Row]) -> set[Any]:
    """Insert, in the current transaction, what breaks no unique constraint, and leave out the rest.

    Args:
        model: whose table it is; its primary key is `id`.
        rows: as `insert` takes them.

    Returns:
        The `id` of each row that was inserted.
    """
    inserted: set[Any] = set()
    with connection.cursor() as cursor:
        for start in range(0, len(rows), AT_ONCE):
            cursor.execute(*_values(model, rows[start:][:AT_ONCE], "ON CONFLICT DO NOTHING RETURNING id"))
            inserted.update(key for (key,) in cursor.fetchall())
    return {model._meta.pk.to_python(key) for key in inserted}


def insert_one_new(model: type[models.Model], row: Row) -> tuple[Any, datetime] | None:
    """Insert a row in the current transaction, unless it breaks a unique constraint.

    Returns:
        Its primary key, which is `id`, and the database's time; None where it was left out.
    """
    more = f"ON CONFLICT DO NOTHING RETURNING id, {clock.SQL[connection.vendor].replace('%', '%%')}"
    with connection.cursor() as cursor:
        cursor.execute(*_values(model, [row], more))
        found = cursor.fetchone()
    return None if found is None else (model._meta.pk.to_python(found[0]), clock.as_time(found[1]))


def insert_one(model: type[models.Model], row: Row) -> Any:
    """Insert a row in the current transaction; return its primary key, which is `id`.

    Raises:
        IntegrityError: as an INSERT would.
    """
    with connection.cursor() as cursor:
        cursor.execute(*_values(model, [row], "RETURNING id"))
        return model._meta.pk.to_python(cursor.fetchone()[0])


def change(model: type[models.Model], where: Row, to: Row, *, now: tuple[str, ...] = ()) -> int:
    """Give the rows that have all of some values others, in the current transaction.

    Args:
        model: whose table it is.
        where: values by attribute name, none of them null.
        to: the new values.
        now: what becomes the database's time.

    Returns:
        How many rows there were.
    """
    named = _fields(model, tuple(to)), _fields(model, tuple(where))
    vendor = connection.vendor
    values = [
        _column(field, [row], vendor)[0]
        for fields, row in zip(named, (to, where), strict=True)
        for field in fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(_update(vendor, model, tuple(to), now, tuple(where)), values)
        return int(cursor.rowcount)


def as_instance(model: type[models.Model], row: Row) -> Any:
    """Return a row as an instance that is not saved."""
    return model(
        **{name: json.loads(value) if isinstance(value, JsonText) else value for name, value in row.items()}
    )


def _write(model: type[models.Model], rows: Iterator[Row]) -> None:
    first = list(islice(rows, PORTION))
    if not first:
        return
    with connection.cursor() as cursor:
        if len(first) < COPY_FROM:
            cursor.execute(*_values(model, first))
            return
        table, fields = _table(connection.vendor, model, tuple(first[0]))
        with connection.wrap_database_errors, cursor.copy(f"COPY {table} FROM STDIN") as target:
            while first:
                for row in _columnwise(fields, first):
                    target.write_row(row)
                first = list(islice(rows, PORTION))


def _values(model: type[models.Model], rows: Sequence[Row], more: str = "") -> tuple[str, list[Any]]:
    """Return an INSERT of a few rows, and its parameters."""
    vendor, names = connection.vendor, tuple(rows[0])
    _, fields = _table(vendor, model, names)
    return _insert(vendor, model, names, len(rows), more), list(
        chain.from_iterable(_columnwise(fields, rows))
    )


@lru_cache(maxsize=1000)
def _insert(vendor: str, model: type[models.Model], names: tuple[str, ...], count: int, more: str) -> str:
    table, fields = _table(vendor, model, names)
    one = f"({', '.join(['%s'] * len(fields))})"
    return f"INSERT INTO {table} VALUES {', '.join([one] * count)} {more}"  # noqa: S608  our own names


@cache
def _table(vendor: str, model: type[models.Model], names: tuple[str, ...]) -> tuple[str, list[Any]]:
    """Name the table with the columns that are written; return their fields, too."""
    fields = [
        field
        for field in model._meta.concrete_fields
        if field.attname in names or (field.has_default() and not field.has_db_default())
    ]
    quote = connection.ops.quote_name
    return (
        f"{quote(model._meta.db_table)} ({', '.join(quote(str(field.column)) for field in fields)})",
        fields,
    )


@cache
def _fields(model: type[models.Model], names: tuple[str, ...]) -> list[Any]:
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    return [by_name[name] for name in names]


@cache
def _update(
    vendor: str, model: type[models.Model], to: tuple[str, ...], now: tuple[str, ...], where: tuple[str, ...]
) -> str:
    quote, time = connection.ops.quote_name, clock.SQL[vendor].replace("%", "%%")
    values = [f"{quote(str(field.column))} = %s" for field in _fields(model, to)]
    times = [f"{quote(str(field.column))} = {time}" for field in _fields(model, now)]
    rows = " AND ".join(f"{quote(str(field.column))} = %s" for field in _fields(model, where))
    return f"UPDATE {quote(model._meta.db_table)} SET {', '.join(values + times)} WHERE {rows}"  # noqa: S608  our own names


def _columnwise(fields: list[Any], rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    """Return the values of the rows, put into the database's terms a column at a time."""
    vendor = connection.vendor
    return zip(*(_column(field, rows, vendor) for field in fields), strict=True)


def _column(field: Any, rows: Sequence[Row], vendor: str) -> Sequence[Any]:
    if field.attname in rows[0]:
        name = field.attname
        values = [row[name] for row in rows]
    elif callable(field.default):
        values = [field.get_default() for _ in rows]
    else:
        values = [field.get_default()] * len(rows)
    if isinstance(field, models.JSONField):
        return [value if isinstance(value, JsonText) else jsontext.dumps(value).decode() for value in values]
    if vendor != "postgresql":
        return [field.get_db_prep_save(value, connection) for value in values]
    if isinstance(field, models.DateTimeField):
        return _times(values)
    return values


def _times(values: list[datetime | None]) -> list[str | None]:
    """Write times as text, one that many rows share only once."""
    texts = {value: value.isoformat() for value in set(values) if value is not None}
    return [None if value is None else texts[value] for value in values]
