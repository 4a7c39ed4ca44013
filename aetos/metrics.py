"""`/metrics`: what the product holds, counted when it is asked."""

import os
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min, QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from integrations.callers import bearer_key_fits
from integrations.channels import CHANNELS
from integrations.clock import now
from integrations.models import AuditRun, Channel, InboxMessage, OutboxMessage, Pulse
from integrations.tasks import TASKS
from integrations.tokens import TokenAuthentication
from listings import earnings, tally
from listings.models import OutreachSettings, ProductListing
from listings.states import State
from scraping.models import ScrapeJob

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class DatabaseCollector(Collector):
    """Counts rows; every number is the product's, not the process's, so any web process may answer.

    What there is none of is 0, not absent: an alert could not tell absent from unknown, and a rate sees no first step.
    """

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges."""
        listings = GaugeMetricFamily("aetos_listings", "Listings by state.", labels=["state"])
        numbers = tally.numbers()
        for state in State:
            listings.add_metric([state], numbers[state].count if state in numbers else 0)
        yield listings
        jobs = GaugeMetricFamily("aetos_scrape_jobs", "Scrape jobs by status.", labels=["status"])
        counts = dict(ScrapeJob.objects.order_by().values_list("status").annotate(Count("pk")))
        for status in ScrapeJob.Status:
            jobs.add_metric([status], counts.get(status, 0))
        yield jobs
        at = now()
        yield from self._outbox(at)
        yield from self._inbox(at)
        yield from self._clockwork(at)
        yield from self._money()

    def _inbox(self, at: datetime) -> Iterable[Metric]:
        inbox = GaugeMetricFamily(
            "aetos_inbox_open", "Webhooks that are not processed, by status.", labels=["status"]
        )
        oldest = GaugeMetricFamily(
            "aetos_inbox_oldest_seconds", "Age of the oldest of them, by status.", labels=["status"]
        )
        open_rows = InboxMessage.objects.exclude(status=InboxMessage.Status.PROCESSED)
        rows = open_rows.order_by().values_list("status").annotate(Count("pk"), Min("received_at"))
        found = {status: (count, first) for status, count, first in rows}
        for status in InboxMessage.Status:
            if status == InboxMessage.Status.PROCESSED:
                continue
            count, first = found.get(status, (0, None))
            inbox.add_metric([status], count)
            oldest.add_metric([status], _age(at, first))
        yield from (inbox, oldest)

    def _clockwork(self, at: datetime) -> Iterable[Metric]:
        """Yield how late the things are that happen by themselves."""
        overdue = ProductListing.objects.filter(deadline_at__lt=at).order_by()
        late = overdue.aggregate(count=Count("pk"), first=Min("deadline_at"))
        yield _gauge("aetos_timeouts_overdue", "Listings past their deadline, not cancelled.", late["count"])
        yield _gauge(
            "aetos_timeouts_lag_seconds",
            "How long the longest overdue of them is overdue.",
            _age(at, late["first"]),
        )
        silent = ScrapeJob.objects.filter(deadline_at__lt=at).order_by().count()
        yield _gauge("aetos_scrape_jobs_overdue", "Scrape jobs that are silent past their deadline.", silent)
        beaten = Pulse.objects.filter(name=TASKS).values_list("beaten_at", flat=True).first()
        if beaten:
            yield _gauge("aetos_pulse_age_seconds", "Since a task of beat was last run.", _age(at, beaten))
        audit = AuditRun.objects.filter(ended_at__isnull=False).first()
        if audit:
            yield _gauge("aetos_audit_findings", "Of the last audit.", sum(audit.broken.values()))
            yield _gauge("aetos_audit_age_seconds", "Since its beginning.", _age(at, audit.began_at))

    def _money(self) -> Iterable[Metric]:
        profit = GaugeMetricFamily(
            "aetos_profit", "Realised profit up to now, in CURRENCY.", labels=["period"]
        )
        sales = GaugeMetricFamily("aetos_sales", "Sales up to now.", labels=["period"])
        for earned in earnings.up_to_now(OutreachSettings.objects.first() or OutreachSettings()):
            profit.add_metric([earned.period.name], float(earned.realised))
            sales.add_metric([earned.period.name], earned.sales)
        yield from (profit, sales)

    def _outbox(self, at: datetime) -> Iterable[Metric]:
        pending = GaugeMetricFamily("aetos_outbox_pending", "Messages not yet delivered.", labels=["channel"])
        given_up = GaugeMetricFamily("aetos_outbox_given_up", "Messages given up.", labels=["channel"])
        oldest = GaugeMetricFamily(
            "aetos_outbox_oldest_seconds", "Age of the oldest pending one.", labels=["channel"]
        )
        waiting = OutboxMessage.objects.filter(delivered_at__isnull=True, given_up_at__isnull=True).order_by()
        lost = OutboxMessage.objects.filter(given_up_at__isnull=False).order_by()
        wait = dict(waiting.values_list("channel").annotate(Count("pk")))
        gone = dict(lost.values_list("channel").annotate(Count("pk")))
        for channel in CHANNELS:
            pending.add_metric([channel], wait.get(channel, 0))
            given_up.add_metric([channel], gone.get(channel, 0))
            oldest.add_metric([channel], _age(at, _first(waiting, channel) if channel in wait else None))
        yield from (pending, given_up, oldest, *_channels())


def _channels() -> Iterable[Metric]:
    """Yield what became of what was sent, and who does not answer."""
    breaker = GaugeMetricFamily(
        "aetos_channel_closed",
        "1 from the opening of the circuit breaker until the other side answers again.",
        labels=["channel"],
    )
    deliveries = CounterMetricFamily(
        "aetos_deliveries", "What became of calls and events.", labels=["channel", "outcome"]
    )
    rows = {row.name: row for row in Channel.objects.all()}
    for name in CHANNELS:
        row = rows.get(name) or Channel(name=name)
        # Not whether calls are held back just now: that ends with each try, and an alert would never see ten minutes.
        breaker.add_metric([name], float(row.closed_until is not None))
        for outcome in ("delivered", "failed", "given_up"):
            deliveries.add_metric([name, outcome], getattr(row, outcome))
    yield from (breaker, deliveries)


def _first(waiting: QuerySet[OutboxMessage], channel: str) -> datetime | None:
    return waiting.filter(channel=channel).order_by("id").values_list("created_at", flat=True).first()


def _age(at: datetime, moment: datetime | None) -> float:
    return max(0.0, (at - moment).total_seconds()) if moment else 0.0


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


class MetricsPermission(BasePermission):
    """Staff, or whoever holds one of METRICS_KEY."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say whether the numbers may be read."""
        if bearer_key_fits(request, settings.METRICS_KEYS):
            return True
        return bool(request.user.is_authenticated and request.user.is_active and request.user.is_staff)


class MetricsView(APIView):
    """Numbers for Prometheus."""

    authentication_classes: tuple[type[BaseAuthentication], ...] = (
        TokenAuthentication,
        SessionAuthentication,
    )
    permission_classes = (MetricsPermission,)

    @extend_schema(responses={(200, "text/plain"): str})
    def get(self, request: Request) -> HttpResponse:
        """Show the numbers in Prometheus' text format."""
        counted = CollectorRegistry()
        counted.register(DatabaseCollector())
        return HttpResponse(generate_latest(counted) + _served(), content_type=CONTENT_TYPE)


def _served() -> bytes:
    """Return what is counted of requests, in all processes where gunicorn has several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)
    return generate_latest(together)
