"""Many rows at once: by COPY on PostgreSQL, a few by INSERT; by `bulk_create` elsewhere. The same rows either way."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any

from django.db import connection, models

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


def as_instance(model: type[models.Model], row: Row) -> Any:
    """Return a row as an instance that is not saved."""
    return model(
        **{name: json.loads(value) if isinstance(value, JsonText) else value for name, value in row.items()}
    )


def _write(model: type[models.Model], rows: Iterator[Row]) -> None:
    first = list(islice(rows, COPY_FROM))
    if not first:
        return
    with connection.cursor() as cursor:
        if len(first) < COPY_FROM:
            cursor.execute(*_values(model, first))
            return
        table, fields = _table(model, first[0])
        with connection.wrap_database_errors, cursor.copy(f"COPY {table} FROM STDIN") as target:
            while first:
                for row in _columnwise(fields, first):
                    target.write_row(row)
                first = list(islice(rows, PORTION))


def _values(model: type[models.Model], rows: Sequence[Row], more: str = "") -> tuple[str, list[Any]]:
    """Return an INSERT of a few rows, and its parameters."""
    table, fields = _table(model, rows[0])
    one = f"({', '.join(['%s'] * len(fields))})"
    return (
        f"INSERT INTO {table} VALUES {', '.join([one] * len(rows))} {more}",  # noqa: S608  our own names
        list(chain.from_iterable(_columnwise(fields, rows))),
    )


def _table(model: type[models.Model], row: Row) -> tuple[str, list[Any]]:
    """Name the table with the columns that are written; return their fields, too."""
    fields = [
        field
        for field in model._meta.concrete_fields
        if field.attname in row or (field.has_default() and not field.has_db_default())
    ]
    quote = connection.ops.quote_name
    return (
        f"{quote(model._meta.db_table)} ({', '.join(quote(str(field.column)) for field in fields)})",
        fields,
    )


def _columnwise(fields: list[Any], rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    """Return the values of the rows, put into the database's terms a column at a time."""
    return zip(*(_column(field, rows) for field in fields), strict=True)


def _column(field: Any, rows: Sequence[Row]) -> Sequence[Any]:
    if field.attname in rows[0]:
        name = field.attname
        values = [row[name] for row in rows]
    elif callable(field.default):
        values = [field.get_default() for _ in rows]
    else:
        values = [field.get_default()] * len(rows)
    if isinstance(field, models.JSONField):
        return [value if isinstance(value, JsonText) else json.dumps(value) for value in values]
    if connection.vendor != "postgresql":
        return [field.get_db_prep_save(value, connection) for value in values]
    if isinstance(field, models.DateTimeField):
        return _times(values)
    return values


def _times(values: list[datetime | None]) -> list[str | None]:
    """Write times as text, one that many rows share only once."""
    texts = {value: value.isoformat() for value in set(values) if value is not None}
    return [None if value is None else texts[value] for value in values]
