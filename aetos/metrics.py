"""`/metrics`: what the product holds, counted when it is asked."""

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Count
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, TokenAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from integrations.clock import now
from integrations.models import Channel, InboxMessage, OutboxMessage
from integrations.webhooks import bearer_key_fits
from listings.models import ProductListing
from scraping.models import ScrapeJob

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class DatabaseCollector(Collector):
    """Counts rows; every number is the product's, not the process's, so any web process may answer."""

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges."""
        listings = GaugeMetricFamily("aetos_listings", "Listings by state.", labels=["state"])
        for state, count in ProductListing.objects.order_by().values_list("state").annotate(Count("pk")):
            listings.add_metric([state], count)
        yield listings
        jobs = GaugeMetricFamily("aetos_scrape_jobs", "Scrape jobs by status.", labels=["status"])
        for status, count in ScrapeJob.objects.order_by().values_list("status").annotate(Count("pk")):
            jobs.add_metric([status], count)
        yield jobs
        yield from self._outbox()
        inbox = GaugeMetricFamily(
            "aetos_inbox_open", "Webhooks that are not processed, by status.", labels=["status"]
        )
        open_rows = InboxMessage.objects.exclude(status=InboxMessage.Status.PROCESSED)
        for status, count in open_rows.order_by().values_list("status").annotate(Count("pk")):
            inbox.add_metric([status], count)
        yield inbox

    def _outbox(self) -> Iterable[Metric]:
        pending = GaugeMetricFamily("aetos_outbox_pending", "Messages not yet delivered.", labels=["channel"])
        given_up = GaugeMetricFamily("aetos_outbox_given_up", "Messages given up.", labels=["channel"])
        oldest = GaugeMetricFamily(
            "aetos_outbox_oldest_seconds", "Age of the oldest pending one.", labels=["channel"]
        )
        breaker = GaugeMetricFamily(
            "aetos_channel_closed", "1 while the circuit breaker is open.", labels=["channel"]
        )
        at = now()
        waiting = OutboxMessage.objects.filter(delivered_at__isnull=True, given_up_at__isnull=True).order_by()
        for channel, count in waiting.values_list("channel").annotate(Count("pk")):
            pending.add_metric([channel], count)
            first = (
                waiting.filter(channel=channel).order_by("id").values_list("created_at", flat=True).first()
            )
            oldest.add_metric([channel], max(0.0, (at - first).total_seconds()) if first else 0)
        lost = OutboxMessage.objects.filter(given_up_at__isnull=False).order_by()
        for channel, count in lost.values_list("channel").annotate(Count("pk")):
            given_up.add_metric([channel], count)
        for row in Channel.objects.all():
            breaker.add_metric([row.name], float(row.is_closed(at)))
        yield from (pending, given_up, oldest, breaker)


class MetricsPermission(BasePermission):
    """Staff, or whoever holds METRICS_KEY."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say whether the numbers may be read."""
        if bearer_key_fits(request, settings.METRICS_KEY):
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
        registry = CollectorRegistry()
        registry.register(DatabaseCollector())
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE)
