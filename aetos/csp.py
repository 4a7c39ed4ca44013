"""What a browser may load and run on our pages: a Content-Security-Policy for each kind of answer.

Ours rather than django-csp's: three constant policies need no more than this.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGE = (
    "default-src 'none'; script-src {script}; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PAGE = _PAGE.format(script="'self'")
# The theme writes its behaviour as expressions in attributes, which Alpine turns into functions.
STAFF = _PAGE.format(script="'self' 'unsafe-eval'")
# Hardware and powers that no page of ours asks for.
POWERS = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"


class ContentSecurityPolicy:
    """Add the policy, unless the view has said its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _policy(request, response))
        response.headers.setdefault("Permissions-Policy", POWERS)
        return response


def _policy(request: HttpRequest, response: HttpResponse) -> str:
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        return NOTHING
    return STAFF if request.path.startswith("/staff/") else PAGE
