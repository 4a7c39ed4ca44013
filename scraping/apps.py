from django.apps import AppConfig


class ScrapingConfig(AppConfig):
    """Scrape jobs."""

    name = "scraping"

    def ready(self) -> None:
        """Say who delivers our calls and who understands ScraperV2's."""
        from integrations import outbox, retention, webhooks
        from listings.figures import origins
        from scraping import deliveries, figures, jobs, replays
        from scraping.webhooks import job_complete

        outbox.register(
            jobs.START, channel="scraperv2", handler=deliveries.start_job, given_up=deliveries.start_given_up
        )
        webhooks.register("scraper", "job-complete", job_complete)
        origins.register(figures.jobs_of)
        retention.register(
            "replayed matches",
            setting="KEEP_INBOX_DAYS",
            due=lambda before: replays.replayed(before).count(),
            step=replays.empty_replayed,
        )
