from typing import Any

from django.core.management.base import BaseCommand

from integrations import relay
from integrations.channels import CHANNELS


class Command(BaseCommand):
    """Do once what the worker does every two seconds."""

    help = "Deliver what the outbox holds and is due, on every channel."

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve each channel and say how many messages left and how many wait."""
        for channel in CHANNELS:
            delivered = relay.serve(channel)
            self.stdout.write(f"{channel}: {delivered} delivered, {relay.pending(channel).count()} waiting")
