"""What changes rows, or only counts them."""

from collections import Counter
from typing import Any

from django.db.models import QuerySet


class Pen:
    """Writes and counts; in a dry run it counts."""

    def __init__(self, *, dry_run: bool) -> None:
        self.dry_run = dry_run
        self.counts: Counter[str] = Counter()

    def update(self, what: str, rows: QuerySet[Any], **values: Any) -> None:
        """Give rows new values."""
        self._count(what, rows.count() if self.dry_run else rows.update(**values))

    def delete(self, what: str, rows: QuerySet[Any]) -> None:
        """Delete rows."""
        self._count(what, rows.count() if self.dry_run else rows.delete()[0])

    def _count(self, what: str, count: int) -> None:
        if count:
            self.counts[what] += count
