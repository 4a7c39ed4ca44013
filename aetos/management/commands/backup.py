from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aetos import backup


def _one_or_more(given: str) -> int:
    if not given.isdecimal() or int(given) < 1:
        raise ArgumentTypeError("must be 1 or more")
    return int(given)


class Command(BaseCommand):
    """Back up database and photos; docs/operations/backup.md says how it is used."""

    help = "Make a backup of database and photos, check it, and delete the oldest ones."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to, and how many are kept."""
        parser.add_argument("folder", type=Path, help="where backups are; not on the disk of the database")
        parser.add_argument("--keep", type=_one_or_more, default=14, help="how many are kept (14)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, and say where it is."""
        try:
            made = backup.make(options["folder"], keep=options["keep"])
        except (backup.Damaged, backup.ProgramFailed, OSError) as error:
            raise CommandError(f"No backup was made. {error}") from error
        self.stdout.write(str(made))
