"""Read element by element, JSON says what it says when it is read at once."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations import lazyjson
from integrations.lazyjson import LazyArray

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
TEXTS = st.text(st.sampled_from('{}[]:," \n1a\\nt"matches'), max_size=30)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: list(each) if isinstance(each, LazyArray) else each for name, each in value.items()}
    return value


@given(
    VALUES | st.fixed_dictionaries({"matches": VALUES}, optional={"a": VALUES, "z": VALUES}),
    st.sampled_from([None, 1]),
)
def test_the_value_is_the_same(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent).encode()
    assert plain(lazyjson.loads(text, "matches")) == json.loads(text)


@given(
    TEXTS | TEXTS.map(lambda text: f'{{"matches": [1, {text}') | TEXTS.map(lambda text: f'{{"a": {text}}}')
)
@example('{"matches": [1], "matches": [2, 3]}')
@example('{"a": 1,}')
@example('{"matches": []} ')
@example('{"matches": [,]}')
@example("{1: 2}")
@example("")
def test_what_one_refuses_the_other_refuses(text: str) -> None:
    try:
        wanted = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):
            lazyjson.loads(text.encode(), "matches")
    else:
        assert plain(lazyjson.loads(text.encode(), "matches")) == wanted


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-be"])
def test_every_encoding_that_json_may_have(encoding: str) -> None:
    text = '{"job": "Łódź", "matches": [{"a": "\U0001f4f7"}]}'
    assert plain(lazyjson.loads(text.encode(encoding), "matches")) == json.loads(text)


def test_elements_are_read_again_and_let_go() -> None:
    found = lazyjson.loads(b'{"matches": [[1], {"a": 2}]}', "matches")["matches"]
    assert len(found) == 2
    assert list(found) == list(found) == [[1], {"a": 2}]
    found.clear()
    assert (len(found), list(found)) == (0, [])
