import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aetos import audit
from integrations.findings import Rule


class Command(BaseCommand):
    """Do once what beat does every night, and show it; the exit status is 1 where something was found."""

    help = "Check that log, state, events, messages and money of this database agree."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how patient to be, and the form of the answer."""
        parser.add_argument(
            "--patience",
            type=float,
            default=audit.PATIENCE.total_seconds(),
            metavar="SECONDS",
            help="how long a call or a webhook may be unfinished (default: %(default)s)",
        )
        parser.add_argument("--json", action="store_true", help="write one JSON object, and no progress")

    def handle(self, *args: Any, **options: Any) -> None:
        """Audit, and say of each rule whether it holds.

        Raises:
            CommandError: something was found.
        """

        def look(rule: Rule, count: int) -> None:
            self.stdout.write(f"{'holds ' if not count else 'BROKEN'}  {rule.name}: {rule.words}")

        patience = timedelta(seconds=options["patience"])
        record = audit.run(patience=patience, look=None if options["json"] else look)
        if options["json"]:
            self.stdout.write(json.dumps({"broken": record.broken, "findings": record.findings}))
        else:
            for line in record.findings:
                self.stdout.write(line)
        if record.broken:
            raise CommandError(f"{sum(record.broken.values())} rows break {len(record.broken)} rules.")
