"""Many rows at once: by COPY on PostgreSQL, by `bulk_create` elsewhere; the same rows either way."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from django.db import connection, models


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
        _copy(model, rows)
    else:
        model._base_manager.bulk_create([as_instance(model, row) for row in rows])


def as_instance(model: type[models.Model], row: Row) -> Any:
    """Return a row as an instance that is not saved."""
    return model(
        **{name: json.loads(value) if isinstance(value, JsonText) else value for name, value in row.items()}
    )


def _copy(model: type[models.Model], rows: Sequence[Row]) -> None:
    given = rows[0].keys()
    fields = [
        field
        for field in model._meta.concrete_fields
        if field.attname in given or (field.has_default() and not field.has_db_default())
    ]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    statement = f"COPY {quote(model._meta.db_table)} ({columns}) FROM STDIN"
    values = [_column(field, rows, given=field.attname in given) for field in fields]
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as target:
        for row in zip(*values, strict=False):  # a constant column has no end
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
