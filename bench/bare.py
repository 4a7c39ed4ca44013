"""What the framework alone takes: bare views behind the product's middleware and sign-in.

One returns as many bytes as a page has, one a page's rows by the one SQL that
they need; two write what the raw sides of the bench write, in the same SQL, and
nothing else.
"""

import json
import os
import uuid
from pathlib import Path

import django
from django.conf import settings

django.setup()
settings.ROOT_URLCONF = "bench.bare"

from django.core.wsgi import get_wsgi_application  # noqa: E402  settings come first
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from bench import ingest, transition  # noqa: E402
from listings.api.show import COLUMNS  # noqa: E402
from tests.aetos.processes import KEYS  # noqa: E402

PAYLOADS = Path(os.environ.get("BENCH_PAYLOADS", os.devnull))
KEEP = (
    "INSERT INTO integrations_inboxmessage "
    "(partner, kind, body, content_type, request_id, status, detail, attempts, settled_by) "
    "VALUES ('scraper', 'job-complete', %s, 'application/json', '', 'processed', '', 1, '')"
)
NEWEST = (
    f"SELECT {', '.join(COLUMNS)} FROM listings_productlisting ORDER BY created_at DESC, id DESC LIMIT 50"
)


class Bare(APIView):
    """Answers with what lies ready in memory, rendered anew for each request."""

    read_permission = "listings.view_productlisting"
    _ready: dict[str, object] = {}

    def get(self, request: Request, name: str) -> Response:
        """Answer."""
        if name not in self._ready:
            self._ready[name] = json.loads((PAYLOADS / f"{name}.json").read_text())
        return Response(self._ready[name])


class BareRows(APIView):
    """Reads the newest fifty listings, with the columns that the API shows, and returns them as they come."""

    read_permission = "listings.view_productlisting"

    def get(self, request: Request) -> Response:
        """Ask once, answer."""
        connection.ensure_connection()
        cursor = connection.connection.execute(NEWEST)
        names = [column.name for column in cursor.description]
        return Response({"listings": [dict(zip(names, row, strict=True)) for row in cursor]})


class BareTransition(APIView):
    """Takes one arrow as `bench.transition.bare` does, on the connection that the thread keeps."""

    change_permissions = {None: "listings.transition_productlisting"}

    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Read the body, write, answer with what was asked."""
        connection.ensure_connection()
        transition.bare(connection.connection, pk)
        return Response({"listing_id": str(pk), "asked": request.data})


@csrf_exempt
def bare_job(request: HttpRequest) -> HttpResponse:
    """Keep the body, as must be since it comes once; then write the rows of its matches as the raw side does."""
    if request.headers.get("X-API-Key") != KEYS["SCRAPER_WEBHOOK_KEY"]:
        return HttpResponse(status=401)
    connection.ensure_connection()
    raw = connection.connection
    raw.execute(KEEP, [request.body])
    matches = json.loads(request.body)["matches"]
    write = ingest.copy if len(matches) > 1 else ingest.insert
    write(raw, [ingest.bare_rows(matches)])
    return JsonResponse({"created_listings": len(matches)}, status=202)


def alive(request: HttpRequest) -> HttpResponse:
    """Answer that the server is there."""
    return HttpResponse()


urlpatterns = [
    path("bare/<slug:name>", Bare.as_view()),
    path("rows", BareRows.as_view()),
    path("admin/listings/<uuid:pk>/transition", BareTransition.as_view()),
    path("webhooks/scraper/job-complete", bare_job),
    path("health/live", alive),
]
application = get_wsgi_application()
