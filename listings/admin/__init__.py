"""The back office of listings."""

from listings.admin import listings, log

__all__ = ["listings", "log"]
