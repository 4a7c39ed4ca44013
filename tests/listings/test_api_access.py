"""Who may use the admin API: the matrix of callers and calls, sessions with CSRF, tokens, groups."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client

from listings.models import ProductListing
from tests.conftest import SCRAPER_KEY
from tests.factories import make_listing, rows, signed_in, staff, token

pytestmark = pytest.mark.django_db


def headers_of(caller: str) -> dict[str, str]:
    """Return what a caller sends along."""
    if caller == "anonymous":
        return {}
    if caller == "partner":
        return {"x-api-key": SCRAPER_KEY, "authorization": f"Bearer {SCRAPER_KEY}"}
    if caller == "unknown token":
        return {"authorization": "Token " + "0" * 40}
    if caller == "not staff":
        customer = User.objects.create_user("customer")
        customer.groups.add(Group.objects.get(name="Operators"))
        return token(customer)
    if caller == "inactive":
        gone = staff("gone", group="Operators")
        headers = token(gone)
        User.objects.filter(pk=gone.pk).update(is_active=False)
        return headers
    if caller == "superuser":
        return token(User.objects.create_superuser("root"))
    return token(staff(caller, group={"viewer": "Viewers", "operator": "Operators"}.get(caller, "")))


CALLS: dict[str, tuple[str, str, Any]] = {
    "list": ("get", "/admin/listings", None),
    "one": ("get", "/admin/listings/{id}", None),
    "history": ("get", "/admin/listings/{id}/history", None),
    "jobs": ("get", "/admin/scrape/jobs", None),
    "transition": ("post", "/admin/listings/{id}/transition", {"to_state": "CANCELLED"}),
    "trigger": ("post", "/admin/scrape/trigger", {"brand": "Sony", "search": "cameras"}),
    "retry": ("post", "/admin/listings/{id}/retry", {}),
}
READ = {"list", "one", "history", "jobs"}
OK = {"transition": 200, "trigger": 202, "retry": 422}  # there is nothing to retry
EXPECTED = {
    "anonymous": (401, 401),
    "partner": (401, 401),
    "unknown token": (401, 401),
    "inactive": (401, 401),
    "not staff": (403, 403),
    "staff without a group": (403, 403),
    "viewer": (200, 403),
    "operator": (200, None),
    "superuser": (200, None),
}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("name", list(CALLS))
@pytest.mark.parametrize("caller", list(EXPECTED))
def test_who_may_do_what(client: Client, caller: str, name: str, slash: str) -> None:
    method, path, body = CALLS[name]
    listing = make_listing()
    headers, before = headers_of(caller), rows()
    url = path.format(id=listing.pk) + slash
    answer = getattr(client, method)(url, body, content_type="application/json", headers=headers)

    read, change = EXPECTED[caller]
    expected = read if name in READ else OK[name] if change is None else change
    assert answer.status_code == expected, answer.content
    assert answer.headers["Content-Type"] == "application/json"
    if expected >= 400:
        assert list(answer.json()) == ["detail"]
        assert rows() == before
        assert ProductListing.objects.get().state == "FOUND"
    assert ("WWW-Authenticate" in answer.headers) == (expected == 401)


@pytest.mark.parametrize(
    "header", ["Token", "Token a b", "Token é", "token \x7f", "Bearer x", "Basic eDp5", "x"]
)
def test_a_strange_authorization_is_401(client: Client, header: str) -> None:
    assert client.get("/admin/listings", headers={"authorization": header}).status_code == 401


def test_permissions_may_be_given_one_by_one(client: Client) -> None:
    user = staff("pat")
    headers = token(user)
    listing = make_listing()
    user.user_permissions.add(Permission.objects.get(codename="transition_productlisting"))
    url = f"/admin/listings/{listing.pk}"
    assert client.get(url, headers=headers).status_code == 403
    moved = client.post(
        f"{url}/transition", {"to_state": "CANCELLED"}, content_type="application/json", headers=headers
    )
    assert moved.status_code == 200


def test_a_session_needs_its_csrf_token() -> None:
    listing = make_listing()
    user = staff("ann", group="Operators")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    path = f"/admin/listings/{listing.pk}/transition"
    body = {"to_state": "CANCELLED"}
    before = rows()
    assert browser.get("/admin/listings").status_code == 200
    for headers in ({}, {"x-csrftoken": "x" * 32}, {"x-csrftoken": ""}):
        assert browser.post(path, body, content_type="application/json", headers=headers).status_code == 403
    assert rows() == before

    browser.get("/staff/")
    csrf = browser.cookies["csrftoken"].value
    answer = browser.post(path, body, content_type="application/json", headers={"x-csrftoken": csrf})
    assert answer.status_code == 200


def test_a_token_needs_no_csrf() -> None:
    listing = make_listing()
    program = Client(enforce_csrf_checks=True)
    headers = token(staff("ann", group="Operators"))
    path = f"/admin/listings/{listing.pk}/transition"
    body = {"to_state": "CANCELLED"}
    assert program.post(path, body, content_type="application/json", headers=headers).status_code == 200


def test_the_command_makes_a_token_that_works(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    staff("vera", group="Viewers")
    call_command("drf_create_token", "vera")
    key = capsys.readouterr().out.split()[2]
    headers = {"authorization": f"Token {key}"}
    assert client.get("/admin/listings", headers=headers).status_code == 200


def test_the_groups_hold_what_they_should_and_nobody_writes_rows_by_hand() -> None:
    held = {
        group.name: {f"{p.content_type.app_label}.{p.codename}" for p in group.permissions.all()}
        for group in Group.objects.all()
    }
    assert set(held) == {"Viewers", "Operators"}
    assert all(name.split(".")[1].startswith("view_") for name in held["Viewers"])
    assert (
        {"listings.view_productlisting", "listings.view_transitionlog"} <= held["Viewers"] < held["Operators"]
    )
    assert {"listings.transition_productlisting", "scraping.trigger_scrape"} <= held["Operators"]
    for name in held["Operators"]:
        action, _, model = name.split(".")[1].partition("_")
        assert not (action in ("add", "change", "delete") and model in ("productlisting", "transitionlog"))


def test_migrating_again_keeps_what_staff_added() -> None:
    extra = Permission.objects.get(codename="view_user")
    Group.objects.get(name="Viewers").permissions.add(extra)
    call_command("migrate", verbosity=0)
    assert extra in Group.objects.get(name="Viewers").permissions.all()


@pytest.mark.parametrize("path", ["", "/history"])
def test_an_unknown_listing_is_404(operator: Client, path: str) -> None:
    answer = operator.get(f"/admin/listings/{uuid.uuid4()}{path}")
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])


@pytest.mark.parametrize("action", ["transition", "retry"])
def test_an_unknown_listing_cannot_be_changed(operator: Client, action: str) -> None:
    answer = operator.post(
        f"/admin/listings/{uuid.uuid4()}/{action}", {"to_state": "SOLD"}, content_type="application/json"
    )
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/admin/listings"),
        ("put", "/admin/listings/{id}"),
        ("patch", "/admin/listings/{id}"),
        ("delete", "/admin/listings/{id}"),
        ("delete", "/admin/listings/{id}/history"),
        ("get", "/admin/listings/{id}/transition"),
        ("get", "/admin/scrape/trigger"),
        ("delete", "/admin/scrape/jobs"),
    ],
)
def test_there_is_no_other_way_to_change_anything(operator: Client, method: str, path: str) -> None:
    listing, before = make_listing(), rows()
    url = path.format(id=listing.pk)
    answer = getattr(operator, method)(url, {"state": "SOLD"}, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (405, ["detail"])
    assert rows() == before
    assert ProductListing.objects.get().state == "FOUND"


@pytest.mark.parametrize(
    "field", ["state", "id", "final_profit", "created_at", "version", "title", "triggered_by"]
)
def test_no_field_can_be_set_along_with_an_arrow(operator: Client, field: str) -> None:
    listing = make_listing()
    other = signed_in("bob", group="Operators")
    body = {"to_state": "MESSAGING", field: "999"}
    answer = other.post(
        f"/admin/listings/{listing.pk}/transition", body, content_type="application/json"
    ).json()
    after = ProductListing.objects.get()
    assert (after.pk, after.title, after.final_profit) == (listing.pk, listing.title, None)
    assert after.created_at == listing.created_at
    assert after.state in ("FOUND", "MESSAGING")
    assert after.version == (2 if after.state == "MESSAGING" else 1)
    assert "999" not in str(answer.get("title", ""))
