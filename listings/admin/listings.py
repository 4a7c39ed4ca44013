"""The listings: the list, the page of one, and the buttons that lead through the door."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from integrations.admin.base import back
from integrations.admin.exports import Exports
from integrations.admin.filters import answers_of, questions
from integrations.callers import staff_name
from integrations.show import markup, money, page_of, text
from listings import lifecycle, tally
from listings.admin import acts, approvals, books, offers, page, photos
from listings.admin.arrows import STEPS, TOLD_IN_FORM, StepForm, take, tell, why_not
from listings.admin.bulk import BulkActions
from listings.admin.filters import ListingQuestions, newest_brands, nulls_last, saved_questions, search
from listings.admin.show import age, outward, state_badge
from listings.models import ProductListing
from listings.states import State, allowed_from

SETTLE = "integrations.replay_inboxmessage"


@admin.register(ProductListing)
class ListingAdmin(BulkActions, Exports):
    """Every listing. State changes through the buttons alone, and they through listings/lifecycle.py."""

    act_permission = "listings.transition_productlisting"
    record_template = "staff/listing.html"
    resource = "listings.admin.exports.ListingResource"
    list_display = ("state_badge", "item", "price", "profit", "confidence", "in_state", "marketplace")
    list_reads = (
        *(
            "state",
            "title",
            "brand",
            "model",
            "short_code",
            "error_message",
            "asking_price",
            "estimated_profit",
        ),
        *("confidence_score", "state_changed_at", "deadline_at", "marketplace_url"),
    )
    list_filter = (questions(ListingQuestions),)
    search_fields = ("title", "model", "marketplace_url", "short_code")
    search_help_text = "Title, model, link or code"
    ordering = ("-created_at", "-id")
    empty_words = (
        "No listing yet. Run a scrape, or wait for ScraperV2's next job: what it finds appears here."
    )

    # ---- the list -------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductListing]:
        """Leave the raw matches out of the list."""
        return super().get_queryset(request).defer("raw_match")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ProductListing], search_term: str
    ) -> tuple[QuerySet[ProductListing], bool]:
        """Search in our own way."""
        return search(queryset, search_term), False

    def known_count(self, request: HttpRequest) -> int | None:
        """Know the number where nothing but state and brand is asked."""
        asked = {name for name, value in request.GET.items() if value} - {ORDER_VAR, PAGE_VAR}
        if asked - {"state", "brand"}:
            return None
        answers = answers_of(request)
        return tally.count(state=answers.get("state", ""), brand=answers.get("brand", ""))

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Offer the saved questions, and the brands of the newest finds as suggestions."""
        saved = saved_questions(self.list_url(), answers_of(request))
        return {"saved_questions": saved, "suggestions": newest_brands()}

    @admin.display(description="State", ordering="state")
    def state_badge(self, row: ProductListing) -> SafeString:
        """Show the state."""
        return state_badge(row.state)

    @admin.display(description="Listing", ordering="title")
    def item(self, row: ProductListing) -> SafeString:
        """Link the title to the page; below it the model, the code, and an error where there is one."""
        error = (
            markup(' · <span class="ae-bad-text" title="{}">needs attention</span>', row.error_message)
            if row.error_message is not None
            else ""
        )
        return markup(
            '<a class="ae-item" href="{}">{}</a><span class="ae-second">{} {} · '
            '<span class="ae-code">{}</span>{}</span>',
            page_of("listings_productlisting", row.pk),
            text(row.title, limit=90),
            row.brand,
            row.model,
            row.short_code,
            error,
        )

    @admin.display(description="Price", ordering=nulls_last("asking_price"))
    def price(self, row: ProductListing) -> SafeString:
        """Show what is asked."""
        return money(row.asking_price)

    @admin.display(description="Est. profit", ordering=nulls_last("estimated_profit"))
    def profit(self, row: ProductListing) -> SafeString:
        """Show the estimate."""
        return money(row.estimated_profit, signed=True)

    @admin.display(description="Conf.", ordering="confidence_score")
    def confidence(self, row: ProductListing) -> SafeString:
        """Show how sure ScraperV2 is."""
        return markup('<span class="ae-money">{}</span>', f"{row.confidence_score:.0f}")

    @admin.display(description="In state", ordering="state_changed_at")
    def in_state(self, row: ProductListing) -> SafeString:
        """Show the age, and what is left."""
        return age(row)

    @admin.display(description="Offer")
    def marketplace(self, row: ProductListing) -> SafeString:
        """Link to the marketplace."""
        return outward(row.marketplace_url, "open")

    # ---- the page -------------------------------------------------------------------------------

    def record(
        self, request: HttpRequest, row: ProductListing, failed: StepForm | None = None
    ) -> dict[str, Any]:
        """Show one listing."""
        may_act = self.may_act(request)
        shown = page.context(request, row, may_act=may_act, failed=failed)
        shown |= acts.context(row) | approvals.context(row) | photos.context(request, row)
        may_dismiss = request.user.has_perm(SETTLE)
        shown |= {"may_dismiss": may_dismiss, "may_apply": may_dismiss and may_act}
        return shown | books.context(request, row) | offers.context(request, row)

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons' addresses."""
        wrap, name = self.admin_site.admin_view, "listings_productlisting"
        return [
            path("<uuid:pk>/step/<str:to>/", wrap(self.step_view), name=f"{name}_step"),
            path("<uuid:pk>/retry/", wrap(self.retry_view), name=f"{name}_retry"),
            path("<uuid:pk>/photos/", wrap(self.photos_view), name=f"{name}_photos"),
            path("<uuid:pk>/ebay/", wrap(self.ebay_view), name=f"{name}_ebay"),
            path("<uuid:pk>/money/<str:act>/<int:line>/", wrap(self.money_view), name=f"{name}_money"),
            path("<uuid:pk>/snooze/", wrap(self.snooze_view), name=f"{name}_snooze"),
            path("<uuid:pk>/callback/<int:message>/", wrap(self.callback_view), name=f"{name}_callback"),
            *super().get_urls(),
        ]

    # ---- the buttons ----------------------------------------------------------------------------

    def step_view(self, request: HttpRequest, pk: UUID, to: str) -> HttpResponse:
        """Take one arrow. A GET, as after signing in again, leads to the page and does nothing."""
        if request.method != "POST":
            return self.to_record(pk)
        self.demand(request)
        if to not in State.values:
            raise Http404
        listing = get_object_or_404(ProductListing, pk=pk)
        target = State(to)
        step = STEPS.get(target)
        form = (step.form if step else StepForm)(listing, request.POST)
        moved = form.data.get("seen") not in (None, "", listing.state)
        if moved or to not in allowed_from(listing.state):
            messages.error(request, why_not(pk, target, seen=form.data.get("seen", "")))
            return self.to_record(pk)
        if form.is_valid() and self._take(request, listing, target, form):
            return back(request, self.to_record(pk))
        if form.errors:
            shown = {"record": listing, "may_act": True, **self.record(request, listing, form)}
            return self.render(request, self.record_template, shown, status=422)
        return self.to_record(pk)

    def _take(self, request: HttpRequest, listing: ProductListing, to: State, form: StepForm) -> bool:
        """Call the door, and say what happened; False where the form must be shown again."""
        seen, reason = form.cleaned_data.get("seen", ""), form.cleaned_data.get("reason", "")
        by = staff_name(request)
        try:
            taken = take(listing.pk, to, by=by, seen=seen, reason=reason, facts=form.facts())
        except lifecycle.IllegalArrow:
            messages.error(request, why_not(listing.pk, to, seen=seen))
        except TOLD_IN_FORM as error:
            tell(form, error)
            return False
        else:
            done = offers.ASKED if taken.pending else f"Now {to.label}."
            out = f" Into the outbox: {', '.join(taken.going_out)}." if taken.going_out else ""
            messages.success(request, done + out)
        return True

    def retry_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Try the failed partner calls again."""
        return self._act(request, pk, acts.retry)

    def photos_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Add, remove or arrange photos."""
        if request.method == "POST":
            self.demand(request, photos.permission(request))
            messages.add_message(request, *photos.act(request, get_object_or_404(ProductListing, pk=pk)))
        return self.to_record(pk)

    def money_view(self, request: HttpRequest, pk: UUID, act: str, line: int) -> HttpResponse:
        """Book a cost, a correction, a refund, or what a sale lacks."""
        return self._fill_in(request, pk, books, act, line)

    def ebay_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Keep the draft for eBay, or ask eBayLister to list, change or end it."""
        return self._fill_in(request, pk, offers)

    def _fill_in(self, request: HttpRequest, pk: UUID, card: Any, *args: Any) -> HttpResponse:
        """Do what a form of a card asks; where it must be mended, show the page with it again."""
        if request.method != "POST":
            return self.to_record(pk)
        listing = ProductListing.objects.filter(pk=pk).first()
        if listing is None:  # who may not look does not learn which there are
            raise Http404 if self.has_view_permission(request) else PermissionDenied
        failed = card.take(request, listing, *args)
        if failed is None:
            return back(request, self.to_record(pk))
        shown = {"record": listing, "may_act": self.may_act(request), **self.record(request, listing)}
        shown |= card.context(request, listing, failed)
        return self.render(request, self.record_template, shown, status=422)

    def snooze_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Move the deadline."""
        return self._act(request, pk, acts.snooze)

    def callback_view(self, request: HttpRequest, pk: UUID, message: int) -> HttpResponse:
        """Apply a callback that waits for a decision, or dismiss it: by who may in the inbox, too."""
        needed = (SETTLE, self.act_permission) if request.POST.get("do") == "apply" else (SETTLE,)
        return self._act(request, pk, acts.settle, message, needed=needed)

    def _act(
        self, request: HttpRequest, pk: UUID, act: Any, *args: Any, needed: tuple[str, ...] = ("",)
    ) -> HttpResponse:
        if request.method == "POST":
            for permission in needed:
                self.demand(request, permission)
            listing = get_object_or_404(ProductListing, pk=pk)
            level, words = act(request, listing, *args)
            messages.add_message(request, level, words)
        elif not self.has_view_permission(request):
            raise PermissionDenied
        return back(request, self.to_record(pk))
