from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AetosConfig(AppConfig):
    """The frame; last in INSTALLED_APPS, so that what it does after `migrate` finds everything else done."""

    name = "aetos"

    def ready(self) -> None:
        """Register the start-up checks, and make the staff groups after every `migrate`."""
        from aetos import checks, groups  # noqa: F401  checks registers itself

        post_migrate.connect(groups.create_groups, sender=self, dispatch_uid="groups")
