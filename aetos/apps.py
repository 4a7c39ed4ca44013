from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class AetosConfig(AppConfig):
    """The frame."""

    name = "aetos"

    def ready(self) -> None:
        """Register the start-up checks, and make the staff groups after every `migrate`."""
        from aetos import checks, groups, openapi_fields, postgresql_times  # noqa: F401  three of them register themselves

        # The last of our apps with models: when it is done, every permission exists.
        post_migrate.connect(
            groups.create_groups, sender=apps.get_app_config("scraping"), dispatch_uid="groups"
        )
