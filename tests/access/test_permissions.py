"""Each address takes exactly its own permissions: with only these it works, with all others it does not."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.db.models import QuerySet
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django_otp.plugins.otp_totp.models import TOTPDevice

from aetos import twofactor
from tests.access.acts import ACTS, TABLE, Act
from tests.access.world import world
from tests.factories import staff

pytestmark = pytest.mark.django_db

# What an address has as a number; all else is a UUID.
NUMBERS = (
    "line",
    "log",
    "rule",
    "job",
    "match",
    "plan",
    "run",
    "lost",
    "conflict",
    "person",
    "group",
    "attempt",
)
DONE = (200, 201, 202, 204, 302)
# What no permission of the model's guards, with the reason.
OPEN = {
    "root": "leads a person on",
    "admin-root": "leads a person on",
    "staff": "leads a person on",
    "colours": "a stylesheet",
    "second-step": "is there to be passed (test_second_step.py)",
    "now": "each part asks for its own (test_each_part_of_the_home_page_asks_for_its_own)",
    "photo": "to be seen by eBay, too, by a signed address (tests/photos)",
    "photo-thumbnail": "as the photo",
    "openapi": "public",
    "docs": "public",
    "redoc": "public",
    "health": "public",
    "health-live": "public",
    "metrics": "every member of staff, or a key (tests/aetos/test_metrics.py)",
    "admin:index": "each part asks for its own",
    "admin:app_list": "lists what one may see",
    "admin:login": "to be let in",
    "admin:logout": "to go",
    "admin:password_change": "one's own password",
    "admin:password_change_done": "one's own password",
    "admin:jsi18n": "words for scripts",
    "admin:view_on_site": "leads on; no model has such a page",
    "admin:autocomplete": "no field completes",
    "admin:search": "is not there",
    "admin:auth_user_password_change": "Django's own, with auth.change_user",
}
PARTNERS = ("scraper-", "chatterbot-", "ebay-", "telegram")  # by their keys (tests/integrations)
FOREIGN = ("auth", "authtoken", "axes")  # Django's ModelAdmin guards its own add, change, delete and history


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


def test_strangers_and_whoever_is_not_staff_do_nothing() -> None:
    rows = world()
    customer = Client()
    customer.force_login(User.objects.create_user("customer", is_superuser=True))
    before = written()
    for act in ACTS:
        for client, api in ((Client(), 401), (customer, 403)):
            answer = ask(client, act, rows)
            assert answer.status_code == (api if act.is_api else 302), str(act)
            assert act.is_api or answer["Location"].startswith("/staff/login/"), str(act)
    assert written() == before


# ---- nothing is left out ------------------------------------------------------------------------


def names(patterns: Any = None, space: str = "") -> Iterator[str]:
    """Name every route, without the other spelling of each."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(each, URLResolver):
            yield from names(each.url_patterns, f"{each.namespace}:" if each.namespace else space)
        elif isinstance(each, URLPattern) and each.name:
            yield space + each.name.removesuffix("-slash")


def route(act: Act) -> str:
    """Name the route of an act."""
    example: dict[str, Any] = defaultdict(lambda: uuid.UUID(int=0), dict.fromkeys(NUMBERS, 1))
    name = resolve(act.url.partition("?")[0].format_map(example)).view_name
    return name.removesuffix("-slash")


def test_every_route_is_in_the_table() -> None:
    tabled = {route(act) for act in ACTS}
    left = {name for name in names() if name not in tabled and name not in OPEN and not by_nature(name)}
    assert left == set(), "Say in tests/access/acts.py which permissions these take."
    assert not tabled & set(OPEN)


def by_nature(name: str) -> bool:
    """Say whether another test holds a whole kind of routes."""
    if name.startswith(PARTNERS):
        return True
    app, _, rest = name.removeprefix("admin:").partition("_")
    kind = rest.rpartition("_")[2]
    return kind == "history" or (app in FOREIGN and kind in ("add", "change", "delete")) or name in refused()


def refused() -> set[str]:
    """Name the routes by which the framework would add and delete rows that only the doors write."""
    found = set()
    for model, site in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for kind in ("add", "delete", "change"):
            if getattr(type(site), f"has_{kind}_permission").__doc__ == "Refuse.":
                found.add(f"{name}_{kind}")
    return found


def test_every_operation_of_the_api_is_in_the_table() -> None:
    tabled = {(act.method, route(act)) for act in ACTS if act.is_api}
    there = {
        (method, each.name.removesuffix("-slash"))
        for each in get_resolver().url_patterns
        if isinstance(each, URLPattern) and str(each.pattern).startswith("admin/") and each.name
        for method in getattr(each.callback, "actions", None) or ()
        if method != "head"
    }
    assert len(there) >= 18
    assert there - tabled == set(), "Say in tests/access/acts.py which permissions these take."


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
