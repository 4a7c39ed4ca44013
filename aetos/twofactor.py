"""The second step of signing in: a code from an app on one's own phone, or a recovery code.

django-otp keeps the secrets, compares the codes, refuses one that was used, and
slows down whoever guesses. `STAFF_TWO_FACTOR=required` asks every session of
staff; API tokens are programs' and are not asked.
"""

import time
from base64 import b32encode
from binascii import unhexlify
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django_otp.models import Device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.util import random_hex

RECOVERY_CODES = 10
DIGITS = 6


class WrongCode(Exception):
    """The code is not right, or was used before."""


@dataclass
class TooFast(Exception):
    """After wrong codes one has to wait, each time for longer."""

    seconds: int


class AlreadyEnrolled(Exception):
    """The person has a device; it must be taken away before there can be another."""


def asked_of(request: HttpRequest) -> bool:
    """Say whether this session still owes the second step."""
    if settings.STAFF_TWO_FACTOR != "required":
        return False
    user = request.user
    return user.is_authenticated and not user.is_verified()  # type: ignore[attr-defined]  # by OTPMiddleware


def has_device(user: User) -> bool:
    """Say whether the person has an app to take codes from."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).exists()


def check(user: User, code: str) -> Device:
    """Compare a code with the person's app, or with the recovery codes that are left.

    Args:
        user: who signs in.
        code: what was typed; spaces and hyphens do not matter.

    Returns:
        The device that knew it. A code is good once.

    Raises:
        WrongCode, TooFast.
    """
    code = _bare(code)
    model = TOTPDevice if len(code) == DIGITS else StaticDevice
    with transaction.atomic():
        device = model.objects.select_for_update().filter(user=user, confirmed=True).first()
        if device is None:
            raise WrongCode
        allowed, told = device.verify_is_allowed()
        if not allowed:
            raise TooFast(max(1, ceil((told["locked_until"] - timezone.now()) / timedelta(seconds=1))))
        right = device.verify_token(code)
    if not right:
        raise WrongCode  # outside the transaction, which has counted the failure
    return device


def new_key() -> str:
    """Draw a secret for an app."""
    return str(random_hex(20))


def address_for_app(user: User, key: str) -> str:
    """Return what the app reads from the picture."""
    return str(TOTPDevice(user=user, key=key).config_url)


def spelled(key: str) -> str:
    """Return the secret as people type it, in groups of four."""
    text = b32encode(unhexlify(key)).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def enrol(user: User, key: str, code: str) -> tuple[Device, list[str]]:
    """Keep an app's secret, when a code proves that the app has it.

    Returns:
        The device, and the recovery codes, which are not shown again.

    Raises:
        WrongCode, AlreadyEnrolled.
    """
    totp = TOTP(unhexlify(key), digits=DIGITS)
    totp.time = time.time()
    code = _bare(code)
    if not (code.isascii() and code.isdigit() and len(code) == DIGITS and totp.verify(int(code), 1)):
        raise WrongCode
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # two browsers of one person: the first wins
        if has_device(user):
            raise AlreadyEnrolled
        device = TOTPDevice.objects.create(user=user, name="App", key=key, last_t=totp.t(), drift=totp.drift)
        StaticDevice.objects.filter(user=user).delete()
        kept = StaticDevice.objects.create(user=user, name="Recovery codes")
        codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=kept, token=each) for each in codes)
    return device, codes


def take_away(user: User) -> bool:
    """Forget a person's app and recovery codes. Their sessions owe the second step again, and enrol anew.

    Returns:
        Whether there was anything to forget.
    """
    with transaction.atomic():
        gone = sum(model.objects.filter(user=user).delete()[0] for model in (TOTPDevice, StaticDevice))
    return gone > 0


def _bare(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


class RequireSecondStep:
    """Until the second step is passed, a session is not signed in: staff pages lead to it, all else sees nobody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if asked_of(request):
            step = reverse("second-step")
            open_to_all = (step, f"{step}/", reverse("admin:login"), reverse("admin:logout"))
            if request.path in open_to_all:
                return self.get_response(request)
            if request.path.startswith("/staff/") and request.user.is_staff:
                return _lead(request, step)
            request.user = AnonymousUser()
        return self.get_response(request)


def _lead(request: HttpRequest, step: str) -> HttpResponse:
    if (
        "HX-Request" in request.headers
    ):  # htmx would follow a redirect and put the form into a corner of the page
        return HttpResponse(status=204, headers={"HX-Redirect": step})
    onward = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
    return HttpResponseRedirect(step + onward)
