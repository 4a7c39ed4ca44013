from typing import Any

from django.core.management.base import BaseCommand

from listings import sale_checks


class Command(BaseCommand):
    """Do once what beat does every 15 minutes."""

    help = "Ask eBayLister which listings on eBay have sold."

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, and say how many listings became what."""
        outcomes = sale_checks.reconcile()
        self.stdout.write(", ".join(f"{count} {name}" for name, count in outcomes.items()) or "none on eBay")
