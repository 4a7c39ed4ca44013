"""What Celery runs for listings."""

from celery import shared_task

from listings import timeouts


@shared_task(name="listings.cancel_overdue")
def cancel_overdue() -> int:
    """Cancel what is past its deadline; return how many."""
    return timeouts.cancel_overdue()
