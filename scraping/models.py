"""Scrape jobs, and the matches in them that could not be used."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.ids import uuid7
from listings.models import ProductListing


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
    started_at = models.DateTimeField(null=True, blank=True, help_text="When ScraperV2 took it.")
    completed_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True, help_text="After that ScraperV2 is asked.")
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
        indexes = (models.Index(fields=["status", "-id"], name="job_status"),)
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
