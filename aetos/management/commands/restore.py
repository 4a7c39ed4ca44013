from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aetos import backup

NEXT = """Restored. Before web, worker and beat start, read docs/operations/backup.md, or in short:
  manage.py migrate                    where the code is newer than the backup
  manage.py audit
  manage.py forget_seller ...          for whoever was forgotten since
  manage.py reconcile_scrapes --all    jobs that ScraperV2 has finished since
  manage.py reconcile_sales            sales that eBay has seen since"""


class Command(BaseCommand):
    """Put a backup back into an empty database."""

    help = "Put a backup back into the empty database that DATABASE_URL names, and the photos beside it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which."""
        parser.add_argument("backup", type=Path, help="the folder of one backup")

    def handle(self, *args: Any, **options: Any) -> None:
        """Put it back, and say what is there and what comes next."""
        try:
            rows = backup.restore(options["backup"])
        except (backup.Damaged, backup.NotEmpty, backup.ProgramFailed, OSError) as error:
            raise CommandError(str(error)) from error
        for table, count in rows.items():
            self.stdout.write(f"{table}: {count}")
        self.stdout.write(NEXT)
