"""Who may use the admin API: sessions with CSRF, tokens, groups. Who may what: tests/access/test_authorisation.py."""

import uuid

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client

from listings.models import ProductListing
from tests.factories import make_listing, rows, staff, token

pytestmark = pytest.mark.django_db


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
