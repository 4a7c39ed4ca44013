"""Wrong passwords: who is locked out, for how long, and who is not."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client, RequestFactory

from aetos.signin import client_address
from tests.factories import staff, token

pytestmark = pytest.mark.django_db
LOGIN, PASSWORD = "/staff/login/", "a-long-enough-password"


@pytest.fixture
def ann() -> User:
    """Who is guessed at."""
    return staff("ann", group="Operators")


def enter(name: str, password: str, *, client: Client | None = None, **environ: str) -> Any:
    """Fill in the form, as a browser of its own unless one is given."""
    data = {"username": name, "password": password, "next": "/staff/"}
    return (client or Client()).post(LOGIN, data, **environ)  # type: ignore[arg-type]


def guess(times: int, name: str = "ann", **environ: Any) -> list[int]:
    """Type wrong passwords, and return how each was answered."""
    return [enter(name, f"wrong {number}", **environ).status_code for number in range(times)]


def later(**time: int) -> None:
    """Let time pass since the failures."""
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(**time))


def test_the_fifth_wrong_password_locks_the_name_from_there(ann: User) -> None:
    assert guess(5) == [200, 200, 200, 200, 429]
    answer = enter("ann", PASSWORD)
    assert answer.status_code == 429
    assert "sessionid" not in answer.cookies
    assert b"15 minutes" in answer.content
    assert 14 * 60 < int(answer["Retry-After"]) <= 15 * 60


def test_four_do_not_and_a_right_one_begins_anew(ann: User) -> None:
    assert guess(4) == [200] * 4
    assert enter("ann", PASSWORD).status_code == 302
    assert AccessAttempt.objects.count() == 0
    assert guess(4) == [200] * 4
    assert enter("ann", PASSWORD).status_code == 302


def test_a_colleague_and_another_place_are_not_locked(ann: User) -> None:
    staff("vera", group="Viewers")
    guess(5)
    assert enter("vera", PASSWORD).status_code == 302
    assert enter("ann", PASSWORD, REMOTE_ADDR="198.51.100.7").status_code == 302


def test_another_browser_at_the_same_place_is_the_same_guesser(ann: User) -> None:
    for number in range(5):
        answer = enter("ann", "wrong", HTTP_USER_AGENT=f"browser {number}")
    assert answer.status_code == 429


def test_the_lock_ends_and_guessing_on_does_not_prolong_it(ann: User) -> None:
    guess(5)
    later(minutes=14)
    assert guess(3) == [429] * 3
    answer = enter("ann", PASSWORD)
    assert (answer.status_code, b"1 minute<" in answer.content) == (429, True)
    later(minutes=2)
    assert enter("ann", PASSWORD).status_code == 302


def test_sessions_and_tokens_of_a_locked_name_go_on(ann: User) -> None:
    inside = Client()
    inside.force_login(ann)
    guess(6)
    assert inside.get("/staff/").status_code == 200
    assert Client().get("/admin/listings", headers=token(ann)).status_code == 200


def test_whoever_looks_after_the_accounts_lifts_a_lock(ann: User) -> None:
    guess(5)
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    attempt = AccessAttempt.objects.get()
    url = "/staff/axes/accessattempt/"
    assert b"ann" in boss.get(url).content
    assert boss.get(f"{url}{attempt.pk}/change/").status_code == 200
    assert boss.get(f"{url}add/").status_code == 403
    assert boss.post(f"{url}{attempt.pk}/delete/", {"post": "yes"}).status_code == 302
    assert enter("ann", PASSWORD).status_code == 302


def test_an_operator_does_not_see_who_failed(ann: User) -> None:
    guess(5)
    client = Client()
    client.force_login(staff("otto", group="Operators"))
    attempt = AccessAttempt.objects.get()
    for url in ("", f"{attempt.pk}/change/"):
        assert client.get(f"/staff/axes/accessattempt/{url}").status_code == 403
    assert client.post(f"/staff/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"}).status_code == 403
    assert AccessAttempt.objects.count() == 1


@pytest.mark.parametrize("name", ["", "x" * 5000, "nobody", "é" * 150, "a\0b", "' OR 1=1 --"])
def test_strange_names_are_answered(name: str) -> None:
    hostile = {"HTTP_USER_AGENT": "x" * 5000, "HTTP_ACCEPT": "é" * 2000, "HTTP_X_FORWARDED_FOR": "x,,\0"}
    assert set(guess(7, name, **hostile)) <= {200, 429}


def test_no_password_is_kept_and_nobody_is_named_in_the_logs(
    ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("axes").propagate = True
    with caplog.at_level(logging.INFO):
        guess(6, REMOTE_ADDR="198.51.100.7")
    logging.getLogger("axes").propagate = False
    assert "198.51.100.7" not in caplog.text
    assert "ann" not in caplog.text
    kept = AccessAttempt.objects.get()
    assert "wrong" not in kept.post_data
    assert "csrf" not in kept.post_data.replace("csrfmiddlewaretoken=*", "")


@pytest.mark.parametrize(
    ("proxies", "passed", "direct", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1", "192.0.2.1"),
        (1, "", "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1", "10.0.0.1"),
        (1, "6.6.6.6, unknown", "10.0.0.1", "10.0.0.1"),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (0, "", "::ffff:192.0.2.1", "192.0.2.1"),
        (0, "", "", None),
    ],
)
def test_an_address_is_taken_from_our_own_proxies_only(
    settings: Any, proxies: int, passed: str, direct: str, address: str | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", headers={"x-forwarded-for": passed}, REMOTE_ADDR=direct)
    assert client_address(request) == address


def test_a_forged_header_does_not_make_a_new_guesser(settings: Any, ann: User) -> None:
    answers = [enter("ann", "wrong", HTTP_X_FORWARDED_FOR=f"203.0.113.{n}").status_code for n in range(5)]
    assert answers[-1] == 429
    settings.TRUSTED_PROXIES = 1
    answers = [
        enter("ann", "no", HTTP_X_FORWARDED_FOR=f"203.0.113.{n}, 5.5.5.5").status_code for n in range(5)
    ]
    assert answers[-1] == 429
