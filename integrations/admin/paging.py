"""Pages of long lists: nobody reads the 800th, so nothing is counted that far, unless the number is known anyhow."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

from integrations.paging import window

AHEAD = 1000
FURTHEST = 100_000


class BoundedPaginator(Paginator):
    """Counts `AHEAD` rows past the page that is asked for, and no further; `known` is the number where it is known."""

    template_name = "staff/pagination.html"
    page_asked = 1
    known: int | None = None

    @cached_property
    def horizon(self) -> int:
        """Where counting stops."""
        return min(max(self.page_asked, 1) * self.per_page, FURTHEST) + AHEAD

    @cached_property
    def count(self) -> int:
        """How many rows there are, up to the horizon."""
        if self.known is not None:
            return self.known
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: self.horizon].count()

    @property
    def more(self) -> bool:
        """Whether there may be rows beyond the horizon."""
        return self.known is None and self.count >= self.horizon

    def page(self, number: Any) -> Page:
        """Read a page."""
        number = self.validate_number(number)
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        start = (number - 1) * self.per_page
        return Page(window(rows, start, self.per_page, self.known), number, self)
