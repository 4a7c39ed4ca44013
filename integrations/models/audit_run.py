"""What the last audit of the database found: staff and the metrics must see it."""

from django.db import models
from django.db.models.functions import Now


class AuditRun(models.Model):
    """One audit from its beginning to its end, with how many rows broke each rule."""

    began_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Null: it was stopped.")
    broken = models.JSONField(default=dict, help_text="How many findings each broken rule has.")
    findings = models.JSONField(default=list, help_text="The first of them, in words.")

    class Meta:
        verbose_name_plural = "audits"
        ordering = ("-id",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"audit of {self.began_at:%d %b %H:%M}"
