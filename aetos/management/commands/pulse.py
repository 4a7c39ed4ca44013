from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations import clock
from integrations.models import Pulse
from integrations.tasks import TASKS

SILENT_AFTER = timedelta(minutes=3)


class Command(BaseCommand):
    """For health checks of the worker; the exit status is 1 while nothing moves."""

    help = "Say when a task of beat was last run by a worker: every half minute while all is well."

    def handle(self, *args: Any, **options: Any) -> None:
        """Say it.

        Raises:
            CommandError: it never was, or too long ago.
        """
        last = Pulse.objects.filter(name=TASKS).first()
        if last is None:
            raise CommandError("No task has been run yet.")
        silent = clock.now() - last.beaten_at
        if silent > SILENT_AFTER:
            raise CommandError(f"No task has been run for {silent.total_seconds():.0f} s.")
        self.stdout.write(f"alive {silent.total_seconds():.0f} s ago")
