"""Every cell of the table is asked for, and what it says is what happens."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import path

from aetos import urls
from tests.access import authorisation, page
from tests.access.authorisation import LOGIN, NOTHING, PARTNERS, PRINCIPALS, STAFF, YES, Row
from tests.access.test_permissions import DONE, ask, written
from tests.access.world import world
from tests.factories import a_job, a_match, staff, token

pytestmark = pytest.mark.django_db
BODIES: dict[str, Any] = {"scraper": a_job(a_match()), "telegram": {"update_id": 7}}
SOLD = {"sku": "01a20b4b-54b5-742c-90c5-f55027d30ad2", "sold_price": 5, "order_id": "x"}
CALLBACK = {"listing_id": "01a20b4b-54b5-742c-90c5-f55027d30ad2", "agreed_price": 5}


@pytest.fixture(autouse=True)
def _keys(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.WEBHOOK_KEYS = {name: [f"key-of-{name}"] for name in PARTNERS}
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_WEBHOOK_SECRETS = "1:x", ["key-of-telegram"]
    settings.METRICS_KEYS = ["key-of-metrics"]
    monkeypatch.setattr("integrations.admin.redelivery.PATIENCE", 0)


class Somebody:
    """A principal: a browser with a session or without, and what its programs send along."""

    def __init__(self, name: str) -> None:
        self.name, self.browser, self.headers = name, Client(), headers_of(name)
        user = User.objects.filter(username=name).first()
        if user and name != "deleted token":
            self.browser.force_login(user)
        if name == "inactive":
            User.objects.filter(username=name).update(is_active=False)

    def knock(self, row: Row, rows: dict[str, Any]) -> Any:
        """Send the request of a row, and stay signed in, even where it was to sign out."""
        cookies = copy.copy(self.browser.cookies)
        answer = self._ask(row, rows)
        self.browser.cookies = cookies
        return answer

    def _ask(self, row: Row, rows: dict[str, Any]) -> Any:
        by_program = row.route.startswith(("/admin/", "/webhooks", "/metrics")) or self.name not in STAFF
        client = Client(headers=self.headers) if by_program else self.browser
        if row.route.startswith("/webhooks"):
            return client.generic(row.method, row.act.url, *_body(row.route))
        if by_program and self.name in ("inactive", "not staff") and not row.route.startswith("/admin/"):
            client = self.browser
        return ask(client, row.act, rows)


def headers_of(name: str) -> dict[str, str]:
    """Make the person where it is one, and return its credentials."""
    if name == "anonymous":
        return {}
    if name == "superuser":
        return token(User.objects.create_superuser(name))
    if name in ("inactive", "not staff", "deleted token", "viewer", "operator"):
        user = staff(name, group="Viewers" if name == "viewer" else "Operators")
        User.objects.filter(pk=user.pk).update(is_staff=name != "not staff")
        headers = token(user)
        if name == "deleted token":
            user.auth_token.delete()
        return headers
    secret = {"x-telegram-bot-api-secret-token": "key-of-telegram"} if name == "telegram" else {}
    return {"x-api-key": f"key-of-{name}", "authorization": f"Bearer key-of-{name}", **secret}


def _body(route: str) -> tuple[bytes, str]:
    body = BODIES.get(route.split("/")[2], SOLD if "ebay" in route else CALLBACK)
    return json.dumps(body).encode(), "application/json"


def heard(answer: Any) -> str:
    """Return an answer as the table writes it."""
    if answer.headers.get("Location", "").startswith("/staff/login/"):
        return LOGIN
    return YES if answer.status_code in DONE else str(answer.status_code)


def sections() -> Iterator[tuple[str, list[Row]]]:
    """Deal the rows out."""
    rows = authorisation.table()
    for name, prefix in {
        "partners": "/webhooks",
        "programs": "/admin/",
        "pages": "/staff/",
        "rest": "/",
    }.items():
        yield name, [row for row in rows if row.route.startswith(prefix)]
        rows = [row for row in rows if not row.route.startswith(prefix)]


@pytest.mark.parametrize("section", ["partners", "programs", "pages", "rest"])
def test_every_cell(section: str) -> None:
    rows, wrong = world(), []
    everybody = [Somebody(name) for name in PRINCIPALS]
    before = written()
    for row in dict(sections())[section]:
        for somebody in everybody:
            expected = row.cells[somebody.name]
            if expected == NOTHING and somebody.name != "superuser":
                continue  # what the superuser cannot do by it, nobody can
            with transaction.atomic():
                answer = somebody.knock(row, rows)
                if answer.streaming:
                    answer.getvalue()  # a photo is an open file
                transaction.set_rollback(expected == YES)
            said = heard(answer)
            fits = answer.status_code < 500 if expected == NOTHING else said == expected
            if not fits:
                wrong.append((row.method, row.words, somebody.name, f"{said}, not {expected}"))
    assert wrong == []
    assert written() == before


def test_the_page_is_what_the_code_gives() -> None:
    written_down = page.PAGE.read_text(encoding="utf-8")
    assert written_down == page.page(), "Run: python -m tests.access"


@pytest.mark.parametrize("route", ["staff/new/", "admin/listings/new", "new"])
def test_a_route_that_nobody_decided_about_is_found(monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    new = path(route, lambda request: None, name="new")  # type: ignore[arg-type,return-value]
    monkeypatch.setattr(
        authorisation, "get_resolver", lambda: type("", (), {"url_patterns": [*urls.urlpatterns, new]})
    )
    with pytest.raises(authorisation.NotInTheTable):
        authorisation.table()


def test_without_its_permission_a_cell_would_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: the same question finds a product that lets everybody pass."""
    rows, vera = world(), Somebody("viewer")
    row = next(each for each in authorisation.table() if each.act.url == "/admin/scrape/trigger")
    assert heard(vera.knock(row, rows)) == row.cells["viewer"] == "403"
    monkeypatch.setattr("integrations.rest.StaffWithPermission.has_permission", lambda *given: True)
    assert heard(vera.knock(row, rows)) == YES
