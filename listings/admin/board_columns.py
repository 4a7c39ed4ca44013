"""The board's columns: which listings stand in each, in what order, page by page, and what they come to in all."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Q, QuerySet
from django.db.models.functions import Now, Upper

from integrations.models import InboxMessage
from listings.admin.filters import search
from listings.attention import OPEN, WARNING
from listings.models import ProductListing
from listings.states import TIMEOUT_SETTING, State

SIZE, MOST = 30, 300
# A search is answered with the newest that it finds, attention is looked for among the newest errors and callbacks.
FOUND_AT_MOST = URGENT_AT_MOST = 500
SOON = timedelta(days=2)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Urgent = Mapping[str, Sequence[UUID]]


class BoardQuestions(forms.Form):
    """What the board is narrowed to. What cannot be understood is not asked."""

    show = forms.ChoiceField(choices=[("attention", ""), ("deadline", "")], required=False)
    brand = forms.CharField(max_length=100, required=False)
    q = forms.CharField(max_length=200, required=False)

    @property
    def asked(self) -> dict[str, str]:
        """Return the questions that were asked, as they stand in the address."""
        self.full_clean()
        return {name: value for name, value in self.cleaned_data.items() if value}


class BadPlace(ValueError):
    """The text is not a place in a column."""


@dataclass(frozen=True)
class Place:
    """Where a page ended: among the urgent or behind them, at which moment, at which listing."""

    urgent: bool
    at: datetime
    listing_id: UUID

    def __str__(self) -> str:
        return f"{int(self.urgent)}-{(self.at - EPOCH) // MICROSECOND}-{self.listing_id.hex}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """Read what `str` wrote.

        Raises:
            BadPlace: it was not that.
        """
        try:
            urgent, micros, listing_id = text.split("-")
            return cls(urgent == "1", EPOCH + int(micros) * MICROSECOND, UUID(hex=listing_id))
        except (ValueError, OverflowError) as error:
            raise BadPlace(text) from error


@dataclass(frozen=True)
class Page:
    """The listings of one page of a column, and the place after which the next begins."""

    rows: list[Any]
    after: Place | None


def urgent() -> dict[str, list[UUID]]:
    """Return, by state, the listings with an error, or with a callback that waits for a decision."""
    waiting = InboxMessage.objects.filter(status__in=OPEN, subject__isnull=False).order_by("-id")
    errors = ProductListing.objects.filter(error_message__isnull=False).order_by("-error_occurred_at")
    ids = {*waiting.values_list("subject", flat=True)[:URGENT_AT_MOST]}
    ids |= {*errors.values_list("pk", flat=True)[:URGENT_AT_MOST]}
    found: dict[str, list[UUID]] = defaultdict(list)
    for state, pk in ProductListing.objects.filter(pk__in=ids).order_by().values_list("state", "pk"):
        found[state].append(pk)
    return found


def narrowed(asked: Mapping[str, str], pressing: Urgent) -> QuerySet[ProductListing]:
    """Return the listings that the questions leave on the board."""
    rows = ProductListing.objects.order_by()
    if asked.get("show") == "attention":
        rows = rows.filter(needs_somebody(pressing))
    if asked.get("show") == "deadline":
        rows = rows.filter(deadline_at__lte=Now() + SOON)
    if brand := asked.get("brand"):
        rows = rows.annotate(_brand=Upper("brand")).filter(_brand=brand.upper())
    if term := asked.get("q"):
        # Once for the whole board: a search through a million titles for each column would be seven.
        newest = search(rows, term).order_by("-created_at", "-id").values_list("pk", flat=True)
        rows = ProductListing.objects.order_by().filter(pk__in=list(newest[:FOUND_AT_MOST]))
    return rows


def needs_somebody(pressing: Urgent) -> Q:
    """Select what is urgent, or ends within a day."""
    return Q(pk__in=[pk for ids in pressing.values() for pk in ids]) | Q(deadline_at__lte=Now() + WARNING)


def page(
    rows: QuerySet[Any], state: State, pressing: Urgent, *, after: Place | None = None, size: int = SIZE
) -> Page:
    """Return the listings of a state that follow `after`.

    What is urgent comes first; then what ends soonest, or where nothing ends by
    itself, what came last. New listings never shift what follows a place.
    """
    here, ids = rows.filter(state=state), pressing.get(state, ())
    soonest_first = state in TIMEOUT_SETTING
    column = "deadline_at" if soonest_first else "state_changed_at"
    if soonest_first:
        here = here.filter(deadline_at__isnull=False)  # always true, but only so its index can be used
    found: list[tuple[bool, Any]] = []
    for band in (True, False):
        if (band and not ids) or (after is not None and band > after.urgent):
            continue
        part = here.filter(pk__in=ids) if band else here.exclude(pk__in=ids) if ids else here
        if after is not None and band == after.urgent:
            part = part.filter(_behind(column, after, soonest_first=soonest_first))
        order = (column, "pk") if soonest_first else (f"-{column}", "-pk")
        found += [(band, row) for row in part.order_by(*order)[: size + 1 - len(found)]]
        if len(found) > size:
            break
    shown = found[:size]
    more = len(found) > size
    last = Place(shown[-1][0], getattr(shown[-1][1], column), shown[-1][1].pk) if more else None
    return Page([row for _, row in shown], last)


def _behind(column: str, after: Place, *, soonest_first: bool) -> Q:
    side = "gt" if soonest_first else "lt"
    # The first condition alone is what the index can begin at.
    return Q(**{f"{column}__{side}e": after.at}) & (
        Q(**{f"{column}__{side}": after.at}) | Q(**{f"pk__{side}": after.listing_id})
    )
