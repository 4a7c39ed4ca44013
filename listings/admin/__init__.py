"""The back office of listings."""

from listings.admin import buying, callbacks, listings, log, rules

__all__ = ["buying", "callbacks", "listings", "log", "rules"]
