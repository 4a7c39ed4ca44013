"""Small views of the frame: the way to the back office, errors, the API's pages."""

import sys
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

# ReDoc makes its styles while it runs, and searches in a worker that it makes itself.
REDOC_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; worker-src blob:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


@require_safe
def to_staff(request: HttpRequest) -> HttpResponse:
    """Lead a person to the back office."""
    return HttpResponseRedirect("/staff/")


class SwaggerPage(SpectacularSwaggerSplitView):
    """Swagger UI, its script in a file of its own and its assets served by us."""

    url_name = "openapi"
    template_name = "aetos/swagger.html"


class RedocPage(SpectacularRedocView):
    """ReDoc with our assets only."""

    url_name = "openapi"
    template_name = "aetos/redoc.html"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show the page; its script would fetch a logo from its maker's host, which the browser is told not to."""
        response: Response = super().get(request, *args, **kwargs)
        response["Content-Security-Policy"] = REDOC_POLICY
        return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400 in JSON (an unknown Host, a query that cannot be decoded)."""
    return JsonResponse({"detail": "The request cannot be understood."}, status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: in the back office as a page, elsewhere as JSON."""
    return _answer(request, 403, "You may not do that.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: in the back office as a page, elsewhere as JSON."""
    return _answer(request, 404, "There is nothing here.")


def broken(request: HttpRequest) -> HttpResponse:
    """500, without a trace; 503 where it is the database that is away, or whose disk is full."""
    if isinstance(sys.exc_info()[1], OperationalError):
        return _answer(request, 503, "The database is away, or its disk is full. Try again when it is back.")
    return _answer(request, 500, "That went wrong on our side. It is logged.")


def _answer(request: HttpRequest, status: int, text: str) -> HttpResponse:
    if request.path.startswith("/staff"):
        return HttpResponse(
            f"<!doctype html><title>{status}</title><h1>{text}</h1><a href='/staff/'>Back</a>", status=status
        )
    return JsonResponse({"detail": text}, status=status)
