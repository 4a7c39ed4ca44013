from typing import Any

from django.core.management.base import BaseCommand

from scraping import reconcile


class Command(BaseCommand):
    """Do once what beat does every minute."""

    help = "Ask ScraperV2 what became of the jobs that are past their deadline."

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, and say how many jobs became what."""
        outcomes = reconcile.reconcile()
        self.stdout.write(", ".join(f"{count} {name}" for name, count in outcomes.items()) or "none overdue")
