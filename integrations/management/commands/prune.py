from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations import retention


class Command(BaseCommand):
    """Do now what beat does every night; it can be stopped and run again."""

    help = "Empty what has been kept for as long as KEEP_INBOX_DAYS and KEEP_DELIVERIES_DAYS say. Rows stay."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to look only."""
        parser.add_argument("--dry-run", action="store_true", help="count, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Empty batch by batch, and say how far it is."""
        due = retention.due()
        for name, count in due.items():
            self.stdout.write(f"{name}: {count} to be emptied")
        if not options["dry_run"]:
            retention.prune(
                told=lambda name, done: self.stdout.write(f"{name}: {done} of {due[name]} emptied")
            )
