"""What we say of our API is what it does, whoever asks; and nothing that can be sent breaks it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.access.world import world
from tests.factories import staff, token
from tests.hostile.effort import EXAMPLES
from tests.hostile.schema import Trial, one_connection

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]

KEYS = {"scraper": ["scrapers"], "chatterbot": ["chatterbots"], "ebay": ["ebays"]}


@pytest.fixture
def trial(settings: Any, tmp_path: Any) -> Iterator[Trial]:
    """A world with a listing in every state, and everybody's key."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ALLOWED_HOSTS = ["*"]
    settings.WEBHOOK_KEYS = KEYS
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "1:x", "5"
    settings.TELEGRAM_WEBHOOK_SECRETS = ["telegrams"]
    with one_connection():
        # Where many are asked for, the edges of every schema, too.
        yield Trial(EXAMPLES or 4, thorough=bool(EXAMPLES), rows=world())


def hold(trial: Trial) -> None:
    """Fail with everything that was found."""
    assert not trial.found, "\n\n".join(f"{label}: {text}" for (label, _), text in trial.found.items())


@pytest.mark.parametrize("who", ["superuser", "operator"])
def test_the_admin_api(trial: Trial, who: str) -> None:
    boss = who == "superuser"
    user = User.objects.create_superuser("boss") if boss else staff("otto", group="Operators")
    operations = trial.operations("/admin/")
    trial.try_as({"Authorization": token(user)["authorization"]}, *operations)
    hold(trial)
    assert len(operations) >= 19
    assert sum(bool(count) for count in trial.answers.values()) > len(operations) / 2


@pytest.mark.parametrize("partner", [*KEYS, "telegram"])
def test_a_partners_webhooks(trial: Trial, partner: str) -> None:
    headers = {"X-API-Key": KEYS.get(partner, [""])[0]}
    if partner == "telegram":
        headers = {"X-Telegram-Bot-Api-Secret-Token": "telegrams"}
    operations = trial.operations(f"/webhooks/{partner}")
    trial.try_as(headers, *operations)
    hold(trial)
    assert operations
    assert all(trial.answers.get(each.label) for each in operations)


def test_what_is_public(trial: Trial) -> None:
    for prefix in ("/health", "/photos", "/metrics"):
        trial.try_as({}, *trial.operations(prefix))
    hold(trial)
