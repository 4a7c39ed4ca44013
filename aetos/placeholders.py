"""Secrets that are none: what stands in files and examples for everybody to read."""

import re
from collections.abc import Iterator

from django.conf import settings

SHORTEST_SECRET_KEY = (
    8  # a shorter one is guessed in no time by whoever holds a cookie; 50 is what Django advises
)
SHORT_KEY = 16
# Compared without case, blanks and punctuation. The last two: what the Dockerfile signs nothing with, and the secret
# in the documentation of Standard Webhooks.
_NOTORIOUS = """
    admin aetos apikey changeit changeme default defaultsecret development example examplekey guest insecure key letmein
    mysecret mysecretkey none null password placeholder replaceme secret secretkey supersecret supersecretkey tbd todo
    token topsecret webhookkey webhooksecret xxx xxxx xxxxx xxxxxxxx 123456 12345678
    forcollectstaticalone whsecmfkq9r8gkyqrtwjupd8ilpzio2lalasw
"""
NOTORIOUS = frozenset(_NOTORIOUS.split())
_ASKS_FOR_ONE = re.compile(r"(change|replace|insert|put|fill|your)\w*(me|this|here|key|secret|token)")
DJANGO = "django-insecure-"  # begins what `startproject` draws


def is_placeholder(secret: str) -> bool:
    """Say whether a secret is one that others know: notorious, shipped in a file, or a request to be replaced."""
    plain = re.sub(r"[\W_]", "", secret.casefold())
    return (
        not plain
        or plain in NOTORIOUS
        or secret.startswith(DJANGO)
        or _ASKS_FOR_ONE.fullmatch(plain) is not None
    )


def guards() -> Iterator[tuple[str, str]]:
    """Yield each secret that guards something, with its variable."""
    yield "SECRET_KEY", settings.SECRET_KEY
    for key in settings.SECRET_KEY_FALLBACKS:
        yield "SECRET_KEY_FALLBACKS", key
    for kind, known in (("KEY", settings.WEBHOOK_KEYS), ("SECRET", settings.WEBHOOK_SECRETS)):
        for partner, keys in known.items():
            yield from ((f"{partner.upper()}_WEBHOOK_{kind}", key) for key in keys if key.strip())
    yield from (("TELEGRAM_WEBHOOK_SECRET", key) for key in settings.TELEGRAM_WEBHOOK_SECRETS if key.strip())
    yield from (("METRICS_KEY", key) for key in settings.METRICS_KEYS if key.strip())


def known_to_others() -> list[str]:
    """Name each variable that holds a placeholder, or a SECRET_KEY that is too short to be one."""
    named = [
        name
        for name, secret in guards()
        if is_placeholder(secret) or (name.startswith("SECRET_KEY") and len(secret) < SHORTEST_SECRET_KEY)
    ]
    return list(dict.fromkeys(named))


def short() -> list[str]:
    """Name each variable that holds a key which is shorter than a drawn one would be."""
    return list(dict.fromkeys(name for name, secret in guards() if len(secret) < SHORT_KEY))
