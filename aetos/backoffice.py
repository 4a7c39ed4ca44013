"""How the back office looks: django-unfold's settings. Its pages are in the apps' `admin` packages."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

# The theme's sign-in form drops Django's own "next", so whoever comes to it directly must be led home.
LOGIN_REDIRECT_URL = "/staff/"


def stylesheet(request: HttpRequest) -> str:
    """Return the address of our own styles."""
    return static("aetos/backoffice.css")


def signin_stylesheet(request: HttpRequest) -> str:
    """Return the address of the styles of the pages before one is in."""
    return static("aetos/signin.css")


def colours(request: HttpRequest) -> str:
    """Return the address of the colours below."""
    return reverse("colours")


def favicon(request: HttpRequest) -> str:
    """Return the address of the tab's icon."""
    return static("aetos/favicon.svg")


# Neutrals and the one accent, from the darkest text to the lightest page; every pair that is used meets AA.
BASE = {
    "50": "#f6f6f7",
    "100": "#f0f0f2",
    "200": "#e6e6e9",
    "300": "#d3d4d9",
    "400": "#969ba7",
    "500": "#666a75",
    "600": "#4b4e57",
    "700": "#3a3d45",
    "800": "#2a2c33",
    "900": "#17181c",
    "950": "#0f1013",
}
PRIMARY = {
    "50": "#eef3fd",
    "100": "#dde7fb",
    "200": "#bfd0f7",
    "300": "#a3beff",
    "400": "#86aaff",
    "500": "#86aaff",
    "600": "#2158d6",
    "700": "#1c4bb8",
    "800": "#173d95",
    "900": "#122f73",
    "950": "#0c2050",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Aetos",
    "SITE_HEADER": "Aetos",
    "SITE_SUBHEADER": "Orchestrator",
    "SITE_SYMBOL": "photo_camera",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "STYLES": [colours, stylesheet, signin_stylesheet],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": favicon}],
    "COLORS": {
        "base": BASE,
        "primary": PRIMARY,
        "font": {
            "subtle-light": "#666a75",
            "subtle-dark": "#969ba7",
            "default-light": "#4b4e57",
            "default-dark": "#bcc0ca",
            "important-light": "#16171b",
            "important-dark": "#f2f3f5",
        },
    },
    "DASHBOARD_CALLBACK": "aetos.cockpit.cockpit",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
    },
}
