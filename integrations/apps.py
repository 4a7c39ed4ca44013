from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class IntegrationsConfig(AppConfig):
    """Outbox, inbox and the partners' clients."""

    name = "integrations"

    def ready(self) -> None:
        """Let statements be as large as this SQLite allows, and know our own lookups."""
        from integrations import lookups  # noqa: F401  registers itself

        connection_created.connect(use_all_variables, dispatch_uid="sqlite variables")


def use_all_variables(connection: Any, **kwargs: Any) -> None:
    """Tell Django how many values one SQLite statement takes.

    Django assumes 999, the limit of old builds, and would cut a job of a
    thousand matches into hundreds of statements.
    """
    if connection.vendor == "sqlite":
        import sqlite3

        connection.features.max_query_params = connection.connection.getlimit(
            sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER
        )
