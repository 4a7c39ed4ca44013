"""The audit of dependencies fails closed: no answer is not a clean one."""

import json

import pytest

from tests import dependencies

FINE = {"name": "django", "version": "5.2.19", "vulns": []}
HOLE = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([FINE], dependencies.CLEAN),
        ([FINE, HOLE], dependencies.HOLES),
        ([], dependencies.NOT_ASKED),
        ([FINE, {"name": "celery", "skip_reason": "not found"}], dependencies.NOT_ASKED),
    ],
)
def test_what_was_found_decides(found: list[object], status: int) -> None:
    assert dependencies.verdict(json.dumps({"dependencies": found}), "") == status


@pytest.mark.parametrize("said", ["", "no JSON", "[]", "{}", '{"dependencies": 1}'])
def test_without_an_answer_nothing_is_known(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dependencies.verdict(said, "ConnectionError: no route") == dependencies.NOT_ASKED
    assert "NOT AUDITED" in capsys.readouterr().err


def test_a_hole_is_named_with_what_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    dependencies.verdict(json.dumps({"dependencies": [HOLE]}), "")
    assert "pillow 1.0: PYSEC-1, mended in 1.1" in capsys.readouterr().out
