"""What the tests of Telegram share: a stand-in for it, and a person with a phone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from integrations import outbox, relay
from integrations.models import InboxMessage, OutboxMessage
from integrations.simulators import Simulators
from integrations.simulators import telegram_updates as updates
from integrations.simulators.world import Reply
from integrations.telegram_chat import CHANNEL
from tests.conftest import not_run
from tests.telegram.photos import Pictures

# The recordings belong to others and stay where they are: beside the repository.
RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data" / "telegram"
CHAT = updates.PERSON
PATH = "/webhooks/telegram"


class Phone:
    """The chat as a person sees it. What the person does reaches the real webhook; `serve` runs the relay."""

    def __init__(self, sims: Simulators, client: Client) -> None:
        self.sims, self.bot, self._client = sims, sims.telegram, client
        self.secret = sims.keys.telegram_webhook_secret

    def post(self, body: Any, *, secret: str | None = None, **options: Any) -> Any:
        """Post a body (bytes or JSON) to the webhook."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        secret = self.secret if secret is None else secret
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        return self._client.post(
            PATH, data, **{"content_type": "application/json", "headers": headers} | options
        )

    def through(self, path: str, body: Any, headers: Any) -> Reply:
        """Take a call of the stand-in's, as its way to the orchestrator does, without a socket."""
        answer = self._client.post(path, json.dumps(body), content_type="application/json", headers=headers)
        return Reply(answer.status_code, answer.content.decode())

    def say(self, rows: list[OutboxMessage]) -> list[str]:
        """Write rows and deliver them; return all that the chat shows."""
        outbox.put(rows)
        self.serve()
        return self.texts

    def serve(self) -> int:
        """Deliver what is due."""
        return relay.serve(CHANNEL)

    @property
    def texts(self) -> list[str]:
        """The bot's messages as they read now."""
        return [sent["text"] for sent in self.bot.sent]

    def labels(self, place: int = -1) -> list[str]:
        """The buttons under a message of the bot's."""
        rows = self.bot.sent[place].get("reply_markup", {}).get("inline_keyboard", [])
        return [button["text"] for row in rows for button in row]

    def switch(self, **fault: Any) -> None:
        """Switch a fault of Telegram's on."""
        from integrations.simulators.faults import parse

        self.bot.faults.switch(parse(fault, self.bot.outcomes))

    def answers(self) -> list[str]:
        """What the taps were answered."""
        return [given["text"] for given in self.bot.queries.values() if given]


@pytest.fixture
def sims() -> Iterator[Simulators]:
    """The partners, none of whom does anything unasked."""
    with Simulators("http://127.0.0.1:9", time_scale=1_000_000.0) as running:
        yield running


@pytest.fixture
def telegram_on(sims: Simulators, settings: Any) -> None:
    """Telegram's settings, towards the stand-in, without the pause between messages."""
    settings.TELEGRAM_BOT_TOKEN = sims.keys.telegram_bot_token
    settings.TELEGRAM_CHAT_ID = str(CHAT)
    settings.TELEGRAM_USER_IDS = []
    settings.TELEGRAM_WEBHOOK_SECRETS = [sims.keys.telegram_webhook_secret]
    settings.TELEGRAM_API_URL = sims.url("telegram")
    settings.TELEGRAM_SECONDS_BETWEEN = 0.0


@pytest.fixture
def phone(
    sims: Simulators, telegram_on: None, client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> Phone:
    """A person in the configured chat."""
    person = Phone(sims, client)
    monkeypatch.setattr(sims.world, "post", person.through)
    return person


def recorded(number: str = "*") -> list[dict[str, Any]]:
    """Return the recorded updates, in order."""
    files = sorted(RECORDED.glob(f"update_{number}_*.json"))
    if not files:
        not_run("the recorded updates are not beside the repository")
    return [json.loads(file.read_text()) for file in files]


def last_kept() -> InboxMessage:
    """Return the inbox row of the last update."""
    return InboxMessage.objects.filter(partner="telegram").latest("id")


@pytest.fixture
def pictures(phone: Phone, settings: Any, tmp_path: Path) -> Pictures:
    """The person's pictures, and a store for them."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return Pictures(phone)
