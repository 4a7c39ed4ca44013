"""What a browser may load and run, by kind of answer; and the clock of the back office."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from aetos import csp, pages
from listings.models import ProductListing
from tests.factories import make_listing, signed_in

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
NEVER = ("unsafe-inline", "http:", "https:", "*")


def policy(answer: Any) -> str:
    """Read the policy."""
    return str(answer.headers["Content-Security-Policy"])


@pytest.mark.parametrize(
    "path",
    ["/staff/", "/staff/board/", "/staff/listings/productlisting/", "/staff/figures/", "/staff/auth/user/"],
)
def test_staff_pages_take_nothing_from_elsewhere_and_nothing_inline(path: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    answer = client.get(path)
    assert (answer.status_code, policy(answer)) == (200, csp.STAFF)
    assert not [word for word in NEVER if word in policy(answer)]
    html = answer.content.decode()
    assert "<style" not in html
    assert " style=" not in html
    assert " onclick=" not in html
    assert "<script>" not in html


@pytest.mark.parametrize("path", ["/staff/login/", "/staff/nowhere/", "/staff/figures/"])
def test_so_do_the_pages_of_strangers(client: Client, path: str) -> None:
    answer = client.get(path)
    if answer.headers["Content-Type"].startswith("text/html"):
        assert policy(answer) == csp.STAFF


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/listings", 401),
        ("/health", 200),
        ("/openapi.json", 200),
        ("/nowhere", 404),
        ("/theme.css", 200),
        ("/photos/01a20b4b-54b5-742c-90c5-f55027d30ad2", 404),
        ("/webhooks/nobody", 404),
    ],
)
def test_what_is_no_page_may_load_nothing(client: Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, policy(answer)) == (status, csp.NOTHING)


def test_a_refusal_at_the_gate_has_the_policy_too(client: Client) -> None:
    assert policy(client.get("/health?x=%00")) == csp.NOTHING
    assert policy(client.get("/health", headers={"host": "evil.example"})) == csp.NOTHING


def test_the_browsable_api_and_the_docs(client: Client) -> None:
    browsable = signed_in("vera", group="Viewers").get("/admin/listings", headers={"accept": "text/html"})
    assert policy(browsable) == csp.PAGE
    assert policy(client.get("/docs")) == csp.PAGE
    assert policy(client.get("/redoc")) == pages.REDOC_POLICY
    for answer in (browsable, client.get("/docs"), client.get("/redoc")):
        assert "unsafe-eval" not in policy(answer)


@pytest.mark.parametrize("path", ["/staff/login/", "/health", "/docs"])
def test_the_other_headers_are_on_every_answer(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Permissions-Policy"] == csp.POWERS
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


# ---- the clock ----------------------------------------------------------------------------------


def test_pages_tell_the_staffs_time_and_the_api_utc(operator: Client, settings: Any) -> None:
    settings.STAFF_TIME_ZONE = "Europe/London"
    listing = make_listing()
    at = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    ProductListing.objects.filter(pk=listing.pk).update(found_at=at)
    page = operator.get(f"/staff/listings/productlisting/{listing.pk}/change/").content.decode()
    assert "2 Jul" in page
    assert "00:30" in page
    told = operator.get(f"/admin/listings/{listing.pk}").json()
    assert told["found_at"].startswith("2026-07-01T23:30:00")
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize("zone", ["Europe/Londn", "../etc/passwd"])
def test_a_zone_that_is_none_fails_at_the_start(zone: str, tmp_path: Path) -> None:
    told = {**os.environ, "STAFF_TIME_ZONE": zone, "SECRET_KEY": "x", "DATA_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", "import aetos.settings"], cwd=ROOT, env=told, capture_output=True, text=True
    )
    assert ended.returncode != 0
    assert "STAFF_TIME_ZONE must name a time zone, such as Europe/London." in ended.stderr
