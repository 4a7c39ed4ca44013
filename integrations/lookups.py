"""`field__among=values`: `field__in` with one parameter, however many values there are.

`__in` has a parameter for each: Django prepares them one by one, the statement
is another one for each number of them, and PostgreSQL takes 65,535 at most.
"""

import json
from collections.abc import Iterable
from typing import Any

from django.db.models import CharField, Field, Lookup


@Field.register_lookup
class Among(Lookup):
    """Is one of the values, given as a list."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Compare with the elements of an array; SQLite has none, and takes JSON."""
        lhs, parameters = self.process_lhs(compiler, connection)
        if hasattr(self.rhs, "as_sql"):  # a place to fill in (integrations/prepared.py)
            _, given = self.rhs.as_sql(compiler, connection)
        else:
            given = [self.parameter(self.lhs.output_field, self.rhs, connection)]
        if connection.vendor == "postgresql":
            return f"{lhs} = ANY(%s)", (*parameters, *given)
        return f"{lhs} IN (SELECT value FROM json_each(%s))", (*parameters, *given)  # noqa: S608  a column's name

    @staticmethod
    def parameter(field: Any, values: Iterable[Any], connection: Any) -> Any:
        """Put values of a field into one parameter."""
        values = list(values)
        if not isinstance(field, CharField):  # whose texts are what the database takes
            values = [field.get_db_prep_value(value, connection) for value in values]
        return values if connection.vendor == "postgresql" else json.dumps(values)
