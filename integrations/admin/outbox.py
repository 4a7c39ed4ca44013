"""The outbox: what must go out, what became of it, and "deliver again"."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from integrations.admin import redelivery
from integrations.admin.base import ReadOnlyAdmin, report
from integrations.admin.channels import outbox_delivers_events
from integrations.admin.filters import QuestionForm, choice, questions
from integrations.channels import CHANNELS, EVENTS
from integrations.models import OutboxMessage
from integrations.show import badge, link, page_of, text, when

TONES = {"delivered": "good", "given up": "bad", "failing": "warn", "waiting": ""}
STATES = (
    ("pending", "Waiting or failing"),
    ("waiting", "Waiting"),
    ("failing", "Failing"),
    ("given-up", "Given up"),
    ("elsewhere", "Given up, and on no listing's page"),
    ("delivered", "Delivered"),
)
# A partner's call for a listing is shown on the listing, as its error; of these nobody would hear otherwise.
SHOWN_NOWHERE_ELSE = (EVENTS, "scraperv2", "telegram")
MOST_AT_ONCE = 500
UUID_LENGTH = 36


class OutboxQuestions(QuestionForm):
    """What staff ask of the outbox."""

    lookups = {"channel": "channel", "topic": "topic"}
    state = choice(STATES, "State", "Any state")
    channel = choice([(name, name) for name in CHANNELS], "Channel", "Any channel")
    topic = forms.CharField(max_length=64, label="Topic")

    def narrow(self, rows: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
        """Filter, by the states that the model knows as properties too."""
        rows = super().narrow(rows)
        pending = {"delivered_at__isnull": True, "given_up_at__isnull": True}
        states: dict[str, dict[str, Any]] = {
            "pending": pending,
            "waiting": {**pending, "attempts": 0},
            "failing": {**pending, "attempts__gt": 0},
            "given-up": {"given_up_at__isnull": False},
            "elsewhere": {"given_up_at__isnull": False, "channel__in": SHOWN_NOWHERE_ELSE},
            "delivered": {"delivered_at__isnull": False},
        }
        return rows.filter(**states.get(self.answers.get("state", ""), {}))


def key_link(row: OutboxMessage) -> SafeString:
    """Link to the page of what a message is about: a job for the scraper's topics, else a listing."""
    if len(row.key) != UUID_LENGTH:
        return text(row.key, limit=40)
    model = "scraping_scrapejob" if row.topic.startswith("scraper.") else "listings_productlisting"
    return link(reverse(f"admin:{model}_change", args=[row.key]), f"…{row.key[-8:]}")


@admin.register(OutboxMessage)
class OutboxAdmin(ReadOnlyAdmin):
    """What goes out, read-only but for "deliver again"."""

    act_permission = "integrations.redeliver_outboxmessage"
    list_display = ("topic_link", "channel", "state_badge", "about", "tries", "error", "created", "ended")
    list_filter = (questions(OutboxQuestions),)
    search_fields = ("key", "event_id")
    search_help_text = "Listing, job or event id"
    actions = ("deliver_again",)
    empty_words = "Nothing has been said to the outside yet. The first job that comes in will fill this."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OutboxMessage], search_term: str
    ) -> tuple[QuerySet[OutboxMessage], bool]:
        """Find by a whole id: both columns have an index for that, and none for a part of it."""
        try:
            event_id = uuid.UUID(search_term.strip())
        except ValueError:
            return (queryset.filter(key=search_term.strip()) if search_term.strip() else queryset), False
        found = queryset.filter(key=str(event_id))
        return (found if found.exists() else queryset.filter(event_id=event_id)), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxMessage]:
        """Leave the bodies out of the list."""
        return super().get_queryset(request).defer("body")

    # ---- the columns ----------------------------------------------------------------------------

    @admin.display(description="Topic", ordering="topic")
    def topic_link(self, row: OutboxMessage) -> SafeString:
        """Link to the message."""
        return link(page_of("integrations_outboxmessage", row.pk), row.topic)

    @admin.display(description="State")
    def state_badge(self, row: OutboxMessage) -> SafeString:
        """Show where it is."""
        return badge(row.state, TONES[row.state])

    @admin.display(description="About")
    def about(self, row: OutboxMessage) -> SafeString:
        """Link to its listing or job."""
        return key_link(row)

    @admin.display(description="Tries", ordering="attempts")
    def tries(self, row: OutboxMessage) -> int:
        """Count the attempts."""
        return row.attempts

    @admin.display(description="Last error")
    def error(self, row: OutboxMessage) -> SafeString:
        """Show the last error."""
        return text(row.last_error, limit=80)

    @admin.display(description="Created", ordering="id")
    def created(self, row: OutboxMessage) -> SafeString:
        """Show when the fact was written."""
        return when(row.created_at)

    @admin.display(description="Delivered / next try", ordering=F("delivered_at").asc(nulls_first=True))
    def ended(self, row: OutboxMessage) -> SafeString:
        """Show when it left, or when it is tried next."""
        if row.state == "delivered":
            return when(row.delivered_at)
        if row.state == "given up":
            return text("no further try")
        if row.channel == EVENTS and not outbox_delivers_events():
            return text("stays here: no broker")
        return when(row.next_attempt_at)

    # ---- one message ----------------------------------------------------------------------------

    def record(self, request: HttpRequest, row: OutboxMessage) -> dict[str, Any]:
        """Show a message and each attempt at it."""
        facts = [
            ("State", badge(row.state, TONES[row.state])),
            ("Channel", row.channel),
            ("About", key_link(row)),
            ("Event id", text(str(row.event_id))),
            ("Tries", row.attempts),
            ("Last error", text(row.last_error)),
            ("Created", when(row.created_at)),
            ("Next try", when(row.next_attempt_at if row.state in ("waiting", "failing") else None)),
            ("Delivered", when(row.delivered_at)),
            ("Given up", when(row.given_up_at)),
        ]
        attempts = [
            (when(each.started_at), when(each.finished_at), _outcome(each.outcome), text(each.detail))
            for each in row.attempt_set.order_by("-id")[:100]
        ]
        return {
            "title": row.topic,
            "badge": badge(row.state, TONES[row.state]),
            "notices": redelivery.notices(row),
            "sections": [("Message", facts)],
            "tables": [
                {
                    "title": "Attempts",
                    "heads": ("Started", "Ended", "Outcome", "Answer"),
                    "rows": attempts,
                    "empty": "No call was made yet. Events have no attempts of their own: they leave in batches.",
                }
            ],
            "raws": [("Body", row.body)],
            "buttons": self._buttons(request, row),
        }

    def _buttons(self, request: HttpRequest, row: OutboxMessage) -> list[dict[str, str]]:
        if row.state == "delivered" or not self.may_act(request):
            return []
        url = reverse("admin:integrations_outboxmessage_again", args=[row.pk])
        return [{"url": url, "words": "Deliver again", "note": "It gets all its tries again, from now."}]

    # ---- deliver again --------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address."""
        again = self.admin_site.admin_view(self.again_view)
        return [path("<int:pk>/again/", again, name="integrations_outboxmessage_again"), *super().get_urls()]

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Deliver one message again, and say what came of it."""
        if request.method == "POST":
            self.demand(request)
            message = get_object_or_404(OutboxMessage, pk=pk)
            report(request, redelivery.deliver([message]))
        return self.to_record(pk)

    @admin.action(description="Deliver again", permissions=["act"])
    def deliver_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> HttpResponse:
        """Deliver the selected messages again, and say what came of each."""
        rows = list(queryset.order_by("id")[: MOST_AT_ONCE + 1])
        if len(rows) > MOST_AT_ONCE:
            messages.error(request, f"Nothing was done: at most {MOST_AT_ONCE} messages at once.")
        else:
            report(request, redelivery.deliver(rows))
        return HttpResponseRedirect(request.get_full_path())


def _outcome(outcome: str) -> SafeString:
    tones = {"delivered": "good", "failed": "bad"}
    return badge(outcome or "no answer known", tones.get(outcome, "warn"))
