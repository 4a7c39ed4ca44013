"""The back office of scrape jobs and search plans."""

from scraping.admin import jobs, plans

__all__ = ["jobs", "plans"]
