"""The questions that staff ask of the listings."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db import connection
from django.db.models import F, OrderBy, Q, QuerySet
from django.db.models.functions import Now, Upper
from django.utils import timezone

from integrations.admin.filters import choice, number
from listings.admin.moments import MomentQuestions
from listings.attention import WARNING, needed, to_list
from listings.models import ProductListing
from listings.search import asked_once, exactly
from listings.states import State

LISTING = ProductListing._meta.db_table
# What staff ask most, by its name and its filter.
SAVED: tuple[tuple[str, dict[str, str]], ...] = (
    ("All", {}),
    ("Needs attention", {"attention": "on"}),
    ("New finds worth 50 and more", {"state": "FOUND", "min_profit": "50"}),
    ("Found today", {"found": "today"}),
    ("Ends within 24 hours", {"ends": "on"}),
    ("To receive", {"state": "PURCHASED"}),
    ("To list", {"state": "RECEIVED"}),
    ("On eBay", {"state": "LISTED"}),
    ("Profits to complete", {"provisional": "on"}),
)


class ListingQuestions(MomentQuestions):
    """State, brand, money, age, and what needs a person."""

    lookups = {
        "state": "state",
        "job": "scraper_job_id",
        "min_price": "asking_price__gte",
        "max_price": "asking_price__lte",
        "min_profit": "estimated_profit__gte",
        "max_profit": "estimated_profit__lte",
        "min_confidence": "confidence_score__gte",
    }
    in_more = (
        *("min_price", "max_price", "max_profit", "min_confidence", "found"),
        *("ends", "ends_days", "attention", "error", "to_list", "provisional", "job"),
        *MomentQuestions.base_fields,
    )

    state = choice(State.choices, "State", "Any state")
    brand = forms.CharField(
        max_length=100, label="Brand", widget=forms.TextInput(attrs={"size": "10", "list": "ae-brands"})
    )
    min_profit = number("Profit from")
    max_profit = number("Profit to")
    min_price = number("Price from", least=0)
    max_price = number("Price to", least=0)
    min_confidence = number("Confidence from", least=0, most=100)
    found = choice([("today", "Today"), ("week", "This week")], "Found", "Any time")
    ends = forms.BooleanField(label="Ends within 24 hours")
    ends_days = number("Ends within days", least=0, most=60)
    attention = forms.BooleanField(label="Needs attention")
    error = forms.BooleanField(label="A partner could not be told")
    to_list = forms.BooleanField(label="To list on eBay")
    provisional = forms.BooleanField(label="Profit to complete")
    job = forms.UUIDField(label="Found by ScraperV2's job")

    def narrow(self, rows: QuerySet[ProductListing]) -> QuerySet[ProductListing]:
        """Filter."""
        rows, asked = super().narrow(rows), self.answers
        if brand := asked.get("brand"):
            rows = rows.annotate(_brand=Upper("brand")).filter(_brand=brand.upper())
        if found := asked.get("found"):
            rows = rows.filter(created_at__gte=_start_of(found))
        if asked.get("ends"):
            rows = rows.filter(deadline_at__lte=Now() + WARNING)
        if (days := asked.get("ends_days")) is not None:
            rows = rows.filter(deadline_at__lte=Now() + timedelta(days=float(days)))
        if asked.get("error"):
            rows = rows.filter(error_message__isnull=False)
        if asked.get("to_list"):
            rows = to_list(rows)
        if asked.get("provisional"):
            rows = rows.filter(state=State.SOLD, profit_is_provisional=True)
        return needed(rows) if asked.get("attention") else rows


def _start_of(period: str) -> datetime:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday()) if period == "week" else midnight


def saved_questions(url: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the saved questions as links, marking the one that is being asked."""
    plain = {name: str(value) for name, value in asked.items()} | {
        name: "on" for name, value in asked.items() if value is True
    }
    return [
        {"words": words, "url": f"{url}?{urlencode(query)}" if query else url, "active": plain == query}
        for words, query in SAVED
    ]


def search(rows: QuerySet[ProductListing], term: str) -> QuerySet[ProductListing]:
    """Find by short code or link, which are exact and indexed; else by words in title, model and URL."""
    term = term.strip()
    if not term:
        return rows
    if (found := exactly(rows, term)) is not None:
        return found
    for word in term.split()[:8]:
        rows = rows.filter(
            Q(title__icontains=word)
            | Q(model__icontains=word)
            | Q(marketplace_url__icontains=word)
            | Q(short_code=word.upper())
        )
    return asked_once(rows)


def newest_brands() -> list[str]:
    """Return the brands of the newest finds."""
    newest = f"SELECT brand FROM {LISTING} ORDER BY created_at DESC, id DESC LIMIT 300"  # noqa: S608  our own name
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT brand FROM ({newest}) newest")  # noqa: S608
        return sorted(brand for (brand,) in cursor.fetchall())


def nulls_last(column: str) -> OrderBy:
    """Sort so that what is not known comes last from the dearest down, where staff look first."""
    return F(column).asc(nulls_first=True)
