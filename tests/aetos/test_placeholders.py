"""A secret that everybody can read somewhere is none; one that somebody made up for a test is let pass."""

from typing import Any

import pytest

from aetos import checks, placeholders

KNOWN = [
    "changeme",
    "Change-Me",
    "CHANGE_ME_PLEASE_KEY",
    "your-api-key",
    "<your secret here>",
    "secret",
    "for-collectstatic-alone",
    "django-insecure-4f8e1c2b7a",
    "xxxxxxxx",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "---",
]
MADE_UP = ["test-scraper-key", "scraper-key-of-the-tests", "k-93", "test", "x" * 50, "whsec_" + "QUJD" * 8]


@pytest.mark.parametrize("secret", KNOWN)
def test_a_placeholder_is_known(secret: str) -> None:
    assert placeholders.is_placeholder(secret)


@pytest.mark.parametrize("secret", MADE_UP)
def test_what_somebody_made_up_is_let_pass(secret: str) -> None:
    assert not placeholders.is_placeholder(secret)


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("SECRET_KEY", "changeme", "SECRET_KEY"),
        ("SECRET_KEY", "k-93", "SECRET_KEY"),
        ("SECRET_KEY_FALLBACKS", ["changeme"], "SECRET_KEY_FALLBACKS"),
        ("METRICS_KEYS", ["fine-and-long-enough", "changeme"], "METRICS_KEY"),
        ("TELEGRAM_WEBHOOK_SECRETS", ["changeme"], "TELEGRAM_WEBHOOK_SECRET"),
        ("WEBHOOK_KEYS", {"ebay": ["a-key-of-tests", "changeme"]}, "EBAY_WEBHOOK_KEY"),
        (
            "WEBHOOK_SECRETS",
            {"ebay": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
            "EBAY_WEBHOOK_SECRET",
        ),
    ],
)
def test_each_guard_is_looked_at(settings: Any, setting: str, value: Any, named: str) -> None:
    assert placeholders.known_to_others() == []
    setattr(settings, setting, value)
    assert placeholders.known_to_others() == [named]


@pytest.mark.django_db
def test_a_development_machine_may_start_with_one(settings: Any) -> None:
    settings.WEBHOOK_KEYS = {name: ["changeme"] for name in ("scraper", "chatterbot", "ebay")}
    with pytest.raises(checks.NotStarted):
        checks.refuse_to_start_without_keys()
    settings.DEBUG = True
    checks.refuse_to_start_without_keys()


def test_a_deployment_is_warned_of_a_short_key(settings: Any) -> None:
    settings.WEBHOOK_KEYS = {"ebay": ["k-93"]}
    (warning,) = checks.keys_are_long(None)
    assert "EBAY_WEBHOOK_KEY" in warning.msg
    assert "k-93" not in f"{warning.msg}{warning.hint}"
