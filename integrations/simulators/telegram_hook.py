"""The webhook of the Telegram stand-in: where it was set, and how the last deliveries went."""

import re
import time
from typing import Any
from urllib.parse import urlsplit

from integrations.simulators.bot_requests import BotError, number, structure
from integrations.simulators.world import Reply

PORTS = (443, 80, 88, 8443)
# A Bot API server on one's own machine takes plain addresses of that machine, and so does this one.
NEXT_DOOR = ("localhost", "127.0.0.1", "::1")
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


class Hook:
    """What setWebhook was given, and what came of the deliveries."""

    def __init__(self) -> None:
        self.url = ""
        self.secret = ""
        self._connections = 40
        self._updates: list[str] = []
        self._error: tuple[int, str] | None = None

    def set(self, given: dict[str, Any]) -> str:
        """Take the parameters of setWebhook, keep them, return the description; raise BotError if refused."""
        url = str(given.get("url") or "")
        if not url:
            return self.delete()
        _check(url)
        secret = str(given.get("secret_token") or "")
        if secret and not SECRET.fullmatch(secret):
            raise BotError(400, "secret token contains unallowed characters")
        connections = number(given.get("max_connections") or 40, "max_connections must be a number")
        allowed = structure(given.get("allowed_updates") or [], "can't parse allowed updates JSON array")
        same = (self.url, self.secret) == (url, secret)
        self.url, self.secret, self._connections, self._updates = url, secret, connections, allowed
        return "Webhook is already set" if same else "Webhook was set"

    def delete(self) -> str:
        """Forget the webhook, return the description."""
        known, self.url, self.secret = bool(self.url), "", ""
        return "Webhook was deleted" if known else "Webhook is already deleted"

    def heard(self, reply: Reply) -> None:
        """Take the reply to a delivery, and keep what went wrong with it."""
        if 200 <= reply.status < 300:
            return
        text = f"Wrong response from the webhook: {reply.status}" if reply.status else "Connection refused"
        self._error = (int(time.time()), text)

    def info(self) -> dict[str, Any]:
        """Return what getWebhookInfo tells; the secret is never shown."""
        told: dict[str, Any] = {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": 0,
        }
        if self._error:
            told |= {"last_error_date": self._error[0], "last_error_message": self._error[1]}
        if self.url:
            told |= {"max_connections": self._connections, "ip_address": "127.0.0.1"}
        return told | ({"allowed_updates": self._updates} if self._updates else {})


def _check(url: str) -> None:
    """Raise BotError for an address that Telegram would not deliver to."""
    parts = urlsplit(url)
    if parts.hostname in NEXT_DOOR and parts.scheme in ("http", "https"):
        return
    if parts.scheme != "https" or not parts.hostname:
        raise BotError(400, "bad webhook: An HTTPS URL must be provided for webhook")
    if (parts.port or 443) not in PORTS:
        raise BotError(400, "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
