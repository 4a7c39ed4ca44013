"""Telegram's quiet hours, and a test that shows Telegram's own answer."""

from typing import Any

import pytest
from django.test import Client

from integrations import telegram
from integrations.http import PermanentError
from integrations.models import OutboxMessage, TelegramSettings
from tests.backoffice.pages import said
from tests.backoffice_buying.conftest import TELEGRAM, nothing_written

pytestmark = pytest.mark.django_db


def test_the_one_row_is_there_for_whoever_comes_directly(viewer: Client) -> None:
    assert viewer.get(f"{TELEGRAM}1/change/").status_code == 200
    assert TelegramSettings.objects.count() == 1
    assert viewer.get(f"{TELEGRAM}2/change/").status_code == 302


def test_quiet_hours_are_set(operator: Client) -> None:
    assert operator.get(TELEGRAM)["Location"] == f"{TELEGRAM}1/change/"
    given = {"time_zone": "Europe/London", "quiet_from": "22:00", "quiet_until": "07:30"}
    assert operator.post(f"{TELEGRAM}1/change/", given)["Location"] == f"{TELEGRAM}1/change/"
    row = TelegramSettings.objects.get()
    assert (str(row.quiet_from), str(row.quiet_until)) == ("22:00:00", "07:30:00")
    assert "quiet now" in operator.get(f"{TELEGRAM}1/change/").content.decode()


@pytest.mark.parametrize(
    "given",
    [
        {"time_zone": "Mars/Base", "quiet_from": "", "quiet_until": ""},
        {"time_zone": "UTC", "quiet_from": "22:00", "quiet_until": ""},
        {"time_zone": "UTC", "quiet_from": "25:00", "quiet_until": "07:00"},
        {"time_zone": "", "quiet_from": "", "quiet_until": ""},
    ],
)
def test_quiet_hours_that_cannot_be(operator: Client, given: dict[str, str]) -> None:
    TelegramSettings.load()
    with nothing_written():
        response = operator.post(f"{TELEGRAM}1/change/", given)
    assert response.context["adminform"].form.errors


def test_a_test_that_is_switched_off_says_what_is_missing(operator: Client, settings: Any) -> None:
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "", ""
    words = said(operator.post(f"{TELEGRAM}test/"))
    assert words == ["Telegram is off: TELEGRAM_CHAT_ID is not set."]
    html = operator.get(f"{TELEGRAM}1/change/").content.decode()
    assert "set TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID in the environment" in html


def test_a_test_shows_what_telegram_said(
    operator: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "123:secret", "-100"
    monkeypatch.setattr(telegram, "send_message", lambda *args, **named: telegram.Sent(-100, 7))
    response = operator.post(f"{TELEGRAM}test/")
    assert said(response) == ["Telegram took it, as message 7 of chat -100."]
    assert not OutboxMessage.objects.exists()

    def refuse(*args: Any, **named: Any) -> None:
        raise PermanentError("Telegram answered 403: Forbidden: bot was <b>blocked</b>")

    monkeypatch.setattr(telegram, "send_message", refuse)
    html = operator.post(f"{TELEGRAM}test/", follow=True).content.decode()
    assert "Telegram answered 403: Forbidden: bot was &lt;b&gt;blocked&lt;/b&gt;" in html
    assert "secret" not in html
