"""Telegram: its quiet hours, and a test message that shows Telegram's own answer."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from integrations import clock, telegram
from integrations.admin.editable import OneRowAdmin
from integrations.models import TelegramSettings
from integrations.quiet_hours import quiet_end
from integrations.show import stamp

TAKEN = "took it"


@admin.register(TelegramSettings)
class TelegramAdmin(OneRowAdmin):
    """Quiet hours, and a test."""

    act_permission = "integrations.change_telegramsettings"
    fields = ("time_zone", "quiet_from", "quiet_until")

    def beside_the_form(self, request: HttpRequest, row: TelegramSettings) -> dict[str, Any]:
        """Say whether it is set up and quiet now, and offer a test."""
        test = {"url": reverse("admin:integrations_telegramsettings_test"), "words": "Send a test message"}
        notes = [_set_up(), _quiet(row, clock.now())]
        return {"form_notes": notes, "buttons": [test] if self.may_act(request) else []}

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address."""
        test = self.admin_site.admin_view(self.test_view)
        return [path("test/", test, name="integrations_telegramsettings_test"), *super().get_urls()]

    def test_view(self, request: HttpRequest) -> HttpResponse:
        """Send a test message at once, and show what Telegram said to it."""
        if request.method == "POST":
            self.demand(request)
            answer = telegram.send_test()
            level = messages.SUCCESS if TAKEN in answer else messages.ERROR
            messages.add_message(request, level, answer)
        return self.to_record(TelegramSettings.load().pk)


def _set_up() -> str:
    missing = [name for name in ("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID") if not getattr(settings, name, "")]
    if missing:
        return f"Telegram is off: set {' and '.join(missing)} in the environment."
    return f"Messages go to chat {settings.TELEGRAM_CHAT_ID}. A test message goes at once, quiet or not."


def _quiet(row: TelegramSettings, now: datetime) -> str:
    if row.quiet_from is None or row.quiet_until is None:
        return "It is never quiet."
    end = quiet_end(now, row.quiet_from, row.quiet_until, row.time_zone)
    return f"It is quiet now, until {stamp(end)}." if end else "It is not quiet now."
