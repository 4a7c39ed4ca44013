"""What Celery runs for listings."""

from celery import shared_task

from listings import days, outreach, sale_checks, tally, telegram_photo_answers, timeouts
from listings.photos import files


@shared_task(name="listings.cancel_overdue")
def cancel_overdue() -> int:
    """Cancel what is past its deadline, and warn of what will be; return how many were cancelled."""
    cancelled = timeouts.cancel_overdue()
    timeouts.warn()
    return cancelled


@shared_task(name="listings.run_outreach")
def run_outreach() -> int:
    """Message the sellers whose turn it is; return how many."""
    return len(outreach.run())


@shared_task(name="listings.answer_pictures")
def answer_pictures() -> int:
    """Tell the Telegram chat what became of the pictures sent there; return of how many albums it spoke."""
    return telegram_photo_answers.answer()


@shared_task(name="listings.sweep_photos")
def sweep_photos() -> int:
    """Delete photos' files that no row names; return how many."""
    return files.sweep()


@shared_task(name="listings.reconcile_sales")
def reconcile_sales() -> int:
    """Ask eBayLister for the listings on eBay of which nothing is heard; return how many were asked for."""
    return sale_checks.reconcile().total()


@shared_task(name="listings.fold_tally")
def fold_tally() -> int:
    """Keep the tally of listings and of their days short; return by how many rows."""
    return tally.fold() + days.fold()
