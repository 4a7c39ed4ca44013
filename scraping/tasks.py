"""What Celery runs for scrapes."""

from celery import shared_task

from scraping import plans, reconcile


@shared_task(name="scraping.reconcile_scrapes")
def reconcile_scrapes() -> int:
    """Ask ScraperV2 for the jobs that are past their deadline; return how many were asked for."""
    return reconcile.reconcile().total()


@shared_task(name="scraping.run_due_plans")
def run_due_plans() -> int:
    """Start the runs that the search plans have due; return how many."""
    return plans.run_due()


@shared_task(name="scraping.watch_pipeline")
def watch_pipeline() -> str | None:
    """Alert staff, once, when nothing comes in although the plans promise it."""
    return plans.watch()
