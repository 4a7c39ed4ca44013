"""Everything that happened to a listing, in one line of time, newest first."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.admin.outbox import TONES
from integrations.models import DeliveryAttempt, InboxMessage, OutboxMessage
from integrations.show import amount, badge, link, text
from listings import ledger
from listings.admin.show import LETTERS, who
from listings.models import Lead, LedgerLine, ProductListing
from listings.states import State

# Of each kind; a listing that is seen three times a day for a year has more sightings than anybody reads.
LIMIT = 200
SHOWN_ATTEMPTS = 20


@dataclass
class Entry:
    """One thing that happened."""

    at: datetime
    rank: int
    kind: str
    title: SafeString | str
    who: str = ""
    detail: SafeString | str = ""
    mark: str = ""
    deliveries: list["Sent"] = field(default_factory=list)
    raw: Any = None
    group: str = "steps"


@dataclass(frozen=True)
class Sent:
    """One message to the outside: its line, and the attempts at it, open where one failed."""

    line: SafeString
    attempts: list[DeliveryAttempt]

    @property
    def open(self) -> bool:
        """Whether an attempt failed."""
        return any(each.outcome == "failed" for each in self.attempts)


# What the reader can narrow the timeline down to; CSS does it (timeline.css).
GROUPS = (
    ("all", "All"),
    ("steps", "Steps"),
    ("messages", "Messages"),
    ("prices", "Prices"),
    ("deliveries", "Deliveries"),
    ("callbacks", "Callbacks"),
    ("ledger", "Ledger"),
)


def timeline(listing: ProductListing) -> list[Entry]:
    """Merge all that is known of a listing. Nine queries, however much there is."""
    rows = list(OutboxMessage.objects.filter(key=str(listing.pk)).order_by("-id")[: LIMIT * 2])
    attempts: dict[int, list[DeliveryAttempt]] = defaultdict(list)
    for attempt in DeliveryAttempt.objects.filter(message__in=[row.pk for row in rows]).order_by("id"):
        attempts[attempt.message_id].append(attempt)
    sent = [(row, Sent(_line(row), attempts[row.pk][-SHOWN_ATTEMPTS:])) for row in rows]
    arrows, told = _arrows(listing, {row.event_id: each for row, each in sent})
    entries = [
        *arrows,
        *_sightings(listing),
        *(_delivery(row, each) for row, each in sent if row.event_id not in told),
        *_callbacks(listing),
        *_notes(listing),
        *_booked(listing),
        *_photos(listing),
        *_lead(listing),
    ]
    return sorted(entries, key=lambda entry: (entry.at, entry.rank), reverse=True)


def _arrows(listing: ProductListing, events: dict[UUID, Sent]) -> tuple[list[Entry], set[UUID]]:
    entries, told = [], set()
    for row in listing.history.order_by("-sequence")[:LIMIT]:
        to = State(row.to_state)
        origin = State(row.from_state).label if row.from_state else ""
        title = (
            format_html("{} → <b>{}</b>", origin, to.label) if origin else format_html("<b>{}</b>", to.label)
        )
        event = events.get(row.event_id)
        told.add(row.event_id)
        entries.append(
            Entry(
                row.transitioned_at,
                2,
                f"ae-{to.value.lower()}",
                title,
                who(row.triggered_by),
                text(str(row.metadata.get("reason", ""))) if row.metadata.get("reason") else "",
                LETTERS[to],
                [event] if event else [],
                row.metadata or None,
            )
        )
    return entries, told


def _sightings(listing: ProductListing) -> list[Entry]:
    rows = list(listing.sightings.order_by("id")[:LIMIT])
    entries, before, first = [], None, True
    for row in rows:
        job = reverse("admin:scraping_scrapejob_change", args=[row.scraper_job_id])
        entries.append(
            Entry(
                row.seen_at,
                1,
                "ae-seen",
                _price_step(before, row.price, first),
                "ScraperV2",
                link(job, "job"),
                group="prices",
            )
        )
        before, first = row.price if row.price is not None else before, False
    return entries


def _price_step(before: Decimal | None, now: Decimal | None, first: bool) -> SafeString:
    if now is None:
        return format_html("{}", "Seen without a price")
    if first or before == now:
        return format_html("{} {}", "Seen at" if first else "Seen again at", amount(now))
    if before is None:
        return format_html("<b>Price became known</b>: {}", amount(now))
    return format_html(
        "<b>Price {}</b> {} → {}", "fell" if now < before else "rose", amount(before), amount(now)
    )


def _line(row: OutboxMessage) -> SafeString:
    tries = "" if row.attempts == 0 else " · 1 try" if row.attempts == 1 else f" · {row.attempts} tries"
    error = format_html(' · <span class="ae-bad-text">{}</span>', text(row.last_error, limit=200))
    return format_html(
        '{} {}{}{} · <span class="ae-code" title="event id">{}</span>',
        link(reverse("admin:integrations_outboxmessage_change", args=[row.pk]), row.topic),
        badge(row.state, TONES[row.state]),
        tries,
        error if row.last_error else "",
        str(row.event_id),
    )


def _delivery(row: OutboxMessage, sent: Sent) -> Entry:
    kind = "Event" if row.channel == "events" else f"To {row.channel}"
    return Entry(row.created_at, 3, "ae-sent", kind, deliveries=[sent], group="deliveries")


def _callbacks(listing: ProductListing) -> list[Entry]:
    rows = InboxMessage.objects.filter(subject=listing.pk).defer("body", "answer").order_by("-id")[:LIMIT]
    return [
        Entry(
            row.received_at,
            4,
            "ae-told",
            link(
                reverse("admin:integrations_inboxmessage_change", args=[row.pk]), f"{row.kind}: {row.status}"
            ),
            who(row.partner),
            text(row.detail) if row.detail else "",
            group="callbacks",
        )
        for row in rows
    ]


def _photos(listing: ProductListing) -> list[Entry]:
    """Count the photos that one person added in one go."""
    rows = listing.photos.order_by("created_at", "position").values_list("created_at", "added_by")
    entries = []
    for (at, by), group in groupby(rows):
        count = len(list(group))
        words = f"{count} photo{'' if count == 1 else 's'} added"
        entries.append(Entry(at, 1, "ae-noted", words, who(by)))
    return entries


def _notes(listing: ProductListing) -> list[Entry]:
    return [
        Entry(row.at, 0, "ae-noted", "Note", who(row.by), text(row.text))
        for row in listing.notes.order_by("-id")[:LIMIT]
    ]


def _booked(listing: ProductListing) -> list[Entry]:
    """The ledger, as it was written: a correction beside what it corrects."""
    return [
        Entry(
            row.created_at,
            0,
            "ae-noted",
            format_html(
                "<b>{}{}</b> {}",
                "Corrected: " if row.corrects_id else "Booked: ",
                LedgerLine.Kind(row.kind).label,
                amount(ledger.effect(row.kind, row.amount)),
            ),
            who(row.by),
            text(row.note) if row.note else "",
            group="ledger",
        )
        for row in listing.ledger.order_by("-id")[:LIMIT]
    ]


def _lead(listing: ProductListing) -> list[Entry]:
    lead = Lead.objects.filter(listing=listing).first()
    if lead is None:
        return []
    order = f"Order {lead.order_id}" if lead.order_id else "Its order number is not known"
    thread = f"Thread {lead.conversation_thread_id}" if lead.conversation_thread_id else ""
    steps = (
        (lead.accepted_at, "Lead accepted", order),
        (lead.message_sent_at, "Message sent to the seller", thread),
        (lead.stopped_at, "Chatterbot was stopped", order),
    )
    return [
        Entry(at, 4, "ae-told", words, who("chatterbot"), text(detail) if detail else "", group="messages")
        for at, words, detail in steps
        if at is not None
    ]
