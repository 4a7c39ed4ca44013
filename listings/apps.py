from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ListingsConfig(AppConfig):
    """Listings, their lifecycle and their guards."""

    name = "listings"

    def ready(self) -> None:
        """Have the database's guards installed after every `migrate`."""
        from listings import guards

        post_migrate.connect(guards.install_after_migrate, sender=self, dispatch_uid="guards")
