"""Whatever stands in a field, a question or an address of staff's pages and programs: refused or taken, never a 500."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from tests.access.acts import ACTS, PAGES, Act
from tests.access.test_permissions import filled
from tests.access.world import world
from tests.factories import token
from tests.hostile.effort import EXAMPLES

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]

# What one database refuses and the other keeps.
TEXTS = ["a\0b", "\ud800", "9" * 400, "1e400", "9999-12-31T23:59:59-14:00", "x" * 70_000]
MORE_TEXTS = ["", " ", "-1", "NaN", "0", "0001-01-01T00:00:00+14:00", "2147483648", "9" * 19, "١٢", "[" * 1_000, "\\",
              "%s", "é\u2028", "24:60", "Etc/GMT+99", "../x", "{}"]  # fmt: skip
VALUES: list[Any] = [10**400, 2**63, float("inf"), {"a\0": ["\ud800"]}, True]
MORE_VALUES: list[Any] = [[], {}, None, -1, 1e308, 5e-324, [[["x"]]], 2**31]
PLACES = [
    "0",
    "-1",
    "9" * 19,
    "9" * 30,
    "%00",
    "%ED%A0%80",
    "%C3%A9",
    "x" * 300,
    "_00",
    "00000000-0000-0000-0000-000000000000",
]
# No longer than a server lets a line be.
QUESTIONS = [("q", "\ud800"), ("q", "x" * 4_000), ("p", "9" * 400), ("id", "9" * 30), ("pk__in", "9" * 30),
             ("created_at__gte", "9999-12-31T23:59:59-14:00"), ("_changelist_filters", "pk__in=\ud800")]  # fmt: skip
ASKED = [
    "p",
    "o",
    "q",
    "e",
    "all",
    "id",
    "pk__in",
    "created_at__gte",
    "state",
    "_changelist_filters",
    "_facets",
    "_popup",
]


def texts() -> list[str]:
    """Return what is put into a text."""
    return TEXTS + MORE_TEXTS if EXAMPLES else TEXTS


def values() -> list[Any]:
    """Return what is put into a field of JSON."""
    return texts() + VALUES + MORE_VALUES if EXAMPLES else texts() + VALUES


@pytest.fixture
def callers(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Client, Client]:
    """Who may everything: with a browser, with a program."""
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr("integrations.admin.redelivery.PATIENCE", 0)
    boss = User.objects.create_superuser("boss")
    browser = Client(raise_request_exception=False)
    browser.force_login(boss)
    return browser, Client(raise_request_exception=False, headers=token(boss))


def answered(client: Client, method: str, url: str, data: Any = None) -> int:
    """Ask with a form or with JSON, take back whatever came of it, and return the status."""
    if isinstance(data, str):
        body, kind = data, "application/x-www-form-urlencoded"
    else:
        body, kind = json.dumps(data) if data is not None else "", "application/json"
    with transaction.atomic():
        answer = client.generic(method.upper(), url, body, kind)
        status = answer.status_code
        if answer.streaming and status < 500:
            b"".join(answer)
        transaction.set_rollback(True)
    return status


def _is_list(act: Act) -> bool:
    return act.url.strip("/").count("/") == 2


def spoilt(act: Act, rows: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield which field is spoilt, with what, and the body."""
    given = filled(act.data, rows)
    for name in [*given, *(["\0", "unknown"] if EXAMPLES else [])]:
        for value in values() if act.is_api else texts():
            sent = given | {name: value}
            yield name, value, sent if act.is_api else urlencode(sent, errors="surrogatepass")


def test_no_field_breaks_a_call(callers: tuple[Client, Client]) -> None:
    rows, wrong, count = world(), [], 0
    browser, program = callers
    for act in ACTS:
        if act.method == "get" or any(callable(value) for value in act.data.values()):
            continue
        for name, value, body in spoilt(act, rows):
            count += 1
            status = answered(program if act.is_api else browser, act.method, act.url.format(**rows), body)
            if status >= 500:
                wrong.append((str(act), name, ascii(value)[:40], status))
    assert wrong == []
    assert count > 500


def test_no_address_breaks_a_call(callers: tuple[Client, Client]) -> None:
    rows, wrong = world(), []
    browser, program = callers
    for act in ACTS:
        for part in re.findall(r"{\w+}", act.url):
            for place in PLACES:
                url = act.url.replace(part, place).format(**rows)
                status = answered(program if act.is_api else browser, act.method, url)
                if status >= 500:
                    wrong.append((str(act), place, status))
    assert wrong == []


def test_no_question_breaks_a_page(callers: tuple[Client, Client]) -> None:
    rows, wrong = world(), []
    many = [(name, text[:4_000]) for name in ASKED for text in texts()] if EXAMPLES else []
    for url in sorted(
        {act.url.format(**rows).partition("?")[0] for act in PAGES if EXAMPLES or _is_list(act)}
    ):
        for name, text in QUESTIONS + many:
            status = answered(callers[0], "get", f"{url}?{name}={quote(text, errors='surrogatepass')}")
            if status >= 500:
                wrong.append((url, name, ascii(text)[:40], status))
    assert wrong == []
