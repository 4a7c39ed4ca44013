"""The page of the second step: enrol an app, or type its code."""

from typing import Any

import segno
from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_otp import login
from django_otp.models import Device

from aetos import twofactor

KEY = "second_step_key"  # of an app that is being enrolled; it goes with the session
WRONG = "That code is not right. Codes change every 30 seconds, and each is good once."


class CodeForm(forms.Form):
    """One code."""

    code = forms.CharField(
        max_length=20,
        label="Code",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autofocus": True,
                "autocapitalize": "off",
                "spellcheck": "false",
                "class": "ae-input",
            }
        ),
    )


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask for a code; whoever has no app yet enrols one first. Who owes nothing is led on."""
    user = request.user
    if not (isinstance(user, User) and user.is_active and user.is_staff):
        return HttpResponseRedirect(reverse("admin:login"))
    if not twofactor.asked_of(request):
        return HttpResponseRedirect(_onward(request))
    form = CodeForm(request.POST if request.method == "POST" else None)
    act = _ask if twofactor.has_device(user) else _enrol
    return act(request, user, form)


def _ask(request: HttpRequest, user: User, form: CodeForm) -> HttpResponse:
    status = 200
    if form.is_valid():
        try:
            _pass(request, twofactor.check(user, form.cleaned_data["code"]))
            return HttpResponseRedirect(_onward(request))
        except twofactor.WrongCode:
            form.add_error("code", WRONG)
        except twofactor.TooFast as fast:
            status = 429
            form.add_error("code", f"Too many wrong codes. Wait {fast.seconds} s, then type a new one.")
    return _page(request, "staff/second_step.html", {"title": "The second step", "form": form}, status)


def _enrol(request: HttpRequest, user: User, form: CodeForm) -> HttpResponse:
    key = request.session.get(KEY)
    if key and form.is_valid():
        try:
            device, codes = twofactor.enrol(user, key, form.cleaned_data["code"])
        except twofactor.WrongCode:
            form.add_error("code", WRONG)
        except twofactor.AlreadyEnrolled:
            return HttpResponseRedirect(request.get_full_path())
        else:
            _pass(request, device)
            codes_shown = {"title": "Recovery codes", "codes": codes, "onward": _onward(request)}
            return _page(request, "staff/recovery_codes.html", codes_shown)
    if not key:
        key = request.session[KEY] = twofactor.new_key()
    picture = segno.make(twofactor.address_for_app(user, key), error="m", micro=False)
    shown = {
        "title": "Set up the second step",
        "form": form,
        "picture": mark_safe(picture.svg_inline(scale=5, light="#fff", omitsize=True)),  # noqa: S308  drawn by us
        "secret": twofactor.spelled(key),
    }
    return _page(request, "staff/second_step_enrol.html", shown)


def _pass(request: HttpRequest, device: Device) -> None:
    login(request, device)
    request.session.pop(KEY, None)
    request.session.cycle_key()


def _onward(request: HttpRequest) -> str:
    given = request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(given, allowed_hosts=None, require_https=request.is_secure())
    return given if ours and given.startswith("/staff/") else reverse("admin:index")


def _page(request: HttpRequest, template: str, shown: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, template, admin.site.each_context(request) | shown, status=status)
