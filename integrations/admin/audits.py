"""The audits: whether the books agreed, and what did not."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from integrations.admin.base import ReadOnlyAdmin
from integrations.models import AuditRun
from integrations.show import badge, link, page_of, text, when


@admin.register(AuditRun)
class AuditRunAdmin(ReadOnlyAdmin):
    """Audits, read-only."""

    list_display = ("began", "outcome", "rules")
    empty_words = "No audit yet: one runs every night, and `manage.py audit` runs one now."

    @admin.display(description="Began", ordering="began_at")
    def began(self, row: AuditRun) -> SafeString:
        """Link to what it found."""
        return link(page_of("integrations_auditrun", row.pk), when(row.began_at))

    @admin.display(description="Outcome")
    def outcome(self, row: AuditRun) -> SafeString:
        """Say how many rows break a rule."""
        if row.ended_at is None:
            return badge("stopped, or under way", "warn")
        total = sum(row.broken.values())
        return (
            badge(f"{total} finding{'' if total == 1 else 's'}", "bad")
            if total
            else badge("all agrees", "good")
        )

    @admin.display(description="Not so")
    def rules(self, row: AuditRun) -> SafeString:
        """Name the rules that are broken."""
        return text(", ".join(row.broken))

    def record(self, request: HttpRequest, row: AuditRun) -> dict[str, Any]:
        """Show what was found."""
        facts = [("Began", when(row.began_at)), ("Ended", when(row.ended_at))]
        counts = [(rule, count) for rule, count in row.broken.items()]
        return {
            "title": str(row).capitalize(),
            "badge": self.outcome(row),
            "may_act": True,
            "sections": [("Audit", facts), *([("Rows that break a rule", counts)] if counts else [])],
            "raws": [("The first findings", "\n".join(row.findings))] if row.findings else [],
        }
