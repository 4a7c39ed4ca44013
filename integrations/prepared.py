"""Queries that are written once: what is asked with each request took Django longer to write than PostgreSQL to answer.

    users = Prepared(lambda asked: User.objects.filter(pk=asked), the(User._meta.pk))
    user = users.first(7)

The SQL is Django's own, made when it is first wanted; only the value changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Expression, QuerySet
from django.db.transaction import TransactionManagementError

from integrations.lookups import Among

Tell = Callable[[Any], Any]
_HERE: Any = object()


def the(field: Any) -> Tell:
    """Say that the value asked for is one of this field's."""
    return lambda value: field.get_db_prep_value(value, connection)


def among(field: Any) -> Tell:
    """Say that a list of this field's values is asked for, in a lookup `field__among`."""
    return lambda values: Among.parameter(field, values, connection)


class Asked(Expression):
    """Stands in a query for the value that each caller gives."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Write a parameter, and mark its place."""
        return "%s", (_HERE,)


@dataclass(frozen=True)
class _Written:
    sql: str
    locks: bool
    before: tuple[Any, ...]
    after: tuple[Any, ...]
    make: Callable[[Sequence[Any]], list[Any]]


class Prepared:
    """A query with one value to fill in: of instances (without `select_related`), or of `values_list` rows.

    Args:
        rows: makes the queryset; what it is given stands for the value, e.g. in `filter(pk=asked)`.
        tell: puts a value into the database's terms: `the(field)` or `among(field)`.
    """

    def __init__(self, rows: Callable[[Asked], QuerySet[Any, Any]], tell: Tell) -> None:
        self._rows, self._tell = rows, tell
        self._written: dict[str, _Written] = {}

    def all(self, value: Any) -> list[Any]:
        """Return all rows for a value.

        Raises:
            TransactionManagementError: the query takes a lock, and no transaction is open.
        """
        written = self._written.get(connection.vendor)
        if written is None:
            written = self._written[connection.vendor] = _write(self._rows(Asked()))
        if written.locks and connection.get_autocommit():
            raise TransactionManagementError("A lock outside of a transaction holds nothing.")
        with connection.cursor() as cursor:
            cursor.execute(written.sql, (*written.before, self._tell(value), *written.after))
            return written.make(cursor.fetchall())

    def get(self, value: Any) -> Any:
        """Return the row for a value.

        Raises:
            DoesNotExist: the model's own.
        """
        if found := self.all(value):
            return found[0]
        raise self._rows(Asked()).model.DoesNotExist

    def first(self, value: Any) -> Any:
        """Return the first row for a value, or None."""
        found = self.all(value)
        return found[0] if found else None


def _write(rows: QuerySet[Any, Any]) -> _Written:
    compiler = rows.query.get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    place = next(number for number, value in enumerate(parameters) if value is _HERE)
    before, after = tuple(parameters[:place]), tuple(parameters[place + 1 :])
    return _Written(sql, rows.query.select_for_update, before, after, _maker(rows, compiler))


def _maker(rows: QuerySet[Any, Any], compiler: Any) -> Callable[[Sequence[Any]], list[Any]]:
    """Return what turns the database's rows into what the queryset would give."""
    converters = compiler.get_converters([expression for expression, _, _ in compiler.select])
    if rows.query.values_select:  # values_list
        return lambda found: _converted(found, converters)
    model, columns = compiler.klass_info["model"], compiler.klass_info["select_fields"]
    first, last = columns[0], columns[-1] + 1
    names = [compiler.select[column][0].target.attname for column in columns]
    annotated = list(compiler.annotation_col_map.items())

    def instance(row: Sequence[Any]) -> Any:
        made = model.from_db(rows.db, names, row[first:last])
        for name, column in annotated:
            setattr(made, name, row[column])
        return made

    return lambda found: [instance(row) for row in _converted(found, converters)]


def _converted(found: Sequence[Any], converters: Any) -> list[Any]:
    """Put the database's values into Python's terms, as the compiler does, but on the connection of who asks."""
    if not converters:
        return list(found)
    rows = [list(row) for row in found]
    for column, (converts, expression) in converters.items():
        for row in rows:
            for convert in converts:
                row[column] = convert(row[column], expression, connection)
    return [tuple(row) for row in rows]
