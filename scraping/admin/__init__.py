"""The back office of scrape jobs."""

from scraping.admin import jobs

__all__ = ["jobs"]
