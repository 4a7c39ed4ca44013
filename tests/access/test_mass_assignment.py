"""A body sets what its call is about, and nothing else: 25 further fields on every call that writes."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from listings.models import ProductListing
from tests.access.acts import PROGRAMS, SET_UP, Act
from tests.access.test_permissions import ask, written
from tests.access.world import world
from tests.factories import a_job, a_match, rows, token

pytestmark = pytest.mark.django_db

CANARY, NUMBER = "mass-assigned", 987_654
FURTHER: dict[str, Any] = {
    "id": "01a20b4b-0000-7000-8000-0000000ca11a",
    "pk": NUMBER,
    "state": "SOLD",
    "from_state": "LISTED",
    "short_code": "CANARY",
    "version": NUMBER,
    "final_profit": NUMBER,
    "created_at": "1999-01-01T00:00:00Z",
    "updated_at": "1999-01-01T00:00:00Z",
    "sold_at": "1999-01-01T00:00:00Z",
    "deadline_at": "1999-01-01T00:00:00Z",
    "triggered_by": CANARY,
    "by": CANARY,
    "user": CANARY,
    "owner_id": NUMBER,
    "is_staff": True,
    "is_superuser": True,
    "is_active": False,
    "groups": [1, 2],
    "user_permissions": [1, 2, 3],
    "identity": CANARY,
    "marketplace_url": f"https://example.org/{CANARY}",
    "error_message": CANARY,
    "profit_is_provisional": True,
    "uuid": "01a20b4b-0000-7000-8000-0000000ca11a",
}
TRACES = (CANARY, str(NUMBER), "CANARY", "1999-01-01", "0000000ca11a")
WRITES = [act for act in (*PROGRAMS, *SET_UP) if act.writes]


@pytest.fixture(autouse=True)
def _store(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr("integrations.admin.redelivery.PATIENCE", 0)


def with_further(act: Act) -> Act:
    """Return the same act with all that nobody asked for."""
    missing = {name: value for name, value in FURTHER.items() if name not in act.data}
    sent = missing if act.is_api and "photos" not in act.data else {n: str(v) for n, v in missing.items()}
    return Act(act.method, act.url, act.needs, {**sent, **act.data})


def standing(known: set[Any]) -> list[Any]:
    """Return what must be as it would have been anyway: every state, and what everybody may.

    What is new has an id and a code of its own, which are different each time.
    """
    listings = ProductListing.objects.order_by("pk").values_list("pk", "state", "version", "short_code")
    users = User.objects.order_by("pk").values_list("username", "is_staff", "is_superuser", "is_active")
    held = User.objects.order_by("pk").values_list("pk", "groups", "user_permissions")
    return [[row if row[0] in known else row[1:3] for row in listings], list(users), list(held)]


def test_there_are_25() -> None:
    assert len(FURTHER) == 25
    assert len(WRITES) >= 25


def test_nothing_is_set_along() -> None:
    there, wrong = world(), []
    boss = User.objects.create_superuser("boss")
    browser, program = Client(), Client(headers=token(boss))
    browser.force_login(boss)
    before, known = written(), set(ProductListing.objects.values_list("pk", flat=True))
    for act in WRITES:
        client = program if act.is_api else browser
        with transaction.atomic():
            ask(client, act, there)
            plain = standing(known)
            transaction.set_rollback(True)
        with transaction.atomic():
            answer, after = ask(client, with_further(act), there), written()
            as_usual = standing(known) == plain or (answer.status_code == 422 and after == before)
            if answer.status_code >= 500 or any(trace in after for trace in TRACES) or not as_usual:
                wrong.append((str(act), answer.status_code, [trace for trace in TRACES if trace in after]))
            transaction.set_rollback(True)
    assert wrong == []


def test_a_partner_sets_nothing_along(settings: Any, client: Client) -> None:
    settings.WEBHOOK_KEYS = {name: [name] for name in ("scraper", "chatterbot", "ebay")}
    match = a_match()
    for part in (match, match["listing"], match["product"]):
        part |= {name: value for name, value in FURTHER.items() if name not in part}
    job = a_job(match, **{name: value for name, value in FURTHER.items() if name != "id"})
    assert _call(client, "scraper/job-complete", job).json()["created_listings"] == 1
    found = ProductListing.objects.get()
    assert found.state == "FOUND"
    about = {"listing_id": str(found.pk), "agreed_price": 300}
    assert _call(client, "chatterbot/deal-confirmed", FURTHER | about).status_code == 200
    sale = {"sku": str(found.pk), "sold_price": 500, "ebay_fees": 0, "order_id": "1-2"}
    assert _call(client, "ebay/item-sold", FURTHER | sale).status_code == 200

    after = ProductListing.objects.get()
    assert (after.pk, after.short_code, after.identity) == (found.pk, found.short_code, found.identity)
    assert after.final_profit == 200
    kept = [value for name, value in vars(after).items() if name != "raw_match"]
    assert not any(trace in str(kept) for trace in TRACES)
    assert rows()["ProductListing"] == 1
    assert {row.triggered_by for row in after.history.all()} == {"scraper", "chatterbot", "ebay"}


def _call(client: Client, path: str, body: Any) -> Any:
    partner = path.split("/", maxsplit=1)[0]
    return client.post(
        f"/webhooks/{path}", json.dumps(body), content_type="application/json", headers={"x-api-key": partner}
    )
