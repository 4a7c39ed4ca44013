"""The transition log: read by everybody who may, written by nobody."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from integrations.admin.base import ReadOnlyAdmin
from integrations.admin.filters import QuestionForm, choice, questions
from integrations.show import link, page_of, text, when
from listings.admin.show import state_badge, who
from listings.models import TransitionLog
from listings.states import State


class LogQuestions(QuestionForm):
    """What staff ask of the log."""

    lookups = {"to": "to_state"}
    to = choice(State.choices, "To", "Any state")


@admin.register(TransitionLog)
class TransitionLogAdmin(ReadOnlyAdmin):
    """Every arrow that was ever taken."""

    list_display = ("number", "listing_link", "from_badge", "to_badge", "by", "reason", "at")
    list_filter = (questions(LogQuestions),)
    list_select_related = ("listing",)
    empty_words = "No listing has been found yet. The first one begins the log."

    def get_queryset(self, request: HttpRequest) -> QuerySet[TransitionLog]:
        """Leave out what the list does not show of a listing."""
        return super().get_queryset(request).defer("listing__raw_match")

    @admin.display(description="No.", ordering="id")
    def number(self, row: TransitionLog) -> SafeString:
        """Link to the row."""
        return link(page_of("listings_transitionlog", row.pk), row.pk)

    @admin.display(description="Listing")
    def listing_link(self, row: TransitionLog) -> SafeString:
        """Link to the listing."""
        url = page_of("listings_productlisting", row.listing_id)
        return link(url, text(row.listing.title, limit=60))

    @admin.display(description="From")
    def from_badge(self, row: TransitionLog) -> SafeString:
        """Show where it came from."""
        return state_badge(row.from_state)

    @admin.display(description="To")
    def to_badge(self, row: TransitionLog) -> SafeString:
        """Show where it went."""
        return state_badge(row.to_state)

    @admin.display(description="By")
    def by(self, row: TransitionLog) -> str:
        """Say who."""
        return who(row.triggered_by)

    @admin.display(description="Reason")
    def reason(self, row: TransitionLog) -> SafeString:
        """Say why."""
        return text(str(row.metadata.get("reason", "")), limit=80)

    @admin.display(description="When", ordering="transitioned_at")
    def at(self, row: TransitionLog) -> SafeString:
        """Say when."""
        return when(row.transitioned_at)

    def record(self, request: HttpRequest, row: TransitionLog) -> dict[str, Any]:
        """Show one row."""
        facts = [
            ("Listing", self.listing_link(row)),
            ("Step", row.sequence),
            ("From", state_badge(row.from_state)),
            ("To", state_badge(row.to_state)),
            ("By", text(row.triggered_by)),
            ("Reason", self.reason(row)),
            ("When", when(row.transitioned_at)),
            ("Event id", text(str(row.event_id))),
        ]
        return {
            "title": f"Log row {row.pk}",
            "may_act": True,
            "sections": [("One arrow, taken", facts)],
            "raws": [("Metadata", row.metadata)],
        }
