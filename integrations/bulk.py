"""Many rows at once: by COPY on PostgreSQL, a few by INSERT; by `bulk_create` elsewhere. The same rows either way."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

from django.db import connection, models

# COPY is quicker by the row, and takes one more turn to the database and back.
COPY_FROM = 20


class JsonText(str):
    """A value for a JSON column that is JSON text already: it is not written a second time."""

    __slots__ = ()


Row = Mapping[str, Any]


def insert(model: type[models.Model], rows: Sequence[Row]) -> None:
    """Insert rows in the current transaction.

    Args:
        model: whose table it is.
        rows: values by attribute name, each row with the same names. What is left out gets the field's default.

    Raises:
        IntegrityError: as an INSERT would.
    """
    if not rows:
        return
    if connection.vendor == "postgresql":
        _write(model, rows)
    else:
        model._base_manager.bulk_create([as_instance(model, row) for row in rows])


def as_instance(model: type[models.Model], row: Row) -> Any:
    """Return a row as an instance that is not saved."""
    return model(
        **{name: json.loads(value) if isinstance(value, JsonText) else value for name, value in row.items()}
    )


def _write(model: type[models.Model], rows: Sequence[Row]) -> None:
    given = rows[0].keys()
    fields = [
        field
        for field in model._meta.concrete_fields
        if field.attname in given or (field.has_default() and not field.has_db_default())
    ]
    quote = connection.ops.quote_name
    table = f"{quote(model._meta.db_table)} ({', '.join(quote(str(field.column)) for field in fields)})"
    columns = [_column(field, rows, given=field.attname in given) for field in fields]
    values = zip(*columns, strict=False)  # a constant column has no end
    with connection.cursor() as cursor:
        if len(rows) < COPY_FROM:
            one = f"({', '.join(['%s'] * len(fields))})"
            cursor.execute(
                f"INSERT INTO {table} VALUES {', '.join([one] * len(rows))}",  # noqa: S608  our own names
                list(chain.from_iterable(values)),
            )
            return
        with connection.wrap_database_errors, cursor.copy(f"COPY {table} FROM STDIN") as target:
            for row in values:
                target.write_row(row)


def _column(field: Any, rows: Sequence[Row], *, given: bool) -> Iterable[Any]:
    if given:
        name = field.attname
        values = [row[name] for row in rows]
    elif callable(field.default):
        values = [field.get_default() for _ in rows]
    else:
        return repeat(field.get_default())
    if isinstance(field, models.JSONField):
        return [value if isinstance(value, JsonText) else json.dumps(value) for value in values]
    return values
