"""Scrape jobs, the matches in them that could not be used, and the plans that start jobs by the clock."""

import re
import zoneinfo
from datetime import time
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.ids import uuid7
from listings.models import ProductListing

UNASKED = "scraper"
MAX_BRAND, MAX_BRANDS, MAX_TIMES = 100, 50, 48


class ScrapeJob(models.Model):
    """One scrape, triggered by us or delivered unasked.

    The primary key is the serial number that Chatterbot takes as `session_id`;
    `uuid` is the id that the API shows; `scraper_job_id` is ScraperV2's own.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"
        LOST = "lost", "Lost"

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    scraper_job_id = models.UUIDField(unique=True, null=True, blank=True)
    brands = models.JSONField(default=list)
    search = models.CharField(max_length=200, blank=True, default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    triggered_by = models.CharField(max_length=200, help_text="scraper: it came unasked.")
    created_at = models.DateTimeField(db_default=Now())
    start_called_at = models.DateTimeField(
        null=True, blank=True, help_text="The first call that may have started it, answered or not."
    )
    started_at = models.DateTimeField(null=True, blank=True, help_text="When ScraperV2 took it.")
    completed_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True, help_text="After that ScraperV2 is asked.")
    unanswered = models.PositiveIntegerField(default=0, help_text="How often in a row ScraperV2 did not say.")
    replaced_by = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="replaces",
        help_text="The job that staff started in its place.",
    )
    error = models.TextField(blank=True, default="")
    warning = models.TextField(blank=True, default="")
    deliveries = models.JSONField(default=list, help_text="A digest of each body that was processed.")
    matches = models.PositiveIntegerField(default=0)
    created_listings = models.PositiveIntegerField(default=0)
    resighted = models.PositiveIntegerField(default=0)
    invalid = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        permissions = (("trigger_scrape", "Can start a scrape"),)
        indexes = (
            models.Index(fields=["status", "-id"], name="job_status"),
            models.Index(fields=["deadline_at"], name="job_due", condition=Q(deadline_at__isnull=False)),
            models.Index(
                fields=["completed_at"], name="job_completed", condition=Q(completed_at__isnull=False)
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="job_completed_has_its_time",
                condition=~Q(status="completed") | Q(completed_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"Job {self.pk}: {self.brand_names or 'any brand'}"

    @property
    def brand_names(self) -> str:
        """The brands in one line."""
        return ", ".join(self.brands)


class InvalidMatch(models.Model):
    """One match of a job that could not be used: kept, so that staff can see, mend and replay it."""

    job = models.ForeignKey(ScrapeJob, on_delete=models.PROTECT, related_name="invalid_matches")
    index = models.PositiveIntegerField(help_text="Its place in the job's matches, from 0.")
    inbox_id = models.BigIntegerField(null=True, blank=True, help_text="The inbox row with the whole body.")
    raw = models.TextField(help_text="The match as ASCII JSON.")
    detail = models.TextField(help_text="Why it could not be used.")
    created_at = models.DateTimeField(db_default=Now())
    replayed_at = models.DateTimeField(null=True, blank=True)
    replayed_by = models.CharField(max_length=200, blank=True, default="")
    listing = models.ForeignKey(ProductListing, on_delete=models.SET_NULL, null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        permissions = (("replay_invalidmatch", "Can replay a match"),)
        verbose_name_plural = "invalid matches"

    def __str__(self) -> str:
        return f"Match {self.index} of job {self.job_id}"


# ---- plans --------------------------------------------------------------------------------------


def usual_times() -> list[str]:
    """Return the times of day at which a new plan runs."""
    return ["09:00", "14:00", "21:00"]


def check_brands(value: Any) -> None:
    """Refuse what is not a list of at least one brand.

    Raises:
        ValidationError.
    """
    if not isinstance(value, list) or not 0 < len(value) <= MAX_BRANDS:
        raise ValidationError(f"Give a list of 1 to {MAX_BRANDS} brands.")
    for brand in value:
        if not isinstance(brand, str) or not 0 < len(brand.strip()) <= MAX_BRAND or not brand.isprintable():
            raise ValidationError(f"A brand is text of 1 to {MAX_BRAND} characters.")


def check_times(value: Any) -> None:
    """Refuse what is not a list of times of day such as 09:00.

    Raises:
        ValidationError.
    """
    if not isinstance(value, list) or not 0 < len(value) <= MAX_TIMES:
        raise ValidationError(f"Give a list of 1 to {MAX_TIMES} times of day.")
    for each in value:
        if not isinstance(each, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", each):
            raise ValidationError("A time of day is written as 09:00, from 00:00 to 23:59.")


def check_time_zone(value: str) -> None:
    """Refuse what names no time zone.

    Raises:
        ValidationError.
    """
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError("There is no such time zone. Write it as Europe/London.") from None


class SearchPlan(models.Model):
    """What is looked for every day, and when. Staff edit it; scraping/plans.py runs it.

    Whoever saves a plan, it is validated: a time that cannot be read would
    otherwise be found out by a run that never comes.
    """

    name = models.CharField(max_length=60, unique=True)
    brands = models.JSONField(
        validators=[check_brands], help_text="As ScraperV2's catalogue spells them; it compares by case."
    )
    search = models.CharField(max_length=200, help_text="What to look for on the marketplace.")
    times = models.JSONField(
        default=usual_times, validators=[check_times], help_text="Times of day in the plan's time zone."
    )
    time_zone = models.CharField(max_length=64, default="Europe/London", validators=[check_time_zone])
    active = models.BooleanField(default=True)
    created_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    considered_until = models.DateTimeField(
        db_default=Now(), editable=False, help_text="Every run that was due by then has its row."
    )
    last_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_result = models.CharField(max_length=300, blank=True, default="", editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Validate and write.

        Raises:
            ValidationError.
        """
        self.full_clean()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Bring brands and times into their plain form: trimmed, in order, none twice."""
        self.search = self.search.strip()
        if not self.search:
            raise ValidationError({"search": "Say what to look for."})
        if isinstance(self.brands, list) and all(isinstance(brand, str) for brand in self.brands):
            self.brands = list(dict.fromkeys(brand.strip() for brand in self.brands))
        if isinstance(self.times, list) and all(isinstance(each, str) for each in self.times):
            self.times = sorted(set(self.times))

    @property
    def times_of_day(self) -> list[time]:
        """The times as times."""
        return [time.fromisoformat(each) for each in self.times]


class SearchRun(models.Model):
    """One run of a plan that fell due: the claim on its time, and what became of it."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        STARTED = "started", "Started"
        SKIPPED = "skipped", "Skipped"
        MISSED = "missed", "Missed"

    plan = models.ForeignKey(SearchPlan, on_delete=models.CASCADE, related_name="runs")
    slot_at = models.DateTimeField(help_text="When it was due.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    detail = models.CharField(max_length=300, blank=True, default="")
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When it was started, or was not.")
    job = models.OneToOneField(
        ScrapeJob, on_delete=models.PROTECT, null=True, blank=True, related_name="search_run"
    )

    class Meta:
        ordering = ("-slot_at", "-id")
        default_permissions = ("view",)
        indexes = (models.Index(fields=["slot_at"], name="run_waiting", condition=Q(status="waiting")),)
        constraints = (
            models.UniqueConstraint(fields=["plan", "slot_at"], name="one_run_a_slot"),
            models.CheckConstraint(
                name="run_started_has_its_job",
                condition=Q(status="started", job__isnull=False)
                | (~Q(status="started") & Q(job__isnull=True)),
            ),
        )

    def __str__(self) -> str:
        return f"{self.slot_at:%d %b %H:%M} UTC: {self.get_status_display().lower()}"


class Pipeline(models.Model):
    """Whether anything comes in: one row, whose `silent_since` is set while the alarm is on."""

    silent_since = models.DateTimeField(null=True, blank=True, help_text="When staff were alerted.")
    detail = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        default_permissions = ("view",)
        verbose_name_plural = "pipeline"
        constraints = (models.CheckConstraint(name="pipeline_is_one", condition=Q(pk=1)),)

    def __str__(self) -> str:
        return self.detail or "Scrapes come in as planned."
