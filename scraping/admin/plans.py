"""Search plans: what is looked for by itself, and when; and what became of each run."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations import clock
from integrations.admin.base import ReadOnlyAdmin
from integrations.admin.editable import EditableAdmin, edit_link
from integrations.admin.filters import QuestionForm, choice, questions
from integrations.callers import staff_name
from integrations.show import badge, link, text, when
from scraping import jobs, plans
from scraping.admin.plan_form import PlanForm
from scraping.models import ScrapeJob, SearchPlan, SearchRun

TRIGGER = "scraping.trigger_scrape"
LAST = 20
Status = SearchRun.Status
TONES = {Status.WAITING: "info", Status.STARTED: "good", Status.SKIPPED: "warn", Status.MISSED: "bad"}


class StillUnderWay(Exception):
    """A job of this plan is not over yet."""


@admin.register(SearchPlan)
class SearchPlanAdmin(EditableAdmin):
    """Plans, edited by those who may; their runs are only looked at."""

    act_permission = "scraping.change_searchplan"
    new_words = "New plan…"
    form = PlanForm
    fields = ("name", "brands", "search", "times", "time_zone", "active")
    list_display = ("plan", "is_on", "looks_for", "at", "next_run", "last_run")
    empty_words = "No search plan yet. Make one to find cameras."

    @admin.display(description="Plan", ordering="name")
    def plan(self, row: SearchPlan) -> SafeString:
        """Link to the form."""
        return edit_link(row, text(row.name))

    @admin.display(description="Active", ordering="active")
    def is_on(self, row: SearchPlan) -> SafeString:
        """Show whether it runs."""
        return badge("active", "good") if row.active else badge("off")

    @admin.display(description="Looks for")
    def looks_for(self, row: SearchPlan) -> SafeString:
        """Show the brands and the search."""
        return format_html(
            "<span>{}: {}</span>", text(", ".join(row.brands), limit=60), text(row.search, limit=60)
        )

    @admin.display(description="At")
    def at(self, row: SearchPlan) -> SafeString:
        """Show the times, in the plan's own zone."""
        return text(f"{', '.join(row.times)} {row.time_zone}")

    @admin.display(description="Next run")
    def next_run(self, row: SearchPlan) -> SafeString:
        """Show when it is due."""
        return when(plans.next_run(row, clock.now()))

    @admin.display(description="Last run", ordering="last_run_at")
    def last_run(self, row: SearchPlan) -> SafeString:
        """Show when it was due last, and what became of that."""
        if row.last_run_at is None:
            return text("")
        words = text(row.last_result, limit=90)
        return format_html('<span>{} <span class="ae-second">{}</span></span>', when(row.last_run_at), words)

    # ---- the form -------------------------------------------------------------------------------

    def get_fields(self, request: HttpRequest, obj: SearchPlan | None = None) -> Any:
        """Show those who may only look what the list says: the theme would colour lists by inline styles."""
        if obj is not None and not self.has_change_permission(request, obj):
            return ("name", "looks_for", "at", "active")
        return super().get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: SearchPlan, form: Any, change: bool) -> None:
        """Keep who made it."""
        if not change:
            obj.created_by = staff_name(request)
        super().save_model(request, obj, form, change)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Let a plan take its runs with it: nobody may delete one by itself, but they are nothing without it."""
        to_delete, counts, needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, needed - {SearchRun._meta.verbose_name}, protected

    def beside_the_form(self, request: HttpRequest, row: SearchPlan) -> dict[str, Any]:
        """Offer to run it now, and show its last runs."""
        run = {"url": reverse("admin:scraping_searchplan_run", args=[row.pk]), "words": "Run now"}
        due = plans.next_run(row, clock.now())
        note = format_html("Next run: {}.", when(due)) if due else "It is off: no run is due."
        shown = row.runs.select_related("job").order_by("-slot_at", "-id")[:LAST]
        table = {
            "title": "Last runs",
            "heads": ("Due", "What became of it", "Detail", "Job"),
            "rows": [(when(each.slot_at), run_badge(each), text(each.detail), _job(each)) for each in shown],
            "empty": "It has not been due yet.",
        }
        may_run = request.user.has_perm(TRIGGER)
        return {"form_notes": [note], "buttons": [run] if may_run else [], "tables": [table]}

    # ---- run now --------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address."""
        run = self.admin_site.admin_view(self.run_view)
        return [path("<int:pk>/run/", run, name="scraping_searchplan_run"), *super().get_urls()]

    def run_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Start a job of this plan now; its times stay as they are."""
        if request.method != "POST":
            return self.to_record(pk)
        self.demand(request, TRIGGER)
        try:
            job = run_now(pk, by=staff_name(request))
        except SearchPlan.DoesNotExist:
            messages.error(request, "Nothing was started: this plan is gone.")
            return HttpResponse(status=302, headers={"Location": self.list_url()})
        except StillUnderWay as error:
            messages.warning(request, f"Nothing was started: {error}")
            return self.to_record(pk)
        url = reverse("admin:scraping_scrapejob_change", args=[job.pk])
        messages.success(
            request, format_html("{} is written down. ScraperV2 is called next.", link(url, job))
        )
        return self.to_record(pk)


@transaction.atomic
def run_now(plan_id: int, *, by: str) -> ScrapeJob:
    """Start a job of a plan, unless one is under way: a second click starts nothing.

    Raises:
        SearchPlan.DoesNotExist.
        StillUnderWay.
    """
    plan = SearchPlan.objects.select_for_update().get(pk=plan_id)
    same = ScrapeJob.objects.filter(status__in=jobs.OPEN, search=plan.search, deadline_at__gt=clock.now())
    for job in same.order_by("pk"):
        if job.brands == plan.brands:
            raise StillUnderWay(f"job {job.pk} looks for the same and is still under way.")
    return jobs.trigger(brands=plan.brands, search=plan.search, by=by)


def run_badge(run: SearchRun) -> SafeString:
    """Show what became of a run."""
    return badge(run.get_status_display(), TONES[Status(run.status)])


def _job(run: SearchRun) -> SafeString:
    if run.job is None:
        return text("")
    words = f"Job {run.job.pk}: {run.job.get_status_display().lower()}"
    return link(reverse("admin:scraping_scrapejob_change", args=[run.job.pk]), words)


# ---- runs ---------------------------------------------------------------------------------------


class RunQuestions(QuestionForm):
    """What staff ask of the runs."""

    lookups = {"status": "status"}
    status = choice(Status.choices, "Status", "Any status")


@admin.register(SearchRun)
class SearchRunAdmin(ReadOnlyAdmin):
    """Runs, read-only."""

    list_display = ("due", "plan_name", "status_badge", "what", "job_link")
    list_filter = (questions(RunQuestions),)
    empty_words = "No run yet. Each time of an active search plan makes one."

    def get_queryset(self, request: HttpRequest) -> QuerySet[SearchRun]:
        """Read plan and job with each run."""
        return super().get_queryset(request).select_related("plan", "job").defer("job__deliveries")

    @admin.display(description="Due", ordering="slot_at")
    def due(self, row: SearchRun) -> SafeString:
        """Link to the run."""
        return edit_link(row, when(row.slot_at))

    @admin.display(description="Plan", ordering="plan__name")
    def plan_name(self, row: SearchRun) -> SafeString:
        """Link to the plan."""
        return edit_link(row.plan, text(row.plan.name))

    @admin.display(description="Status", ordering="status")
    def status_badge(self, row: SearchRun) -> SafeString:
        """Show what became of it."""
        return run_badge(row)

    @admin.display(description="Detail")
    def what(self, row: SearchRun) -> SafeString:
        """Show why."""
        return text(row.detail, limit=120)

    @admin.display(description="Job")
    def job_link(self, row: SearchRun) -> SafeString:
        """Link to the job."""
        return _job(row)

    def record(self, request: HttpRequest, row: SearchRun) -> dict[str, Any]:
        """Show one run."""
        facts = [
            ("Plan", self.plan_name(row)),
            ("Due", when(row.slot_at)),
            ("Status", run_badge(row)),
            ("Detail", text(row.detail)),
            ("Settled", when(row.settled_at)),
            ("Job", _job(row)),
        ]
        return {"title": f"Run of {row.plan.name}", "badge": run_badge(row), "sections": [("Run", facts)]}
