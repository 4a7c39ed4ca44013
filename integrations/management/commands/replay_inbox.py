from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations import retention, webhooks
from integrations.models import InboxMessage


class Command(BaseCommand):
    """Process one kept webhook again; what it did before is not done twice."""

    help = "Process a webhook that the inbox holds again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the inbox row's id."""
        parser.add_argument("id", type=int, help="the inbox row, as the back office shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Process it and say what came of it."""
        try:
            answer = webhooks.reprocess(options["id"])
        except InboxMessage.DoesNotExist:
            raise CommandError(f"There is no inbox row {options['id']}.") from None
        except retention.BodyGone as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{answer.keep_as}: {answer.status} {answer.body}")
