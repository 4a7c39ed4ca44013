"""A session ends with the right to it: at the next request, whatever is asked."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.factories import make_listing, rows, staff, token

pytestmark = pytest.mark.django_db


def deactivate(user: User) -> None:
    """Take the account away."""
    User.objects.filter(pk=user.pk).update(is_active=False)


def dismiss(user: User) -> None:
    """Take the back office away."""
    User.objects.filter(pk=user.pk).update(is_staff=False)


def rename_password(user: User) -> None:
    """Set another password, as somebody else does in the admin."""
    user.set_password("another-long-password")
    user.save()


@pytest.mark.parametrize("end", [deactivate, dismiss, rename_password])
def test_pages_htmx_and_the_api_of_a_session(end: Callable[[User], None]) -> None:
    ann, listing = staff("ann", group="Operators"), make_listing()
    browser = Client()
    browser.force_login(ann)
    page = f"/staff/listings/productlisting/{listing.pk}/change/"
    assert (browser.get(page).status_code, browser.get("/admin/listings").status_code) == (200, 200)
    end(ann)
    before = rows()
    for headers in ({}, {"hx-request": "true"}):
        answer = browser.get(page, headers=headers)
        assert (answer.status_code, answer["Location"].startswith("/staff/login/")) == (302, True)
    path = f"/admin/listings/{listing.pk}/transition"
    moved = browser.post(path, {"to_state": "CANCELLED"}, content_type="application/json")
    assert browser.get("/admin/listings").status_code == moved.status_code
    assert moved.status_code == (403 if end is dismiss else 401)
    assert rows() == before


@pytest.mark.parametrize(("end", "status"), [(deactivate, 401), (dismiss, 403)])
def test_tokens_end_with_the_account(end: Callable[[User], None], status: int) -> None:
    ann = staff("ann", group="Operators")
    headers = token(ann)
    assert Client().get("/admin/listings", headers=headers).status_code == 200
    end(ann)
    assert Client().get("/admin/listings", headers=headers).status_code == status


def test_a_group_taken_away_counts_at_once(operator: Client) -> None:
    listing = make_listing()
    User.objects.get(username="ann").groups.set(Group.objects.filter(name="Viewers"))
    path = f"/admin/listings/{listing.pk}/transition"
    body = {"to_state": "CANCELLED"}
    assert operator.post(path, body, content_type="application/json").status_code == 403


def test_whoever_changes_the_own_password_stays_and_other_browsers_do_not() -> None:
    ann = staff("ann", group="Viewers")
    here, there = Client(), Client()
    here.force_login(ann)
    there.force_login(ann)
    new = {
        "old_password": "a-long-enough-password",
        "new_password1": "quite-another-word",
        "new_password2": "quite-another-word",
    }
    assert here.post("/staff/password_change/", new).status_code == 302
    assert here.get("/staff/").status_code == 200
    assert there.get("/staff/").status_code == 302


def test_a_session_lasts_a_working_day_from_the_sign_in(operator: Client) -> None:
    assert django_settings.SESSION_COOKIE_AGE == 12 * 3600
    expires = operator.session.get_expiry_date()
    operator.get("/staff/")
    from django.contrib.sessions.models import Session

    stored: Any = Session.objects.get()
    assert abs((stored.expire_date - expires).total_seconds()) < 60
