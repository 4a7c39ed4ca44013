from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection, transaction

from listings import days, tally


class Command(BaseCommand):
    """Put the tally of listings right, where the audit has found that it is not."""

    help = "Count all listings anew, by state, brand and day. Changes wait meanwhile: about a second for a million."

    def handle(self, *args: Any, **options: Any) -> None:
        """Lock, count, say what was wrong."""
        with transaction.atomic():
            tally.lock(connection)
            found, wrong = tally.differences(), days.differences()
            tally.recount(connection)
            days.recount(connection)
        for state, brand, count, pennies in found:
            self.stdout.write(f"{state} {brand}: {count:+} listings, {pennies:+} pennies too many until now")
        for day, count in wrong:
            self.stdout.write(f"{day}: {count:+} listings too many until now")
        self.stdout.write(f"Counted. {len(found) + len(wrong)} of the numbers were wrong.")
