"""The clock of the back office."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone


class StaffTime:
    """Show and read times on staff pages in `STAFF_TIME_ZONE`; everything else speaks UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/staff/"):
            return self.get_response(request)
        with timezone.override(settings.STAFF_TIME_ZONE):
            return self.get_response(request)
