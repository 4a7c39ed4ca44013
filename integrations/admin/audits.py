"""The audits: whether the books agreed, and what did not."""

from collections import defaultdict
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from integrations.admin.base import ReadOnlyAdmin
from integrations.models import AuditRun
from integrations.show import badge, link, page_of, text, when

# Where the rows are that a finding may be about.
PAGES = {
    "listing": "listings_productlisting",
    "inbox": "integrations_inboxmessage",
    "outbox": "integrations_outboxmessage",
}


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
        if row.broken:
            facts.append(("What to do", text("BooksDoNotAgree in docs/runbook.md")))
        found: dict[str, list[tuple[SafeString, SafeString]]] = defaultdict(list)
        for finding in row.findings:
            rule, subject, detail = _parts(finding)
            found[rule].append((subject, detail))
        title = str(row)
        return {
            "title": title[:1].upper() + title[1:],
            "badge": self.outcome(row),
            "may_act": True,
            "sections": [
                ("Audit", facts),
                *(
                    (_heading(rule, count, len(found[rule])), found[rule])
                    for rule, count in row.broken.items()
                ),
            ],
        }


def _heading(rule: str, count: int, shown: int) -> str:
    rows = "1 row" if count == 1 else f"{count} rows"
    return f"Not so: {rule} ({rows}{f', the first {shown} here' if shown < count else ''})"


def _parts(finding: str) -> tuple[str, SafeString, SafeString]:
    """Take a finding apart as the audit wrote it: the rule, a way to the row, and what is wrong."""
    rule, _, rest = finding.partition(": ")
    subject, _, detail = rest.partition(": ")
    kind, _, key = subject.partition(" ")
    row = link(page_of(PAGES[kind], key), f"{kind} {_short(key)}") if kind in PAGES else text(subject)
    return rule, row, text(detail)


def _short(key: str) -> str:
    """Return a number as it is, and the end of a listing's id."""
    return f"…{key[-8:]}" if len(key) > 20 else key
