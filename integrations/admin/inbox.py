"""The inbox: what partners told us, as they sent it, and "process again"."""

import json
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from integrations import retention, webhooks
from integrations.admin.base import ReadOnlyAdmin
from integrations.admin.filters import QuestionForm, choice, questions
from integrations.models import InboxMessage
from integrations.show import badge, link, page_of, text, when

log = structlog.get_logger(__name__)
Status = InboxMessage.Status
PATIENCE = timedelta(hours=1)
WORDS = {
    Status.RECEIVED: ("received", "warn"),
    Status.PROCESSED: ("processed", "good"),
    Status.REFUSED: ("refused", "bad"),
    Status.PARKED: ("parked", "warn"),
    Status.CONFLICT: ("conflict", "bad"),
    Status.DISMISSED: ("dismissed", ""),
}


def stale(rows: QuerySet[InboxMessage]) -> QuerySet[InboxMessage]:
    """Keep what has been parked for so long that what it waits for will hardly come by itself."""
    return rows.filter(status=Status.PARKED, received_at__lte=Now() - PATIENCE)


class InboxQuestions(QuestionForm):
    """What staff ask of the inbox."""

    lookups = {"partner": "partner"}
    status = choice(
        [("open", "Needs a person"), ("stale", "Parked for over an hour"), *Status.choices],
        "Status",
        "Any status",
    )
    partner = choice(
        [(name, name) for name in (*settings.WEBHOOK_PARTNERS, "telegram")], "Partner", "Any partner"
    )

    def narrow(self, rows: QuerySet[InboxMessage]) -> QuerySet[InboxMessage]:
        """Filter; "needs a person" is what waits for a decision or for something that we do not know yet."""
        rows, status = super().narrow(rows), self.answers.get("status")
        if status == "open":
            return rows.filter(status__in=(Status.PARKED, Status.CONFLICT))
        if status == "stale":
            return stale(rows)
        return rows.filter(status=status) if status else rows


@admin.register(InboxMessage)
class InboxAdmin(ReadOnlyAdmin):
    """What came in, read-only but for "process again"."""

    act_permission = "integrations.replay_inboxmessage"
    list_display = ("message", "status_badge", "what", "received", "tries")
    list_filter = (questions(InboxQuestions),)
    empty_words = "No partner has called yet. A job that ScraperV2 completes will be the first."

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxMessage]:
        """Leave the bodies, of up to 16 MiB, out of the list."""
        return super().get_queryset(request).defer("body", "answer")

    @admin.display(description="Message", ordering="partner")
    def message(self, row: InboxMessage) -> SafeString:
        """Link to the message."""
        url = page_of("integrations_inboxmessage", row.pk)
        return link(url, f"{row.partner} {row.kind} #{row.pk}")

    @admin.display(description="Status", ordering="status")
    def status_badge(self, row: InboxMessage) -> SafeString:
        """Show what became of it."""
        return badge(*WORDS[Status(row.status)])

    @admin.display(description="Detail")
    def what(self, row: InboxMessage) -> SafeString:
        """Show why, where it was not simply processed."""
        return text(row.detail, limit=120)

    @admin.display(description="Received", ordering="id")
    def received(self, row: InboxMessage) -> SafeString:
        """Show when it came."""
        return when(row.received_at)

    @admin.display(description="Tries", ordering="attempts")
    def tries(self, row: InboxMessage) -> int:
        """Count how often it was processed."""
        return row.attempts

    # ---- one message ----------------------------------------------------------------------------

    def record(self, request: HttpRequest, row: InboxMessage) -> dict[str, Any]:
        """Show a message with its body, byte for byte where it is no JSON."""
        facts = [
            ("Status", badge(*WORDS[Status(row.status)])),
            ("Means", row.get_status_display()),
            ("Detail", text(row.detail)),
            ("About", _about(row)),
            ("Settled by", text(row.settled_by)),
            ("Received", when(row.received_at)),
            ("Processed", when(row.processed_at)),
            ("Tries", row.attempts),
            ("Content type", text(row.content_type)),
            ("Size", f"{len(row.raw):,} bytes"),
            ("No longer kept since", when(row.emptied_at)),
            ("Request id", text(row.request_id)),
        ]
        raws: list[tuple[str, Any]] = [("Body", row.raw)]
        return {
            "title": str(row),
            "badge": badge(*WORDS[Status(row.status)]),
            "sections": [("Message", facts)],
            "raws": [*raws, ("Our answer", row.answer)] if row.answer is not None else raws,
            "buttons": self._buttons(request, row),
        }

    def _buttons(self, request: HttpRequest, row: InboxMessage) -> list[dict[str, str]]:
        if not self.may_act(request) or row.emptied_at:
            return []
        return [
            {
                "url": reverse("admin:integrations_inboxmessage_again", args=[row.pk]),
                "words": "Process again",
                "note": "What it has done before is not done twice.",
            }
        ]

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address."""
        again = self.admin_site.admin_view(self.again_view)
        return [path("<int:pk>/again/", again, name="integrations_inboxmessage_again"), *super().get_urls()]

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Process a message again, and show the answer that its sender would have got."""
        if request.method == "POST":
            self.demand(request)
            get_object_or_404(InboxMessage.objects.defer("body"), pk=pk)
            try:
                answer = webhooks.reprocess(pk)
            except retention.BodyGone as error:
                messages.error(request, str(error))
            except Exception as error:
                # Whatever the handler did not foresee: the row waits, and staff hear of it instead of a 500.
                log.exception("inbox row failed again", inbox_id=pk)
                webhooks.note_failure(pk, error)
                messages.error(request, f"Failed on our side ({type(error).__name__}). It stays as received.")
            else:
                level = messages.SUCCESS if answer.status < 400 else messages.ERROR
                messages.add_message(request, level, f"Answered {answer.status}: {_short(answer.body)}")
        return self.to_record(pk)


def _short(body: dict[str, Any]) -> str:
    words = json.dumps(body, default=str)
    return words if len(words) <= 300 else f"{words[:299]}…"


def _about(row: InboxMessage) -> SafeString:
    if row.subject is None:
        return text("")
    model = "scraping_scrapejob" if row.partner == "scraper" else "listings_productlisting"
    return link(page_of(model, row.subject), str(row.subject))
