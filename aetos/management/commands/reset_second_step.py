"""For whoever looks after the accounts and lost the phone."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from aetos import twofactor


class Command(BaseCommand):
    """Take a person's second step away; the next sign-in sets it up anew."""

    help = "Take a person's second step away; the next sign-in sets it up anew."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name."""
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        """Do it.

        Raises:
            CommandError: nobody has that name.
        """
        try:
            user = User.objects.get_by_natural_key(username)
        except User.DoesNotExist:
            raise CommandError(f"Nobody is called {username}.") from None
        done = twofactor.take_away(user)
        self.stdout.write("Taken away." if done else "There was none.")
