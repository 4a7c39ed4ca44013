"""The theme's colours as a stylesheet: as an element in each page, the policy would have to allow any element."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from unfold.settings import get_config
from unfold.utils import convert_color

_each_context = admin.site.each_context


@require_safe
@cache_control(public=True, max_age=300)
def colours(request: HttpRequest) -> HttpResponse:
    """Answer the custom properties that the theme's styles are made of."""
    config = get_config()
    lines = [f"--border-radius: {config['BORDER_RADIUS']};"]
    lines += [
        f"--color-{name}-{weight}: {convert_color(value)};"
        for name, weights in config["COLORS"].items()
        for weight, value in weights.items()
    ]
    return HttpResponse(":root { " + " ".join(lines) + " }", content_type="text/css; charset=utf-8")


def each_context(request: HttpRequest) -> dict[str, Any]:
    """Return the site's context without the colours, so that its pages leave their element out."""
    return _each_context(request) | {"colors": None}
