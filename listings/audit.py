"""What must be true of listings, their log, their events and their money."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When, Window
from django.db.models.functions import Concat, Lag, Lower, RowNumber

from integrations.channels import EVENTS
from integrations.findings import Finding, Rule
from integrations.models import OutboxMessage
from listings import days, ledger, tally
from listings.models import LedgerLine, ProductListing, TransitionLog
from listings.states import ARROWS, ENTERED_AT, State

CHUNK = 2000
ANNOUNCED, ENTERED = "listing.created", "listing.state."


def _named(rows: QuerySet[Any], detail: str) -> Iterator[Finding]:
    for pk in rows.order_by().values_list("pk", flat=True).iterator(CHUNK):
        yield Finding(f"listing {pk}", detail)


def _logged(rows: QuerySet[TransitionLog], detail: str) -> Iterator[Finding]:
    named = rows.order_by("listing_id", "sequence").values_list("listing_id", "sequence", "to_state")
    for listing_id, sequence, to_state in named.iterator(CHUNK):
        yield Finding(f"listing {listing_id}", f"{detail} (log row {sequence}, to {to_state})")


# ---- the log ------------------------------------------------------------------------------------


def _sequence(patience: timedelta) -> Iterator[Finding]:
    numbered = TransitionLog.objects.annotate(
        number=Window(RowNumber(), partition_by="listing", order_by="sequence")
    )
    yield from _logged(numbered.exclude(sequence=F("number")), "The log has a gap before this row.")
    further = TransitionLog.objects.filter(sequence__gt=F("listing__version"))
    yield from _logged(further, "The log goes on after the listing's version.")


def _arrows(patience: timedelta) -> Iterator[Finding]:
    """Find log rows that do not begin where the one before ended, or that are no arrow."""
    rows = TransitionLog.objects.annotate(
        before=Window(Lag("to_state"), partition_by="listing", order_by="sequence")
    )
    begins = Q(before__isnull=True, from_state__isnull=True) | Q(before=F("from_state"))
    yield from _logged(rows.exclude(begins), "It does not begin where the one before ended.")
    legal = Q(from_state__isnull=True, to_state=State.FOUND)
    for origin, to in ARROWS:
        legal |= Q(from_state=origin, to_state=to)
    yield from _logged(TransitionLog.objects.exclude(legal), "No such arrow exists.")


def _fold(patience: timedelta) -> Iterator[Finding]:
    last = TransitionLog.objects.filter(
        listing=OuterRef("pk"),
        sequence=OuterRef("version"),
        to_state=OuterRef("state"),
        transitioned_at=OuterRef("state_changed_at"),
    )
    listings = ProductListing.objects.filter(~Exists(last))
    yield from _named(listings, "Its state is not what its log comes to.")
    for state, column in ENTERED_AT.items():
        entered = TransitionLog.objects.filter(
            listing=OuterRef("pk"), to_state=state, transitioned_at=OuterRef(column)
        )
        claimed = ProductListing.objects.filter(~Exists(entered), **{f"{column}__isnull": False})
        yield from _named(claimed, f"Its {column} is not in its log.")
        logged = TransitionLog.objects.filter(to_state=state, **{f"listing__{column}__isnull": True})
        yield from _logged(logged, f"The listing has no {column}.")


# ---- the events ---------------------------------------------------------------------------------


def _announced(patience: timedelta) -> Iterator[Finding]:
    """Find log rows without their event, and events of arrows that the log does not know."""
    topic = Case(
        When(to_state=State.FOUND, then=Value(ANNOUNCED)), default=Concat(Value(ENTERED), Lower("to_state"))
    )
    event = OutboxMessage.objects.filter(
        event_id=OuterRef("event_id"), topic=OuterRef("topic"), channel=EVENTS
    )
    silent = TransitionLog.objects.annotate(topic=topic).filter(~Exists(event))
    yield from _logged(silent, "It was announced by no event.")
    row = TransitionLog.objects.filter(event_id=OuterRef("event_id"))
    told = OutboxMessage.objects.filter(
        Q(topic=ANNOUNCED) | Q(topic__startswith=ENTERED), ~Exists(row), channel=EVENTS
    )
    for pk, name in told.order_by("id").values_list("pk", "topic").iterator(CHUNK):
        yield Finding(f"outbox {pk}", f"{name} announces what the log does not know.")


# ---- the money ----------------------------------------------------------------------------------


def _money(patience: timedelta) -> Iterator[Finding]:
    """Find amounts that are not what the ledger's lines come to, profits above all."""
    has_lines = Exists(LedgerLine.objects.filter(listing=OuterRef("pk")))
    has_amounts = Q(state=State.SOLD)
    for column in ledger.COLUMNS:
        has_amounts |= Q(**{f"{column}__isnull": False})
    rows = ProductListing.objects.filter(has_lines | has_amounts).defer("raw_match").order_by("pk")
    for chunk in _chunks(rows.iterator(CHUNK)):
        lines = defaultdict(list)
        for line in LedgerLine.objects.filter(listing__in=[row.pk for row in chunk]):
            lines[line.listing_id].append(line)
        for listing in chunk:
            yield from _misstated(listing, lines[listing.pk])


def _misstated(listing: ProductListing, lines: list[LedgerLine]) -> Iterator[Finding]:
    stands = {column: getattr(listing, column) for column in _MONEY}
    ledger.restate(listing, ledger.sums_of(lines))
    for column, value in stands.items():
        if getattr(listing, column) != value:
            yield Finding(
                f"listing {listing.pk}",
                f"Its {column} is {value}, its ledger says {getattr(listing, column)}.",
            )


_MONEY = (*ledger.COLUMNS, "final_profit", "profit_is_provisional")


def _chunks(rows: Iterable[ProductListing]) -> Iterator[list[ProductListing]]:
    chunk: list[ProductListing] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


# ---- the numbers --------------------------------------------------------------------------------


def _tally(patience: timedelta) -> Iterator[Finding]:
    for state, brand, count, pennies in tally.differences():
        detail = f"The tally has {count:+} listings and {pennies:+} pennies too many: `manage.py recount_listings`."
        yield Finding(f"{state} {brand}", detail)
    for day, count in days.differences():
        yield Finding(day, f"The day has {count:+} listings too many: `manage.py recount_listings`.")


RULES = (
    Rule("the log has no gap", "each listing's log rows are numbered 1, 2, 3 …", _sequence),
    Rule("the log is a way", "each log row is an arrow, from where the one before ended", _arrows),
    Rule("the log comes to the state", "a listing's state and times are what its log says", _fold),
    Rule("each arrow has its event", "one outbox row for each log row, and none without", _announced),
    Rule("the money adds up", "amounts and profits are what the ledger says", _money),
    Rule(
        "the tally is right", "the numbers kept by state, brand and day are what the listings come to", _tally
    ),
)
