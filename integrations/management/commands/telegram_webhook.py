from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations import telegram
from integrations.http import PartnerError


class Command(BaseCommand):
    """Tell Telegram where to call us, ask what it knows, or have it call no more."""

    help = "Register our webhook with Telegram (set), show what Telegram knows of it (info), or take it back (delete)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be done."""
        parser.add_argument("action", choices=("set", "info", "delete"))

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and show what Telegram said."""
        try:
            getattr(self, f"_{options['action']}")()
        except PartnerError as error:
            raise CommandError(str(error)) from None

    def _set(self) -> None:
        self.stdout.write(telegram.set_webhook())
        self._info()

    def _info(self) -> None:
        for name, value in sorted(telegram.webhook_info().items()):
            self.stdout.write(f"{name}: {value}")

    def _delete(self) -> None:
        self.stdout.write(telegram.delete_webhook())
