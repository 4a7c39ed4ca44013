from typing import Any

from django.core.management.base import BaseCommand

from listings import timeouts


class Command(BaseCommand):
    """Do once what beat does every minute."""

    help = "Cancel the listings whose time in Messaging or Negotiating is up."

    def handle(self, *args: Any, **options: Any) -> None:
        """Cancel them and say how many there were."""
        self.stdout.write(f"{timeouts.cancel_overdue()} cancelled")
