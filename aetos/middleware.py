"""The outermost gate: what is refused before anything looks at it, and what no cache keeps."""

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse


class KeepNothing:
    """Have no cache keep an answer, unless its view has said otherwise: prices and people stand in most of them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class RefuseControlCharacters:
    """Answer 400 to a NUL in the address or a cookie: no database column can hold one, so nothing can match it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = unquote_to_bytes(request.META.get("QUERY_STRING", ""))
        if b"\0" in query or "\0" in request.path or any("\0" in value for value in request.COOKIES.values()):
            return JsonResponse({"detail": "A NUL character is not allowed here."}, status=400)
        return self.get_response(request)


class RefuseWhatNoColumnHolds:
    """Answer 400 to a number or a time in the address that is beyond every column: SQLite can't even be asked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer where a page that only shows something failed of that; anything else is a fault of ours."""
        if isinstance(exception, OverflowError) and request.method in ("GET", "HEAD"):
            return JsonResponse({"detail": "A number or a time in the address is out of range."}, status=400)
        return None


class RefuseHugeBodies:
    """Answer 413 to a body that no view could want, before a byte of it is kept anywhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > settings.UPLOAD_MAX_BYTES:
            return JsonResponse({"detail": "The body is too large."}, status=413)
        return self.get_response(request)


class MakeRoom:
    """Give all that a request calls one piece of CPython's stack of frames, instead of many small ones.

    CPython keeps frames in chunks of 16 KB; it takes a further one from the system with the call that needs it, and
    gives it back with that call's end. Where a page's templates call and return just at a chunk's end, that is
    hundreds of times a page, a seventh of its time. A large frame gets a chunk as large, and what it calls the rest.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    # Just over 128 KB: the next chunk's size is 256, whose other half is for the calls within.
    __call__.__code__ = __call__.__code__.replace(co_stacksize=16_500)
