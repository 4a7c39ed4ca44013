"""The back office of listings."""

from listings.admin import buying, callbacks, ledger, listings, log, rules

__all__ = ["buying", "callbacks", "ledger", "listings", "log", "rules"]
