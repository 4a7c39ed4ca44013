"""The audit: asks any database of ours whether everything is as it must be.

It reads and changes nothing but its own record. Staff are told once for each
audit that finds something: a finding is a fault of ours, and money may be involved.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models.functions import Now

from integrations import audit as messages
from integrations import outbox
from integrations.findings import Finding, Rule
from integrations.models import AuditRun
from integrations.telegram_chat import say
from listings import audit as listings

log = structlog.get_logger(__name__)

RULES: tuple[Rule, ...] = (*listings.RULES, *messages.RULES)
PATIENCE = timedelta(minutes=10)
KEPT = 100  # findings in words; the rest is counted
RUNS_KEPT = 90

Look = Callable[[Rule, int], None]


def run(*, patience: timedelta = PATIENCE, look: Look | None = None) -> AuditRun:
    """Check every rule and keep what was found.

    Args:
        patience: how long a call or a webhook may be unfinished before that is a finding.
        look: is told of each rule when it has been checked, with how many rows break it.

    Returns:
        The record of this run.
    """
    record = AuditRun.objects.create()
    broken: Counter[str] = Counter()
    words: list[str] = []
    for rule in RULES:
        for finding in rule.broken(patience):
            broken[rule.name] += 1
            if len(words) < KEPT:
                words.append(_written(rule, finding))
        if look:
            look(rule, broken[rule.name])
    record.broken, record.findings = dict(broken), words
    AuditRun.objects.filter(pk=record.pk).update(ended_at=Now(), broken=record.broken, findings=words)
    _forget_old_runs()
    log.info("audited", findings=broken.total())
    return record


def run_and_tell() -> AuditRun:
    """Audit as beat does every night: a finding is logged as an error, and told in the Telegram chat."""
    record = run()
    if record.broken:
        log.error("the audit found something", broken=record.broken)
        outbox.put(say(_told(record)))
    return record


def _written(rule: Rule, finding: Finding) -> str:
    return f"{rule.name}: {finding.subject}: {finding.detail}"


def _told(record: AuditRun) -> str:
    counts = [f"{count} × not so: {name}" for name, count in record.broken.items()]
    page = f"{settings.PUBLIC_URL}/staff/integrations/auditrun/{record.pk}/change/"
    return "\n".join(["The nightly audit found faults, please look", *counts, page])


def _forget_old_runs() -> None:
    newest = list(AuditRun.objects.values_list("pk", flat=True)[:RUNS_KEPT])
    AuditRun.objects.exclude(pk__in=newest).delete()
