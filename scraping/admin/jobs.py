"""Scrape jobs: what was looked for, what came of it, and the matches that wait to be mended."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from integrations.admin.base import ReadOnlyAdmin, back
from integrations.admin.filters import QuestionForm, choice, questions
from integrations.callers import staff_name
from integrations.show import badge, link, text, when
from scraping import jobs
from scraping.admin import again, replays
from scraping.admin.forms import RunForm
from scraping.models import ScrapeJob

Status = ScrapeJob.Status
TRIGGER = "scraping.trigger_scrape"
TONES = {
    Status.PENDING: "",
    Status.RUNNING: "info",
    Status.COMPLETED: "good",
    Status.FAILED: "bad",
    Status.LOST: "bad",
}


class JobQuestions(QuestionForm):
    """What staff ask of the jobs."""

    status = choice([("trouble", "Failed or lost, not run again"), *Status.choices], "Status", "Any status")
    marks = choice([("invalid", "With invalid matches"), ("warning", "With a warning")], "Marks", "Any")

    def narrow(self, rows: QuerySet[ScrapeJob]) -> QuerySet[ScrapeJob]:
        """Filter."""
        status, marks = self.answers.get("status"), self.answers.get("marks")
        if status:
            rows = again.wanted(rows) if status == "trouble" else rows.filter(status=status)
        return rows.filter({"invalid": Q(invalid__gt=0), "warning": ~Q(warning="")}[marks]) if marks else rows


@admin.register(ScrapeJob)
class ScrapeJobAdmin(ReadOnlyAdmin):
    """Jobs, read-only; invalid matches can be replayed, and a scrape can be run."""

    act_permission = "scraping.replay_invalidmatch"
    list_display = ("job", "status_badge", "looked_for", "new", "seen", "bad", "begun", "by", "trouble")
    list_filter = (questions(JobQuestions),)
    empty_words = "No job yet. Run a scrape, or wait for ScraperV2's next one."

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScrapeJob]:
        """Leave the digests out."""
        return super().get_queryset(request).defer("deliveries")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Find a job by its number, by our id or by ScraperV2's: links from elsewhere know one of the three."""
        try:
            key = uuid.UUID(object_id)
        except ValueError:
            return super().get_object(request, object_id, from_field)
        ours_first = Case(When(uuid=key, then=Value(0)), default=Value(1), output_field=IntegerField())
        rows = self.get_queryset(request).filter(Q(uuid=key) | Q(scraper_job_id=key))
        return rows.order_by(ours_first).first()

    def may_trigger(self, request: HttpRequest) -> bool:
        """Say whether this member of staff may start a scrape."""
        return request.user.has_perm(TRIGGER)

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Offer to run a scrape."""
        run = {"url": reverse("admin:scraping_scrapejob_run"), "words": "Run a scrape…"}
        return {"list_buttons": [run] if self.may_trigger(request) else []}

    # ---- the columns ----------------------------------------------------------------------------

    @admin.display(description="Job", ordering="id")
    def job(self, row: ScrapeJob) -> SafeString:
        """Link to the job."""
        return link(reverse("admin:scraping_scrapejob_change", args=[row.pk]), f"Job {row.pk}")

    @admin.display(description="Status", ordering="status")
    def status_badge(self, row: ScrapeJob) -> SafeString:
        """Show the status."""
        return badge(row.get_status_display(), TONES[Status(row.status)])

    @admin.display(description="Brands")
    def looked_for(self, row: ScrapeJob) -> SafeString:
        """Show what was looked for."""
        return text(row.brand_names, limit=60)

    @admin.display(description="New", ordering="created_listings")
    def new(self, row: ScrapeJob) -> int:
        """Count the listings that it made."""
        return row.created_listings

    @admin.display(description="Seen again", ordering="resighted")
    def seen(self, row: ScrapeJob) -> int:
        """Count the listings that were known."""
        return row.resighted

    @admin.display(description="Invalid", ordering="invalid")
    def bad(self, row: ScrapeJob) -> SafeString | int:
        """Count what could not be used."""
        return badge(str(row.invalid), "warn") if row.invalid else 0

    @admin.display(description="When", ordering="created_at")
    def begun(self, row: ScrapeJob) -> SafeString:
        """Show when it was triggered or delivered."""
        return when(row.created_at)

    @admin.display(description="By")
    def by(self, row: ScrapeJob) -> SafeString:
        """Say who asked for it."""
        return text("unasked" if row.triggered_by == "scraper" else row.triggered_by.removeprefix("user:"))

    @admin.display(description="Error or warning")
    def trouble(self, row: ScrapeJob) -> SafeString:
        """Show what went wrong."""
        return text(row.error or row.warning, limit=80)

    # ---- one job --------------------------------------------------------------------------------

    def record(self, request: HttpRequest, row: ScrapeJob) -> dict[str, Any]:
        """Show a job and its invalid matches."""
        found = f"{reverse('admin:listings_productlisting_changelist')}?job={row.scraper_job_id}"
        facts = [
            ("Status", badge(row.get_status_display(), TONES[Status(row.status)])),
            ("Brands", text(row.brand_names)),
            ("Search", text(row.search)),
            ("Asked for by", self.by(row)),
            ("Error", text(row.error)),
            ("Warning", text(row.warning)),
            ("Created", when(row.created_at)),
            ("Taken by ScraperV2", when(row.started_at)),
            ("Completed", when(row.completed_at)),
            ("Is asked for after", when(row.deadline_at)),
            ("Our id", text(str(row.uuid))),
            ("ScraperV2's id", text(str(row.scraper_job_id or ""))),
        ]
        counts = [
            ("Matches", row.matches),
            ("New listings", link(found, row.created_listings) if row.scraper_job_id else 0),
            ("Seen again", row.resighted),
            ("Invalid", row.invalid),
        ]
        may = self.may_act(request)
        return {
            "title": str(row),
            "badge": badge(row.get_status_display(), TONES[Status(row.status)]),
            "sections": [("Counts", counts), ("Job", facts)],
            "tables": [replays.table(row, page=request.GET.get("page", ""), may_replay=may)],
            "notices": again.notices(row),
            "buttons": again.buttons(row) if self.may_trigger(request) else [],
        }

    # ---- what can be done -----------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the forms."""
        wrap, name = self.admin_site.admin_view, "scraping_scrapejob"
        return [
            path("run/", wrap(self.run_view), name=f"{name}_run"),
            path("<int:pk>/again/", wrap(self.again_view), name=f"{name}_again"),
            path("<int:pk>/replay/", wrap(self.replay_all_view), name=f"{name}_replay_all"),
            path("match/<int:pk>/", wrap(self.replay_view), name=f"{name}_replay"),
            *super().get_urls(),
        ]

    def run_view(self, request: HttpRequest) -> HttpResponse:
        """Ask what to look for, and have it looked for."""
        self.demand(request, TRIGGER)
        form = RunForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            job = jobs.trigger(**form.cleaned_data, by=staff_name(request))
            messages.success(
                request, "The job is written down. ScraperV2 is called next; its answer appears here."
            )
            return self.to_record(job.pk)
        context = {
            "title": "Run a scrape",
            "form": form,
            "submit": "Run it",
            "action_url": request.path,
            "back_url": self.list_url(),
            "told": [
                "ScraperV2 is asked to search. Consumers of our events are told scraper.job.created.",
                "What it finds becomes listings; nobody is messaged.",
            ],
        }
        return self.render(request, "staff/form.html", context, status=422 if form.is_bound else 200)

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Start a new job in the place of one that failed or was lost, and show it."""
        if request.method != "POST":
            return self.to_record(pk)
        self.demand(request, TRIGGER)
        return back(request, self.to_record(again.run(request, pk)))

    def replay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show one match, to be mended, and take it in again."""
        self.demand(request)
        return replays.one(self, request, pk)

    def replay_all_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take in every match of a job again that waits."""
        if request.method == "POST":
            self.demand(request)
            replays.every(request, get_object_or_404(ScrapeJob.objects.only("pk"), pk=pk).pk)
        return self.to_record(pk)
