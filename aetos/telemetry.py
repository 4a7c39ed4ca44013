"""Traces to OpenTelemetry and errors to Sentry, each only where the environment names a place for them.

`OTEL_EXPORTER_OTLP_ENDPOINT` switches tracing on, `SENTRY_DSN` error reports.
Neither is sent a body, a key, a query string, a local variable or a person's data. The
libraries are loaded only where they are used: they take memory, and time to start.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from integrations import tracing

QUIET = ("/health", "/metrics", "/static/")


def start(process: str) -> None:
    """Switch on what the environment asks for.

    Args:
        process: what this one is called in traces: `web`, `worker`.
    """
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        _trace(process)
    if settings.SENTRY_DSN:
        _report(process)


# ---- traces -------------------------------------------------------------------------------------


def _trace(process: str) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": f"aetos-{process}", "service.namespace": "aetos"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    tracing.use(OpenTelemetry(provider))


class OpenTelemetry:
    """Traces through the OpenTelemetry SDK."""

    def __init__(self, provider: Any) -> None:
        self._tracer = provider.get_tracer("aetos")

    def current(self) -> str:
        """Return the `traceparent` of what is under way."""
        from opentelemetry import propagate

        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier.get("traceparent", "")

    @contextmanager
    def span(self, name: str, *, parent: str, attributes: dict[str, str]) -> Iterator[Any]:
        """Go on from `parent` with a span of this name; begin a trace where there is none."""
        from opentelemetry import propagate

        context = propagate.extract({"traceparent": parent}) if parent else None
        with self._tracer.start_as_current_span(name, context=context, attributes=attributes) as span:
            yield span


class TraceRequests:
    """Middleware: a span for each request, named by its route. It keeps neither address, query, body nor sender."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Trace what is no question after our health."""
        if request.path.rstrip("/").startswith(QUIET):
            return self._get_response(request)
        told = {"http.request.method": request.method or "", "aetos.request_id": _request_id()}
        with tracing.span(request.method or "", **told) as span:
            response = self._get_response(request)
            if span and (route := request.resolver_match):
                span.update_name(f"{request.method} /{route.route}")
                span.set_attribute("http.route", route.route)
                span.set_attribute("http.response.status_code", response.status_code)
            return response


def _request_id() -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


# ---- errors -------------------------------------------------------------------------------------


def _report(process: str) -> None:
    import sentry_sdk
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.django import DjangoIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=settings.SENTRY_ENVIRONMENT,
        default_integrations=False,
        integrations=[
            DjangoIntegration(signals_spans=False),
            CeleryIntegration(),
            # Much of what goes wrong is caught, kept to be tried again, and logged as an error.
            LoggingIntegration(level=None, event_level=logging.ERROR),
        ],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=0.0,
        before_send=without_people,
    )
    sentry_sdk.set_tag("process", process)


SENT = ("event_id", "timestamp", "platform", "level", "environment", "release", "sdk", "tags", "transaction")


def without_people(event: Any, hint: Any) -> Any:
    """Keep of a report what kind of error it is and where; an error's words may quote a row or a body."""
    kept = {name: event[name] for name in SENT if name in event}
    if errors := [{**error, "value": ""} for error in _errors(event)]:
        kept["exception"] = {"values": errors}
    said = getattr(hint.get("log_record"), "msg", None)
    if isinstance(said, dict):
        kept["message"] = str(said.get("event", ""))
    kept["tags"] = {**kept.get("tags", {}), "request_id": _request_id()}
    return kept


def _errors(event: Any) -> list[Any]:
    """Return the errors of a report; of a log line, which holds it as text, the one that is being handled."""
    from sentry_sdk import get_client
    from sentry_sdk.utils import event_from_exception

    if "exception" not in event and (under_way := sys.exc_info())[0] is not None:
        event, _ = event_from_exception(under_way, client_options=get_client().options)
    return list(event.get("exception", {}).get("values", []))
