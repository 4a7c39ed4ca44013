"""Each address takes exactly its own permissions: with only these it works, with all others it does not."""

import json
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.db.models import QuerySet
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from aetos import twofactor
from tests.access.acts import TABLE, Act
from tests.access.world import world
from tests.factories import staff

pytestmark = pytest.mark.django_db

DONE = (200, 201, 202, 204, 302)


@pytest.fixture(autouse=True)
def _quick(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr("integrations.admin.redelivery.PATIENCE", 0)


def with_only(*permissions: str) -> Client:
    """Sign a member of staff in who has these permissions and no others."""
    user = staff("only")
    user.user_permissions.set(_permission(name) for name in permissions)
    client = Client()
    client.force_login(user)
    return client


def _permission(name: str) -> Permission:
    label, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=label, codename=codename)


def ask(client: Client, act: Act, rows: dict[str, Any]) -> Any:
    """Send what the act says."""
    data = filled(act.data, rows)
    if (act.method != "get" and act.is_api and "photos" not in act.data) or act.method == "put":
        return getattr(client, act.method)(act.url.format(**rows), data, content_type="application/json")
    return getattr(client, act.method)(act.url.format(**rows), data)


def filled(value: Any, rows: dict[str, Any]) -> Any:
    """Fill the world's names in."""
    if isinstance(value, dict):
        return {name: filled(each, rows) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, rows) for each in value]
    if callable(value):
        return value()
    return value.format(**rows) if isinstance(value, str) else value


def written() -> str:
    """Return every row that could be written."""
    labels = ("integrations", "listings", "scraping", "auth", "authtoken", "axes", "otp_totp")
    models = [model for label in labels for model in apps.get_app_config(label).get_models()]
    rows = {model.__name__: list(model._base_manager.order_by("pk").values_list()) for model in models}
    return json.dumps(
        rows, default=lambda value: bytes(value).hex() if isinstance(value, memoryview) else str(value)
    )


@pytest.mark.parametrize("acts", TABLE.values(), ids=TABLE)
def test_its_own_permissions_are_enough(acts: list[Act]) -> None:
    rows, user, client, wrong = world(), staff("only"), Client(), []
    client.force_login(user)
    before = written()
    for act in acts:
        user.user_permissions.set(_permission(name) for name in act.needs)
        with transaction.atomic():
            answer, after = ask(client, act, rows), written() if act.writes else before
            transaction.set_rollback(act.writes)
        led_away = answer.headers.get("Location", "").startswith("/staff/login/")
        if answer.status_code not in DONE or led_away or (after != before) != act.writes:
            wrong.append((str(act), answer.status_code, after != before))
    assert wrong == []
    assert written() == before


@pytest.mark.parametrize("acts", TABLE.values(), ids=TABLE)
def test_all_other_permissions_are_not(acts: list[Act]) -> None:
    rows, user, client = world(), staff("all-but-one"), Client()
    user.user_permissions.set(Permission.objects.all())
    client.force_login(user)
    before, wrong = written(), []
    for act in acts:
        for name in act.needs:
            missing = implied(name)
            user.user_permissions.remove(*missing)
            answer = ask(client, act, rows)
            user.user_permissions.add(*missing)
            if answer.status_code != 403:
                wrong.append((str(act), name, answer.status_code))
    assert wrong == []
    assert written() == before


def implied(name: str) -> QuerySet[Permission]:
    """Return the permission; to change is to view, too, for Django."""
    label, codename = name.split(".")
    names = [codename, codename.replace("view_", "change_")]
    return Permission.objects.filter(content_type__app_label=label, codename__in=names)


# ---- beside the table ---------------------------------------------------------------------------


def test_only_a_superuser_takes_a_second_step_away() -> None:
    bob = User.objects.get(pk=world()["person"])
    TOTPDevice.objects.create(user=bob, key=twofactor.new_key())
    chosen = {"action": "reset_second_step", "_selected_action": [bob.pk], "index": "0"}
    clerk = with_only("auth.view_user", "auth.change_user")
    assert b"reset_second_step" not in clerk.get("/staff/auth/user/").content
    clerk.post("/staff/auth/user/", chosen)
    assert TOTPDevice.objects.count() == 1
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    boss.post("/staff/auth/user/", chosen)
    assert TOTPDevice.objects.count() == 0
