"""The raw limit of a page: a bare DRF view, with the product's middleware and sign-in, that returns as many bytes."""

import json
import os
from pathlib import Path

import django
from django.conf import settings

django.setup()
settings.ROOT_URLCONF = "bench.bare"

from django.core.wsgi import get_wsgi_application  # noqa: E402  settings come first
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

PAYLOADS = Path(os.environ["BENCH_PAYLOADS"])


class Bare(APIView):
    """Answers with what lies ready in memory, rendered anew for each request."""

    read_permission = "listings.view_productlisting"
    _ready: dict[str, object] = {}

    def get(self, request: Request, name: str) -> Response:
        """Answer."""
        if name not in self._ready:
            self._ready[name] = json.loads((PAYLOADS / f"{name}.json").read_text())
        return Response(self._ready[name])


def alive(request: HttpRequest) -> HttpResponse:
    """Answer that the server is there."""
    return HttpResponse()


urlpatterns = [path("bare/<slug:name>", Bare.as_view()), path("health/live", alive)]
application = get_wsgi_application()
