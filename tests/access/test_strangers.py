"""A stranger learns nothing: what is there and what is not are answered alike, to the last header."""

import re
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.test import Client

from tests.access.acts import ACTS
from tests.access.test_permissions import ask
from tests.access.world import world
from tests.factories import make_listing, staff, token

pytestmark = pytest.mark.django_db
# Rows that are named by an id in an address: each once as it is, once as it could be.
MISSING: dict[str, Any] = {"number": 999_999, "uuid": uuid.UUID("01a20b4b-54b5-742c-90c5-f55027d30ad2")}
# What says how long the address was, or what the time is.
MOVING = ("Content-Length", "Expires")
SECRET = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"')


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def elsewhere(rows: dict[str, Any]) -> dict[str, Any]:
    """Return the same names with ids of nothing."""
    return {
        name: MISSING["number"] if isinstance(value, int) else MISSING["uuid"]
        for name, value in rows.items()
        if isinstance(value, int | uuid.UUID)
    } | {name: value for name, value in rows.items() if not isinstance(value, int | uuid.UUID)}


def told(answer: Any, *asked: Any) -> tuple[int, str]:
    """Return all that an answer tells, but for the address that was asked for and what is new every time."""
    text = SECRET.sub("", answer.content.decode())
    headers = {name: value for name, value in answer.headers.items() if name not in MOVING}
    said = f"{text} {sorted(headers.items())}"
    for each in asked:
        said = said.replace(quote(str(each)), "ASKED").replace(str(each), "ASKED")
    return answer.status_code, said


def strangers() -> dict[str, Client]:
    """Return those who may not look: nobody, a customer, a partner, and staff without any permission."""
    customer = User.objects.create_user("customer")
    newcomer = staff("newcomer")
    inside = Client()
    inside.force_login(newcomer)
    key = {"x-api-key": "scraper-key-of-the-tests", "authorization": "Bearer scraper-key-of-the-tests"}
    return {
        "anonymous": Client(),
        "customer": Client(headers=token(customer)),
        "partner": Client(headers=key),
        "newcomer": inside,
        "newcomer's program": Client(headers=token(newcomer)),
    }


def test_what_is_there_and_what_is_not_are_answered_alike() -> None:
    rows = world()
    nowhere, differ = elsewhere(rows), []
    who = strangers()
    for act in ACTS:
        if "{" not in act.url:
            continue
        here, away = act.url.format(**rows), act.url.format(**nowhere)
        for name, client in who.items():
            there = told(ask(client, act, rows), here)
            not_there = told(ask(client, act, nowhere), away)
            if there != not_there:
                differ.append((str(act), name, there, not_there))
    assert differ == []


@pytest.mark.parametrize(
    "query", ["", "?until=1&signature=x", "?until=x", "?until=99999999999&signature=AAAA"]
)
@pytest.mark.parametrize("which", ["", "/thumbnail", "/"])
def test_a_photo_without_its_signature_is_not_there(query: str, which: str) -> None:
    photo = world()["photo"]
    for client in strangers().values():
        there, not_there = (client.get(f"/photos/{pk}{which}{query}") for pk in (photo, MISSING["uuid"]))
        assert told(there, photo) == told(not_there, MISSING["uuid"])
        assert there.status_code == 404


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"x-api-key": "scraper-key-of-the-tests"}])
@pytest.mark.parametrize("path", ["chatterbot/deal-confirmed", "ebay/item-sold"])
def test_a_webhook_without_its_key_tells_nothing(client: Client, headers: dict[str, str], path: str) -> None:
    listing = make_listing("NEGOTIATING")
    answers = []
    for pk in (listing.pk, MISSING["uuid"]):
        body = {"listing_id": str(pk), "sku": str(pk), "agreed_price": 5, "sold_price": 5}
        answer = client.post(f"/webhooks/{path}", body, content_type="application/json", headers=headers)
        answers.append(told(answer, pk))
    assert answers[0] == answers[1]
    assert answers[0][0] in (401, 403)


def test_signing_in_tells_nobody_which_names_there_are(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is the same, and so is the work: one password is hashed, whoever is named."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    monkeypatch.setattr(PBKDF2PasswordHasher, "iterations", 1000)
    hashed: list[int] = []
    original = PBKDF2PasswordHasher.encode

    def counted(self: Any, password: str, salt: str, iterations: int | None = None) -> str:
        hashed.append(iterations or self.iterations)
        return original(self, password, salt, iterations)

    right = "a-long-enough-password"
    staff("annabel-1")
    gone = staff("gone-2")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    User.objects.create_user("customer-3", password=right)
    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", counted)
    said, work = [], []
    who = (("annabel-1", "wrong"), ("nobody-4", "wrong"), ("gone-2", right), ("customer-3", right))
    for name, password in who:
        hashed.clear()
        answer = Client().post("/staff/login/", {"username": name, "password": password, "next": "/staff/"})
        said.append(told(answer, name))
        work.append(list(hashed))
    assert said == [said[0]] * 4
    assert work[:3] == [[1000]] * 3
    assert said[0][0] == 200


def test_a_name_that_is_not_there_is_locked_like_one_that_is() -> None:
    staff("ann")
    answers = {}
    for name in ("ann", "nobody"):
        tries = [
            Client().post("/staff/login/", {"username": name, "password": f"wrong {n}"}) for n in range(6)
        ]
        answers[name] = [each.status_code for each in tries]
    assert answers["ann"] == answers["nobody"] == [200, 200, 200, 200, 429, 429]
