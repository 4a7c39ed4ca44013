from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.http import PartnerError
from scraping import reconcile


class Command(BaseCommand):
    """Do once what beat does every minute; or catch up with all that ScraperV2 knows."""

    help = "Ask ScraperV2 what became of the jobs that are past their deadline."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which jobs are asked for."""
        parser.add_argument(
            "--all", action="store_true", help="take in every completed job that is not complete here"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, and say how many jobs became what."""
        try:
            outcomes = reconcile.catch_up() if options["all"] else reconcile.reconcile()
        except PartnerError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(", ".join(f"{count} {name}" for name, count in outcomes.items()) or "none overdue")
