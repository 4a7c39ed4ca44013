"""eBayLister as it calls us, and a chat that is told."""

from typing import Any

import pytest
from django.test import Client

from tests.selling.sales import EBAY_KEY, Tell, teller


@pytest.fixture
def ebay_and_chat(settings: Any, _environment: None) -> None:
    """Let eBayLister in by its key, and tell a chat what staff must know."""
    settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "ebay": [EBAY_KEY]}
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "1:x", "5"


@pytest.fixture
def tell() -> Tell:
    """Post a sale as eBayLister does."""
    return teller(Client())
