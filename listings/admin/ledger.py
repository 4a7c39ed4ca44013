"""The ledger of all listings: read by everybody who may, written through a listing's page alone."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from integrations.admin.exports import Exports
from integrations.admin.filters import QuestionForm, choice, questions
from integrations.show import link, money, page_of, text, when
from listings import ledger, tax_year
from listings.admin.show import who
from listings.models import LedgerLine
from listings.models.listing import CODE_LENGTH


def _years() -> list[tuple[str, str]]:
    """List the tax years from the first line's to this one, the newest first."""
    this = tax_year.year_of(timezone.localdate())
    first = LedgerLine.objects.order_by("date").values_list("date", flat=True).first()
    begin = tax_year.year_of(first) if first else this
    return [("", "Any year"), *((str(year), tax_year.label(year)) for year in range(this, begin - 1, -1))]


class LedgerQuestions(QuestionForm):
    """What staff, and their accountant, ask of the ledger."""

    lookups = {"kind": "kind", "since": "date__gte", "until": "date__lte"}
    in_more = ("since", "until")
    changing = ("year",)

    year = forms.ChoiceField(choices=_years, label="Tax year")
    kind = choice(LedgerLine.Kind.choices, "Kind", "Any kind")
    listing = forms.CharField(max_length=CODE_LENGTH, label="Listing's code")
    since = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def narrow(self, rows: QuerySet[LedgerLine]) -> QuerySet[LedgerLine]:
        """Filter."""
        rows, asked = super().narrow(rows), self.answers
        if year := asked.get("year"):
            days: tuple[date, date] = (tax_year.first_day(int(year)), tax_year.last_day(int(year)))
            rows = rows.filter(date__range=days)
        if code := asked.get("listing"):
            rows = rows.filter(listing__short_code=code.strip().upper())
        return rows


@admin.register(LedgerLine)
class LedgerLineAdmin(Exports):
    """Every line that was ever booked."""

    resource = "listings.admin.exports.LedgerResource"
    list_display = ("day", "listing_link", "kind_label", "effect", "note_text", "booked_by", "of_line")
    list_filter = (questions(LedgerQuestions),)
    list_select_related = ("listing",)
    ordering = ("-date", "-id")
    empty_words = "Nothing is booked yet. The first purchase opens the ledger."

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerLine]:
        """Leave out what nobody sees of a listing here."""
        return super().get_queryset(request).defer("listing__raw_match")

    @admin.display(description="Date", ordering="date")
    def day(self, row: LedgerLine) -> SafeString:
        """Link the day to the line."""
        words = f"{row.date.day} {row.date:%b %Y}"
        return link(page_of("listings_ledgerline", row.pk), words)

    @admin.display(description="Listing")
    def listing_link(self, row: LedgerLine) -> SafeString:
        """Link to the listing."""
        url = page_of("listings_productlisting", row.listing_id)
        return link(url, text(row.listing.title, limit=60))

    @admin.display(description="Kind", ordering="kind")
    def kind_label(self, row: LedgerLine) -> str:
        """Say what it was for."""
        return LedgerLine.Kind(row.kind).label

    @admin.display(description="Effect on profit", ordering="amount")
    def effect(self, row: LedgerLine) -> SafeString:
        """Show the amount with the sign that it has in the profit."""
        return money(ledger.effect(row.kind, row.amount), signed=True)

    @admin.display(description="Note")
    def note_text(self, row: LedgerLine) -> SafeString:
        """Say why."""
        return text(row.note, limit=80)

    @admin.display(description="By", ordering="by")
    def booked_by(self, row: LedgerLine) -> str:
        """Say who."""
        return who(row.by)

    @admin.display(description="Corrects")
    def of_line(self, row: LedgerLine) -> Any:
        """Link a correction to its line."""
        if row.corrects_id is None:
            return ""
        return link(page_of("listings_ledgerline", row.corrects_id), f"line {row.corrects_id}")

    def record(self, request: HttpRequest, row: LedgerLine) -> dict[str, Any]:
        """Show one line."""
        facts = [
            ("Listing", self.listing_link(row)),
            ("Kind", self.kind_label(row)),
            ("Amount as booked", money(row.amount)),
            ("Effect on profit", self.effect(row)),
            ("Date", f"{row.date:%A %d %B %Y}, tax year {tax_year.label(tax_year.year_of(row.date))}"),
            ("Note", text(row.note)),
            ("By", text(row.by)),
            ("Booked", when(row.created_at)),
            *([("Corrects", self.of_line(row))] if row.corrects_id else []),
        ]
        return {
            "title": f"Ledger line {row.pk}",
            "may_act": True,
            "sections": [("One line, as it was booked", facts)],
        }
