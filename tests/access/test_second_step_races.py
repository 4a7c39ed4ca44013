"""The second step at the same moment: a code is spent once, and one app is enrolled."""

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django_otp.models import Device
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from aetos import twofactor
from tests.factories import staff
from tests.races import PATIENCE, at_once, failures

pytestmark = pytest.mark.django_db(transaction=True)


def enrolled() -> tuple[User, bytes, list[str]]:
    """Make Ann, with an app and recovery codes."""
    ann, key = staff("ann"), twofactor.new_key()
    _, codes = twofactor.enrol(ann, key, f"{totp(bytes.fromhex(key)):06d}")
    return ann, bytes.fromhex(key), codes


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_eight_browsers_type_one_code_and_one_is_let_in(kind: str) -> None:
    ann, key, codes = enrolled()
    code = codes[0] if kind == "recovery" else f"{totp(key, t0=-30):06d}"
    results = at_once(8, lambda number: twofactor.check(ann, code))
    assert len([each for each in results if isinstance(each, Device)]) == 1
    assert {type(each) for each in failures(results)} <= {twofactor.WrongCode, twofactor.TooFast}
    assert StaticToken.objects.count() == (9 if kind == "recovery" else 10)


def test_without_the_lock_two_browsers_spend_one_code(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, _, codes = enrolled()
    both_have_read, delete = threading.Barrier(2), StaticToken.delete

    def late(token: StaticToken, *args: Any, **kwargs: Any) -> Any:
        both_have_read.wait(PATIENCE)
        return delete(token, *args, **kwargs)

    monkeypatch.setattr(StaticToken, "delete", late)
    results = at_once(2, lambda number: StaticDevice.objects.get(user=ann).verify_token(codes[0]))
    assert results == [True, True]


def test_four_browsers_enrol_and_one_app_is_kept() -> None:
    ann = staff("ann")
    keys = [twofactor.new_key() for _ in range(4)]

    def enrol(number: int) -> Any:
        return twofactor.enrol(ann, keys[number], f"{totp(bytes.fromhex(keys[number])):06d}")

    results = at_once(4, enrol)
    assert len([each for each in results if isinstance(each, tuple)]) == 1
    assert {type(each) for each in failures(results)} == {twofactor.AlreadyEnrolled}
    assert (TOTPDevice.objects.count(), StaticToken.objects.count()) == (1, twofactor.RECOVERY_CODES)
