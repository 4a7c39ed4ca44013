"""JSON is written quickly where that can be, and correctly everywhere."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import jsontext

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(PLAIN)
def test_what_is_read_back_is_what_was_written(value: Any) -> None:
    assert json.loads(jsontext.dumps(value)) == value
    assert json.loads(jsontext.dumps(value, indent=True)) == value


@pytest.mark.parametrize("value", [2**64, -(2**80), "lone \ud800 surrogate", {1: "a key that is no text"}])
def test_what_the_quick_writer_refuses_is_written_all_the_same(value: Any) -> None:
    assert json.loads(jsontext.dumps([value])) == json.loads(json.dumps([value]))


def test_times_and_ids_are_texts() -> None:
    at = datetime(2026, 3, 1, 12, 0, 0, 5, UTC)
    written = json.loads(jsontext.dumps({"at": at, "full": at.replace(microsecond=0), "id": UUID(int=7)}))
    assert written == {
        "at": "2026-03-01T12:00:00.000005Z",
        "full": "2026-03-01T12:00:00Z",
        "id": "00000000-0000-0000-0000-000000000007",
    }


def test_what_nobody_can_write_is_an_error() -> None:
    with pytest.raises(TypeError):
        jsontext.dumps({"amount": Decimal(1)})
    assert jsontext.dumps({"amount": Decimal(1)}, str) == b'{"amount":"1"}'
