"""Pages of long lists: nobody reads the 800th, so nothing is counted that far."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

AHEAD = 1000
FURTHEST = 100_000


class BoundedPaginator(Paginator):
    """Counts `AHEAD` rows past the page that is asked for, and no further."""

    template_name = "staff/pagination.html"
    page_asked = 1

    @cached_property
    def horizon(self) -> int:
        """Where counting stops."""
        return min(max(self.page_asked, 1) * self.per_page, FURTHEST) + AHEAD

    @cached_property
    def count(self) -> int:
        """How many rows there are, up to the horizon."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: self.horizon].count()

    @property
    def more(self) -> bool:
        """Whether there may be rows beyond the horizon."""
        return self.count >= self.horizon
