"""`field__among=values`: `field__in` with one parameter, however many values there are.

`__in` has a parameter for each: Django prepares them one by one, the statement
is another one for each number of them, and PostgreSQL takes 65,535 at most.
"""

import json
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
        field, values = self.lhs.output_field, list(self.rhs)
        if not isinstance(field, CharField):  # whose texts are what the database takes
            values = [field.get_db_prep_value(value, connection) for value in values]
        if connection.vendor == "postgresql":
            return f"{lhs} = ANY(%s)", (*parameters, values)
        given = (*parameters, json.dumps(values))
        return f"{lhs} IN (SELECT value FROM json_each(%s))", given  # noqa: S608  a column's name
