"""Setting Telegram up: the command, what the server refuses to start with, and what the schema says."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from aetos import checks
from tests.telegram.conftest import Phone

pytestmark = pytest.mark.django_db


def run(action: str) -> str:
    out = StringIO()
    call_command("telegram_webhook", action, stdout=out)
    return out.getvalue()


def test_set_registers_our_address_with_its_secret(phone: Phone, settings: Any) -> None:
    settings.PUBLIC_URL = "https://orchestrator.example"
    settings.TELEGRAM_WEBHOOK_SECRETS = ["the-new_One", "the-old"]
    said = run("set")
    assert said.startswith("Webhook was set\n")
    assert "url: https://orchestrator.example/webhooks/telegram" in said
    assert "allowed_updates: ['message', 'edited_message', 'callback_query']" in said
    assert "the-new_One" not in said
    assert phone.bot.hook.secret == "the-new_One"
    assert phone.bot.send_text("hello", chat_id=int(settings.TELEGRAM_CHAT_ID)).status == 200


def test_info_shows_telegrams_view(phone: Phone) -> None:
    phone.bot.hook.heard(phone.bot.world.post("/nowhere", {}, {}))
    said = run("info")
    assert "last_error_message: Wrong response from the webhook: 404" in said
    assert "pending_update_count: 0" in said


def test_delete_takes_it_back(phone: Phone) -> None:
    run("set")
    assert run("delete") == "Webhook was deleted\n"
    assert run("delete") == "Webhook is already deleted\n"
    assert phone.bot.hook.url == ""


def test_what_telegram_refuses_is_shown_in_its_words(phone: Phone, settings: Any) -> None:
    settings.PUBLIC_URL = "http://orchestrator.example"
    with pytest.raises(CommandError, match="An HTTPS URL must be provided"):
        run("set")
    settings.TELEGRAM_WEBHOOK_SECRETS = []
    with pytest.raises(CommandError, match="TELEGRAM_WEBHOOK_SECRET is not set"):
        run("set")
    settings.TELEGRAM_BOT_TOKEN = ""
    for action in ("info", "delete"):
        with pytest.raises(CommandError, match="TELEGRAM_BOT_TOKEN is not set"):
            run(action)


def test_the_server_does_not_start_with_a_bot_and_no_secret(settings: Any) -> None:
    settings.WEBHOOK_KEYS = {}
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_WEBHOOK_SECRETS = "1:x", []
    with pytest.raises(SystemExit, match="TELEGRAM_WEBHOOK_SECRET is missing"):
        checks.refuse_to_start_without_keys()
    settings.TELEGRAM_BOT_TOKEN = ""
    checks.refuse_to_start_without_keys()


@pytest.mark.parametrize("secret", ["", "a b", "ü", "x" * 257, "whsec_+/="])
def test_the_server_does_not_start_with_a_secret_that_telegram_refuses(settings: Any, secret: str) -> None:
    settings.WEBHOOK_KEYS = {}
    settings.TELEGRAM_WEBHOOK_SECRETS = ["good", secret]
    with pytest.raises(SystemExit, match="TELEGRAM_WEBHOOK_SECRET must be"):
        checks.refuse_to_start_without_keys()


def test_the_schema_describes_the_webhook(client: Client) -> None:
    schema = client.get("/openapi.json").json()
    described = schema["paths"]["/webhooks/telegram"]["post"]
    assert described["security"] == [{"telegramSecret": []}]
    assert set(described["responses"]) == {"200", "400", "401", "413", "415", "422"}
    assert schema["components"]["securitySchemes"]["telegramSecret"]["in"] == "header"
