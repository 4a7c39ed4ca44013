"""The keys that the simulated partners check and send, under the names the orchestrator itself reads."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields

# A demo without Telegram is a demo all the same; without these six it would only show refusals.
OPTIONAL = frozenset({"telegram_bot_token", "telegram_webhook_secret"})


class MissingKey(Exception):
    """A key that guards an endpoint was not given; the message names its variable."""


@dataclass(frozen=True, repr=False)
class Keys:
    """What each side shows the other. `*_api_key` is what we accept, `*_webhook_key` what we send."""

    scraper_api_key: str
    scraper_webhook_key: str
    chatterbot_api_key: str
    chatterbot_webhook_key: str
    ebay_api_key: str
    ebay_webhook_key: str
    telegram_bot_token: str
    telegram_webhook_secret: str

    @classmethod
    def drawn(cls) -> "Keys":
        """Return keys that nobody could have guessed, for a run that was given none."""
        return cls(**{field.name: secrets.token_urlsafe(24) for field in fields(cls)})

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Keys":
        """Take the environment, return its keys; raise MissingKey for one that is empty or absent.

        A variable may hold several keys, separated by commas, while one is being rotated: all are
        valid for the reader, so the sender uses the first.
        """
        values = {}
        for field in fields(cls):
            value = environment.get(field.name.upper(), "").split(",")[0].strip()
            if not value and field.name not in OPTIONAL:
                raise MissingKey(f"{field.name.upper()} is not set")
            values[field.name] = value or secrets.token_urlsafe(24)
        return cls(**values)
