"""The second step: enrolling, codes, recovery codes, guessing, resetting; and what is closed until it is passed."""

import io
import re
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from aetos import twofactor
from tests.factories import make_listing, rows, staff, token

pytestmark = pytest.mark.django_db
STEP = "/staff/second-step"


@pytest.fixture(autouse=True)
def _required(settings: Any) -> None:
    settings.STAFF_TWO_FACTOR = "required"


@pytest.fixture
def ann() -> User:
    """An operator who has no app yet."""
    return staff("ann", group="Operators")


@pytest.fixture
def enrolled(ann: User) -> tuple[User, bytes, list[str]]:
    """Ann with an app, its secret, and the recovery codes; the code of this half-minute is used."""
    key = twofactor.new_key()
    _, codes = twofactor.enrol(ann, key, code_of(bytes.fromhex(key)))
    return ann, bytes.fromhex(key), codes


def code_of(key: bytes, *, ahead: int = 0) -> str:
    """Return what the app shows, now or some steps later."""
    return f"{totp(key, t0=-30 * ahead):06d}"


def with_password(user: User) -> Client:
    """Return a browser that has passed the first step."""
    client = Client()
    data = {"username": user.username, "password": "a-long-enough-password", "next": "/staff/"}
    assert client.post("/staff/login/", data).status_code == 302
    return client


def inside(client: Client) -> bool:
    """Say whether a browser is let in."""
    return client.get("/staff/").status_code == 200


def secret_on(page: Any) -> bytes:
    """Read the secret as a person does."""
    from base64 import b32decode

    found = re.search(r'class="ae-secret">([A-Z2-7 ]+)<', page.content.decode())
    assert found
    return b32decode(found[1].replace(" ", ""))


def test_the_first_time_an_app_is_enrolled_and_codes_are_shown_once(ann: User) -> None:
    browser = with_password(ann)
    led = browser.get("/staff/listings/productlisting/?q=a")
    assert led["Location"] == f"{STEP}?next=%2Fstaff%2Flistings%2Fproductlisting%2F%3Fq%3Da"
    page = browser.get(led["Location"])
    assert b"<svg" in page.content
    assert b'viewBox="0 0 ' in page.content  # scaled by the stylesheet, not cut: a phone reads it whole
    key = secret_on(page)
    assert secret_on(browser.get(STEP)) == key
    assert "no-store" in page["Cache-Control"]

    session = browser.cookies["sessionid"].value
    done = browser.post(led["Location"], {"code": code_of(key)})
    shown = re.findall(r"<li><code>(\w+)</code>", done.content.decode())
    assert len(set(shown)) == 10
    assert "/staff/listings/productlisting/?q=a" in done.content.decode()
    assert browser.cookies["sessionid"].value != session
    assert inside(browser)
    again = browser.get(STEP)
    assert again["Location"] == "/staff/"
    assert TOTPDevice.objects.get().bin_key == key


def test_a_wrong_code_enrols_nothing(ann: User) -> None:
    browser = with_password(ann)
    browser.get(STEP)
    for code in ("", "000000", "abcdef", "١٢٣٤٥٦", "1" * 20, "1\x002"):
        assert browser.post(STEP, {"code": code}).status_code == 200
    assert (TOTPDevice.objects.count(), StaticDevice.objects.count()) == (0, 0)
    assert not inside(browser)


def test_a_second_browser_cannot_enrol_over_the_first(ann: User) -> None:
    first, second = with_password(ann), with_password(ann)
    keys = [secret_on(browser.get(STEP)) for browser in (first, second)]
    first.post(STEP, {"code": code_of(keys[0])})
    with pytest.raises(twofactor.AlreadyEnrolled):
        twofactor.enrol(ann, keys[1].hex(), code_of(keys[1]))
    assert second.post(STEP, {"code": code_of(keys[1])}).status_code == 200
    assert not inside(second)
    assert TOTPDevice.objects.get().bin_key == keys[0]


def test_each_sign_in_asks_for_a_code(enrolled: tuple[User, bytes, list[str]]) -> None:
    ann, key, _ = enrolled
    browser = with_password(ann)
    assert browser.get("/staff/")["Location"].startswith(STEP)
    page = browser.get(STEP)
    assert b"<svg class" not in page.content
    assert b'autocomplete="one-time-code"' in page.content
    passed = browser.post(f"{STEP}?next=/staff/scraping/", {"code": code_of(key, ahead=1)})
    assert (passed.status_code, passed["Location"]) == (302, "/staff/scraping/")
    assert inside(browser)
    browser.post("/staff/logout/")
    assert not inside(with_password(ann))


@pytest.mark.parametrize(
    "onward", ["//evil.example/", "https://evil.example/staff/", "/docs", "javascript:x"]
)
def test_it_leads_nowhere_else(enrolled: tuple[User, bytes, list[str]], onward: str) -> None:
    ann, key, _ = enrolled
    passed = with_password(ann).post(f"{STEP}?next={onward}", {"code": code_of(key, ahead=1)})
    assert passed["Location"] == "/staff/"


def test_a_code_is_good_once(enrolled: tuple[User, bytes, list[str]]) -> None:
    ann, key, _ = enrolled
    code = code_of(key, ahead=1)
    first, second = with_password(ann), with_password(ann)
    assert first.post(STEP, {"code": code}).status_code == 302
    assert second.post(STEP, {"code": code}).status_code == 200
    assert (inside(first), inside(second)) == (True, False)


def test_a_recovery_code_is_good_once(enrolled: tuple[User, bytes, list[str]]) -> None:
    ann, _, codes = enrolled
    first, second = with_password(ann), with_password(ann)
    assert first.post(STEP, {"code": f" {codes[0][:4].upper()}-{codes[0][4:]} "}).status_code == 302
    assert inside(first)
    assert StaticToken.objects.count() == 9
    assert second.post(STEP, {"code": codes[0]}).status_code == 200
    assert not inside(second)


@pytest.mark.parametrize("wrong", ["000000", "aaaaaaaa"])
def test_guessing_is_slowed_down(enrolled: tuple[User, bytes, list[str]], wrong: str) -> None:
    ann, key, codes = enrolled
    browser = with_password(ann)
    with time_machine.travel(timezone.now(), tick=False):  # or on a busy machine the second is over
        assert browser.post(STEP, {"code": wrong}).status_code == 200
        right = code_of(key, ahead=1) if len(wrong) == 6 else codes[0]
        answer = browser.post(STEP, {"code": right})
    assert (answer.status_code, b"Wait 1 s" in answer.content) == (429, True)
    assert not inside(browser)
    model: Any = TOTPDevice if len(wrong) == 6 else StaticDevice
    model.objects.update(throttling_failure_timestamp=timezone.now() - timedelta(seconds=2))
    assert browser.post(STEP, {"code": right}).status_code == 302
    assert inside(browser)


def test_until_then_the_session_is_nobody_elsewhere(ann: User) -> None:
    listing = make_listing()
    browser = with_password(ann)
    before = rows()
    path = f"/admin/listings/{listing.pk}"
    for address in ("/admin/listings", path, f"{path}/history", "/admin/scrape/jobs", "/metrics"):
        assert browser.get(address).status_code == 401, address
    moved = browser.post(f"{path}/transition", {"to_state": "CANCELLED"}, content_type="application/json")
    assert moved.status_code == 401
    html = browser.get("/admin/listings", headers={"accept": "text/html"})
    assert (html.status_code, b"ann" in html.content) == (401, False)
    step = browser.post(f"/staff/listings/productlisting/{listing.pk}/act/", {"to": "CANCELLED"})
    assert step["Location"] == STEP
    assert rows() == before
    assert Client().get("/admin/listings", headers=token(ann)).status_code == 200


def test_after_it_the_session_uses_the_api(enrolled: tuple[User, bytes, list[str]]) -> None:
    ann, key, _ = enrolled
    browser = with_password(ann)
    browser.post(STEP, {"code": code_of(key, ahead=1)})
    assert browser.get("/admin/listings").status_code == 200


def test_htmx_is_led_by_the_whole_page(ann: User) -> None:
    answer = with_password(ann).get("/staff/", headers={"hx-request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, STEP)


def test_the_login_page_and_signing_out_stay_open(ann: User) -> None:
    browser = with_password(ann)
    assert browser.get("/staff/login/").status_code in (200, 302)
    assert browser.post("/staff/logout/").status_code in (200, 302)
    assert browser.get(STEP)["Location"].startswith("/staff/login/")


def test_a_session_that_is_not_staff_gets_no_page(client: Client) -> None:
    client.force_login(User.objects.create_user("customer"))
    assert client.get(STEP)["Location"].startswith("/staff/login/")
    assert client.get("/staff/")["Location"].startswith("/staff/login/")


def test_an_admin_takes_it_away_and_the_session_ends(
    enrolled: tuple[User, bytes, list[str]], settings: Any
) -> None:
    ann, key, _ = enrolled
    browser = with_password(ann)
    browser.post(STEP, {"code": code_of(key, ahead=1)})
    settings.STAFF_TWO_FACTOR = "off"
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    users = "/staff/auth/user/"
    assert b"Second step" in boss.get(users).content
    chosen = {"action": "reset_second_step", "_selected_action": [ann.pk], "index": "0"}
    boss.post(users, chosen)
    settings.STAFF_TWO_FACTOR = "required"
    assert TOTPDevice.objects.count() == StaticToken.objects.count() == 0
    assert not inside(browser)
    assert b"<svg" in browser.get(STEP).content


def test_operators_take_nothing_away(enrolled: tuple[User, bytes, list[str]], settings: Any) -> None:
    settings.STAFF_TWO_FACTOR = "off"
    client = Client()
    client.force_login(staff("otto", group="Operators"))
    chosen = {"action": "reset_second_step", "_selected_action": [enrolled[0].pk], "index": "0"}
    assert client.post("/staff/auth/user/", chosen).status_code == 403
    assert TOTPDevice.objects.count() == 1


def test_the_command_does_the_same(enrolled: tuple[User, bytes, list[str]]) -> None:
    said = io.StringIO()
    call_command("reset_second_step", "ann", stdout=said)
    call_command("reset_second_step", "ann", stdout=said)
    assert said.getvalue() == "Taken away.\nThere was none.\n"
    with pytest.raises(CommandError, match="Nobody is called bob"):
        call_command("reset_second_step", "bob")


def test_no_page_shows_a_kept_secret(enrolled: tuple[User, bytes, list[str]], settings: Any) -> None:
    settings.STAFF_TWO_FACTOR = "off"
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    for url in ("/staff/otp_totp/totpdevice/", "/staff/otp_static/staticdevice/"):
        assert boss.get(url).status_code == 404


def test_off_is_off(enrolled: tuple[User, bytes, list[str]], settings: Any) -> None:
    settings.STAFF_TWO_FACTOR = "off"
    browser = with_password(enrolled[0])
    assert inside(browser)
    assert browser.get(STEP)["Location"] == "/staff/"


def test_time_moves_the_code(
    enrolled: tuple[User, bytes, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, key, _ = enrolled
    now = time.time()
    old = code_of(key)
    monkeypatch.setattr("time.time", lambda: now + 300)
    with pytest.raises(twofactor.WrongCode):
        twofactor.check(ann, old)
