"""Migrations of indexes on tables that are in use: PostgreSQL builds and drops them while others write.

Such a migration sets `atomic = False`, and nothing else stands in it. Where it
was interrupted, it is simply run again. On SQLite, and inside a transaction, as
tests have it, these are the plain operations.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex, RemoveIndex
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


def _can_wait(editor: BaseDatabaseSchemaEditor) -> bool:
    return editor.connection.vendor == "postgresql" and not editor.connection.in_atomic_block


class BuildIndex(AddIndex):
    """`AddIndex` that locks nobody out."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Build the index; half of one, left by a migration that was interrupted, is dropped first."""
        if not _can_wait(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            _drop(schema_editor, self.index.name)
            schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop it."""
        if not _can_wait(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        _drop(schema_editor, self.index.name)


class DropIndex(RemoveIndex):
    """`RemoveIndex` that locks nobody out."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop it."""
        if not _can_wait(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        _drop(schema_editor, self.name)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Build it again."""
        index = to_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        BuildIndex(self.model_name, index).database_forwards(app_label, schema_editor, from_state, to_state)


class DropFieldIndex(Operation):
    """Drops an index that Django gives a field by itself; each insert pays for it, and nothing asks for it.

    Args:
        suffix: empty for the field's index, `_like` for the second one that a text
            has on PostgreSQL, for searches by its beginning.
    """

    reversible = True

    def __init__(self, model_name: str, field_name: str, suffix: str = "") -> None:
        self.model_name, self.field_name, self.suffix = model_name, field_name, suffix

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing: where the model tells of it, the migration says so beside this."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop it."""
        model: Any = from_state.apps.get_model(app_label, self.model_name)
        column = model._meta.get_field(self.field_name).column
        _drop(
            schema_editor,
            schema_editor._create_index_name(model._meta.db_table, [column], suffix=self.suffix),
        )

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Leave it dropped: nothing misses it."""

    def describe(self) -> str:
        """Say what it does."""
        return f"Drop the index {self.suffix or 'of its own'} of {self.model_name}.{self.field_name}"


def _drop(schema_editor: Any, name: str) -> None:
    how = "CONCURRENTLY " if _can_wait(schema_editor) else ""
    schema_editor.execute(f"DROP INDEX {how}IF EXISTS {schema_editor.quote_name(name)}")
