"""Signing in with a password: where a request comes from, and the answer to whoever guessed too often.

django-axes counts the failures of each name from each address, in the database.
"""

import ipaddress
from datetime import timedelta
from math import ceil
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

NAME_LENGTH = 150  # of Django's User


def client_address(request: HttpRequest) -> str | None:
    """Return the address of whoever asks, as far as it can be trusted.

    Each of our own proxies (`TRUSTED_PROXIES`) appends the address it was
    called from; what stands further left was written by the caller, who may
    write anything. One household or server has a whole /64 of IPv6, and counts
    as one.
    """
    passed = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    count = settings.TRUSTED_PROXIES
    address = passed[-count] if 0 < count <= len(passed) else ""
    return _plain(address) or _plain(request.META.get("REMOTE_ADDR", ""))


def _plain(address: str) -> str | None:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False).network_address)


def name_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the name that was typed, as far as an account's can be long: the form lets longer ones pass."""
    given = (credentials or {}).get("username") or request.POST.get("username", "")
    return str(given)[:NAME_LENGTH]


def locked_out(
    request: HttpRequest, original_response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Answer 429 with a page that says how long to wait; axes calls it instead of the sign-in form."""
    attempts = AccessAttempt.objects.filter(
        username=name_of(request, credentials), ip_address=client_address(request)
    )
    last = attempts.aggregate(at=Max("attempt_time"))["at"] or timezone.now()
    left = max(last + settings.AXES_COOLOFF_TIME - timezone.now(), timedelta(seconds=1))
    minutes = ceil(left / timedelta(minutes=1))
    context = admin.site.each_context(request) | {"title": "Wait a little", "minutes": minutes}
    response = render(request, "staff/locked_out.html", context, status=429)
    response["Retry-After"] = str(ceil(left.total_seconds()))
    return response
