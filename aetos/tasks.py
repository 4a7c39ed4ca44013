"""What Celery runs for the product as a whole."""

from celery import shared_task

from aetos import audit


@shared_task(name="aetos.audit")
def audit_database() -> int:
    """Audit the database, and tell staff of what is wrong; return how many rules are broken."""
    return len(audit.run_and_tell().broken)
