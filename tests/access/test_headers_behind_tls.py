"""Each kind of answer of the live web server behind https: the headers that keep a browser safe, and cookies' flags."""

from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from django.test import Client

from tests.aetos.processes import KEYS, Web
from tests.factories import a_job, staff

pytestmark = pytest.mark.django_db(transaction=True)

HOST = "aetos.example"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
}
HOOK = "/webhooks/scraper/job-complete"
# What is asked for, by kind: method, path, headers, and the status that comes back.
ANSWERS: dict[str, tuple[str, str, dict[str, str], int]] = {
    "a page for strangers": ("GET", "/staff/login/", {}, 200),
    "a way to the sign-in": ("GET", "/staff/", {}, 302),
    "a page that is not there": ("GET", "/staff/nowhere/", {}, 302),
    "the API without a token": ("GET", "/admin/listings", {}, 401),
    "the API with a wrong token": ("GET", "/admin/listings", {"Authorization": "Token x"}, 401),
    "a webhook": ("POST", HOOK, {"X-API-Key": KEYS["SCRAPER_WEBHOOK_KEY"]}, 202),
    "a webhook without a key": ("POST", HOOK, {}, 401),
    "a webhook by the wrong method": ("GET", HOOK, {}, 405),
    "health": ("GET", "/health", {}, 200),
    "life": ("GET", "/health/live", {}, 200),
    "metrics": ("GET", "/metrics", {"Authorization": f"Bearer {KEYS['METRICS_KEY']}"}, 200),
    "the docs": ("GET", "/docs", {}, 200),
    "the other docs": ("GET", "/redoc", {}, 200),
    "the description": ("GET", "/openapi.json", {}, 200),
    "a photo of nobody's": ("GET", "/photos/01a20b4b-54b5-742c-90c5-f55027d30ad2", {}, 404),
    "nothing": ("GET", "/nowhere", {}, 404),
    "a NUL": ("GET", "/health?x=%00", {}, 400),
    "another's name": ("GET", "/health", {"Host": "evil.example"}, 400),
}


@pytest.fixture(scope="module")
def tls(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Web]:
    """A web server whose proxy ends https."""
    changes = {"PUBLIC_URL": f"https://{HOST}", "ALLOWED_HOSTS": f"localhost,127.0.0.1,{HOST}"}
    with Web(tmp_path_factory.mktemp("tls"), **changes) as web:
        yield web


def ask(web: Web, method: str, path: str, headers: dict[str, str]) -> requests.Response:
    """Ask as the proxy does."""
    headers = {"Host": HOST, "X-Forwarded-Proto": "https", **headers}
    body = a_job() if method == "POST" else None
    return requests.request(
        method, web.url + path, headers=headers, json=body, timeout=180, allow_redirects=False
    )


def test_each_kind_of_answer_has_its_headers(transactional_db: None, tls: Web) -> None:
    for kind, (method, path, headers, status) in ANSWERS.items():
        answer = ask(tls, method, path, headers)
        assert answer.status_code == status, kind
        for name, value in ALWAYS.items():
            assert answer.headers.get(name) == value, (kind, name)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], kind
        assert answer.headers["Server"] == "gunicorn", kind  # and no version
        assert "X-Powered-By" not in answer.headers, kind
        assert "no-store" in answer.headers["Cache-Control"], kind


def test_without_https_there_is_no_promise_of_it(transactional_db: None, tls: Web) -> None:
    answer = requests.get(f"{tls.url}/health", timeout=180)
    assert "Strict-Transport-Security" not in answer.headers


def test_what_everybody_may_keep_is_kept(transactional_db: None, tls: Web) -> None:
    answer = ask(tls, "GET", "/theme.css", {})
    assert "public" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_session_is_for_https_and_for_us_alone(transactional_db: None, tls: Web) -> None:
    """Sign in through the page; passwords are checked by the product's own hasher."""
    ann = staff("ann", group="Operators")
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    ann.password = PBKDF2PasswordHasher().encode("a-long-enough-password", "salt")
    ann.save()
    page = ask(tls, "GET", "/staff/login/", {})
    csrf = SimpleCookie(page.headers["Set-Cookie"])["csrftoken"]
    form = {
        "username": "ann",
        "password": "a-long-enough-password",
        "csrfmiddlewaretoken": csrf.value,
        "next": "/staff/",
    }
    headers = {
        "Host": HOST,
        "X-Forwarded-Proto": "https",
        "Referer": f"https://{HOST}/staff/login/",
        "Cookie": f"csrftoken={csrf.value}",
    }
    done = requests.post(f"{tls.url}/staff/login/", form, headers=headers, timeout=180, allow_redirects=False)
    assert done.status_code == 302
    cookies = SimpleCookie()
    for value in done.raw.headers.getlist("Set-Cookie"):
        cookies.load(value)
    session, csrf = cookies["sessionid"], cookies["csrftoken"]
    assert (session["secure"], session["httponly"], session["samesite"], session["domain"]) == (
        True,
        True,
        "Lax",
        "",
    )
    assert (csrf["secure"], csrf["samesite"]) == (True, "Lax")
    assert int(session["max-age"]) == 12 * 3600
    inside = ask(tls, "GET", "/staff/", {"Cookie": f"sessionid={session.value}"})
    assert (inside.status_code, ALWAYS.items() <= inside.headers.items()) == (200, True)
    assert {"no-store", "private"} <= {word.strip() for word in inside.headers["Cache-Control"].split(",")}


def test_without_the_middleware_answers_would_be_kept(client: Client, db: None, settings: Any) -> None:
    settings.MIDDLEWARE = [each for each in django_settings.MIDDLEWARE if not each.endswith("KeepNothing")]
    assert "Cache-Control" not in Client().get("/admin/listings").headers
