from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ListingsConfig(AppConfig):
    """Listings, their lifecycle and their guards."""

    name = "listings"

    def ready(self) -> None:
        """Have the database's guards installed after every `migrate`; say who delivers and who understands what."""
        from integrations import outbox, telegram_chat, webhooks
        from listings import callbacks, deliveries, guards, leads, sales, telegram_photo_fetch, telegram_taps
        from listings.offers import answers

        post_migrate.connect(guards.install_after_migrate, sender=self, dispatch_uid="guards")
        for topic, handler in ((leads.SEND, leads.send), (leads.STOP, leads.stop)):
            outbox.register(topic, channel="chatterbot", handler=handler, given_up=deliveries.given_up)
        for topic, handler in answers.HANDLERS.items():
            outbox.register(topic, channel="ebaylister", handler=handler, given_up=deliveries.given_up)
        for kind, understand in callbacks.HANDLERS.items():
            webhooks.register("chatterbot", kind, understand)
        webhooks.register(sales.EBAY, sales.KIND, sales.item_sold)
        telegram_chat.register()
        telegram_photo_fetch.register()
        webhooks.register("telegram", telegram_taps.KIND, telegram_taps.update)
