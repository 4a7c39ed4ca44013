"""What must be right before a server or a worker starts."""

import base64
import binascii
import re
import sys
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import Error, Tags, register
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from aetos import placeholders
from integrations import webhooks
from listings import guards

SECRET_PREFIX = "whsec_"  # noqa: S105  the published prefix of a signing secret, not one
GUNICORN_GIVES_UP = 3
TELEGRAM_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


def missing_keys() -> list[str]:
    """Name each variable whose absence would leave an endpoint without a guard."""
    endpoints = {partner for partner, _ in webhooks.HANDLERS}
    missing = [
        f"{partner.upper()}_WEBHOOK_KEY"
        for partner, keys in settings.WEBHOOK_KEYS.items()
        if partner in endpoints
        and not any(key.strip() for key in keys)
        and not settings.WEBHOOK_SECRETS.get(partner)
    ]
    if settings.TELEGRAM_BOT_TOKEN and not settings.TELEGRAM_WEBHOOK_SECRETS:
        missing.append("TELEGRAM_WEBHOOK_SECRET")
    return missing


def malformed_secrets() -> list[str]:
    """Name each variable that holds a signing secret which cannot be one."""
    return [
        f"{partner.upper()}_WEBHOOK_SECRET"
        for partner, secrets in settings.WEBHOOK_SECRETS.items()
        if not all(_is_secret(secret) for secret in secrets)
    ]


def _is_secret(secret: str) -> bool:
    try:
        return secret.startswith(SECRET_PREFIX) and len(base64.b64decode(secret[6:], validate=True)) >= 16
    except (binascii.Error, ValueError):
        return False


class NotStarted(SystemExit):
    """Ends the process, and says why. gunicorn starts a worker that ended otherwise again, and again, for ever."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.code = GUNICORN_GIVES_UP
        sys.stderr.write(f"Not started: {reason}\n")


def refuse_to_start_without_keys() -> None:
    """End the process, naming what is missing.

    Raises:
        NotStarted: a key that guards an endpoint is missing or is a placeholder
            (unless DEBUG), a signing secret is malformed, or the database lost its triggers.
    """
    if bad := malformed_secrets():
        raise NotStarted(f"{', '.join(bad)} must be whsec_ and base64 of 16 bytes or more.")
    if not all(TELEGRAM_SECRET.fullmatch(secret) for secret in settings.TELEGRAM_WEBHOOK_SECRETS):
        raise NotStarted(
            "TELEGRAM_WEBHOOK_SECRET must be 1 to 256 of A-Z, a-z, 0-9, _ and -: Telegram takes no other."
        )
    if not settings.DEBUG and (missing := missing_keys()):
        raise NotStarted(f"{', '.join(missing)} is missing, and with it an endpoint's guard.")
    if not settings.DEBUG and (known := placeholders.known_to_others()):
        raise NotStarted(
            f"{', '.join(known)} holds a placeholder, or is too short: others can guess it. Draw one at random."
        )
    try:
        lost = guards.missing(connections[DEFAULT_DB_ALIAS])
    except OperationalError:
        return  # the database is away: serve, say so on /health, and wait for it
    finally:
        connections[DEFAULT_DB_ALIAS].close()
    if lost:
        raise NotStarted(f"the database has lost {', '.join(lost)}. Run: manage.py migrate")


@register(Tags.database)
def triggers_are_installed(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[Error]:
    """Report missing triggers (SQLite drops them silently when it remakes a table)."""
    if not databases or DEFAULT_DB_ALIAS not in databases:
        return []
    lost = guards.missing(connections[DEFAULT_DB_ALIAS])
    return (
        [Error(f"Missing: {', '.join(lost)}.", hint="Run: manage.py migrate", id="aetos.E001")]
        if lost
        else []
    )


@register(Tags.security, deploy=True)
def keys_are_long(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.Warning]:
    """Report keys that somebody made up instead of drawing them."""
    named = placeholders.short()
    hint = "Draw one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
    return [checks.Warning(f"Short: {', '.join(named)}.", hint=hint, id="aetos.W001")] if named else []
