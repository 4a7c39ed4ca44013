"""The theme's part of every page: what is the same in all of them is asked once.

Its colours are a stylesheet: as an element in each page, the policy would have to allow any element.
"""

from functools import lru_cache
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.urls import get_script_prefix
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from unfold.settings import get_config
from unfold.utils import convert_color

from aetos.navigation import navigation

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
    """Return the site's context, without the colours, so that its pages leave their element out."""
    may = admin.site.has_permission(request)
    return {
        **_same_in_all(get_script_prefix()),
        "has_permission": may,
        # For the theme's own pages of applications; the others would pay for it in vain.
        "available_apps": SimpleLazyObject(lambda: admin.site.get_app_list(request)),
        "sidebar_navigation": navigation(request) if may else [],
    }


@lru_cache(maxsize=8)
def _same_in_all(prefix: str) -> dict[str, Any]:
    """Return what the theme says to nobody in particular; `prefix` stands before all paths."""
    request = HttpRequest()
    request.META["SCRIPT_NAME"] = prefix.rstrip("/")
    request.user = AnonymousUser()
    theirs = {"has_permission", "available_apps", "sidebar_navigation", "log_entries"}
    context = {name: value for name, value in _each_context(request).items() if name not in theirs}
    return context | {"colors": None}
