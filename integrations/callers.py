"""Who is calling: a partner is known by its key, or by its signature; staff by their name."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

import standardwebhooks
from django.conf import settings
from django.http import HttpRequest


def staff_name(request: Any) -> str:
    """Name the member of staff who asks, as logs and rows keep it: `user:NAME`."""
    return f"user:{request.user.get_username()}"


class Refusal(Exception):
    """The request cannot be used. `status` is the HTTP status, `detail` goes into the answer."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(str(detail))
        self.status, self.detail = status, detail


def _bearer(request: HttpRequest) -> str:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else ""


def _presented_keys(request: HttpRequest) -> list[bytes]:
    keys = (request.headers.get("X-API-Key", ""), _bearer(request))
    return [key.encode("utf-8", "surrogateescape") for key in keys if key]


def bearer_key_fits(request: HttpRequest, keys: Iterable[str]) -> bool:
    """Say whether the request carries one of `keys` as its bearer token; an empty key fits nothing."""
    presented = _bearer(request).encode("utf-8", "surrogateescape")
    valid = [key.strip().encode() for key in keys if key.strip()]
    return bool(presented) and any([_same(presented, key) for key in valid])  # noqa: C419  no key is skipped


def _same(one: bytes, other: bytes) -> bool:
    # Digests have one length, so that the time tells nothing about the key's.
    return hmac.compare_digest(hashlib.sha256(one).digest(), hashlib.sha256(other).digest())


def _owners(request: HttpRequest) -> set[str]:
    """Name the partners whose key the request carries; every key is compared, whatever matched before."""
    presented = _presented_keys(request)
    return {
        partner
        for partner, keys in settings.WEBHOOK_KEYS.items()
        if any([_same(mine, theirs.strip().encode()) for mine in presented for theirs in keys])  # noqa: C419  no key is skipped
    }


def authenticate(request: HttpRequest, partner: str) -> None:
    """Let a partner's request pass by its key; a partner that signs is judged by `verify_signature` instead.

    Raises:
        Refusal: 401 without a known key, 403 with another partner's.
    """
    if settings.WEBHOOK_SECRETS.get(partner):
        if not request.headers.get("webhook-signature"):
            raise Refusal(401, "This webhook must be signed.")
        return
    owners = _owners(request)
    if owners and partner not in owners:
        raise Refusal(403, "This key belongs to another partner.")
    if not owners:
        raise Refusal(401, "A valid key is needed.")


def verify_signature(request: HttpRequest, partner: str, body: bytes) -> None:
    """Check a Standard Webhooks signature against each of the partner's secrets.

    Raises:
        Refusal: 401 where none fits, or the timestamp is over five minutes off.
    """
    secrets = settings.WEBHOOK_SECRETS.get(partner, [])
    headers = {name: request.headers.get(name, "") for name in _SIGNATURE_HEADERS}
    for secret in secrets:
        try:
            standardwebhooks.Webhook(secret).verify(body, headers, json_parse=False)
            return
        except (standardwebhooks.WebhookVerificationError, ValueError):
            continue  # another secret may be the one: two are valid while they are rotated
    if secrets:
        raise Refusal(401, "The signature does not fit.")


_SIGNATURE_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
