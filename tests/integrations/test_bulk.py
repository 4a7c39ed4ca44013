"""Rows in plain values are the rows that the ORM writes, on either database."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from integrations import bulk, clock
from integrations.bulk import JsonText
from integrations.models import OutboxMessage
from tests.aetos.processes import PATIENCE

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
TEXTS = [
    "",
    "plain",
    "tab\t, line\n, return\r",
    "back\\slash \\N \\. \\t",
    "quotes \" and '",
    "é \U0001f4f7",
    "\x07",
]


def row(**changes: Any) -> dict[str, Any]:
    return {
        "event_id": uuid.uuid4(),
        "channel": "events",
        "topic": "a.topic",
        "key": "k",
        "body": {"a": [1, None, "é"]},
        "created_at": AT,
        **changes,
    }


def columns(message: OutboxMessage) -> dict[str, Any]:
    kept = {field.attname: getattr(message, field.attname) for field in OutboxMessage._meta.concrete_fields}
    return {name: value for name, value in kept.items() if name not in ("id", "event_id", "next_attempt_at")}


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_row_as_the_orms(text: str) -> None:
    changes = {"key": text, "body": {"text": text}}
    OutboxMessage.objects.bulk_create([OutboxMessage(**row(**changes))])
    bulk.insert(OutboxMessage, [row(**changes)])
    one, other = OutboxMessage.objects.order_by("id")
    assert columns(one) == columns(other)
    assert other.next_attempt_at  # by the database's default


def test_json_text_is_not_written_twice() -> None:
    bulk.insert(OutboxMessage, [row(body=JsonText('{"a": "\\u00e9"}')), row(body={"a": "é"})])
    assert [message.body for message in OutboxMessage.objects.all()] == [{"a": "é"}] * 2


def test_each_row_gets_a_default_of_its_own() -> None:
    rows = [{name: value for name, value in row().items() if name != "event_id"} for _ in range(3)]
    bulk.insert(OutboxMessage, rows)
    assert len(set(OutboxMessage.objects.values_list("event_id", flat=True))) == 3


def test_in_the_order_given() -> None:
    bulk.insert(OutboxMessage, [row(key=str(number)) for number in range(500)])
    keys = OutboxMessage.objects.order_by("id").values_list("key", flat=True)
    assert list(keys) == [str(number) for number in range(500)]


def test_nothing_is_nothing() -> None:
    bulk.insert(OutboxMessage, [])
    assert not OutboxMessage.objects.exists()


def test_one_that_is_there_already_refuses_all() -> None:
    twice = row()
    bulk.insert(OutboxMessage, [twice])
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert(OutboxMessage, [row(), twice])
    assert OutboxMessage.objects.count() == 1


@pytest.mark.parametrize("count", [1, bulk.COPY_FROM, bulk.COPY_FROM + bulk.PORTION + 1])
def test_rows_may_be_made_as_they_are_taken(count: int) -> None:
    made = (row(key=str(number)) for number in range(count))
    bulk.insert(OutboxMessage, made)
    assert OutboxMessage.objects.count() == count
    assert next(made, None) is None


def test_what_fails_while_rows_are_made_leaves_none() -> None:
    def made() -> Iterator[dict[str, Any]]:
        yield from (row() for _ in range(bulk.COPY_FROM + bulk.PORTION))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        bulk.insert(OutboxMessage, made())
    assert not OutboxMessage.objects.exists()


def test_one_row_tells_its_key() -> None:
    key = bulk.insert_one(OutboxMessage, row(key="first"))
    assert OutboxMessage.objects.get(pk=key).key == "first"


def test_what_is_changed_is_what_has_all_the_values() -> None:
    bulk.insert(
        OutboxMessage, [row(key="a", topic="one"), row(key="a", topic="two"), row(key="b", topic="two")]
    )
    new = {"body": {"told": ["Ł", 1]}, "last_error": "%s", "attempts": 3}
    assert bulk.change(OutboxMessage, {"key": "a", "topic": "two"}, new, now=("delivered_at",)) == 1
    changed = OutboxMessage.objects.get(key="a", topic="two")
    assert {name: getattr(changed, name) for name in new} == new
    assert changed.delivered_at is not None
    assert abs(changed.delivered_at - clock.now()).total_seconds() < PATIENCE
    assert OutboxMessage.objects.filter(attempts=0, delivered_at=None).count() == 2


def test_where_nothing_has_the_values_nothing_is_changed() -> None:
    bulk.insert(OutboxMessage, [row(key="a")])
    assert bulk.change(OutboxMessage, {"key": "b"}, {"attempts": 3}) == 0
    assert OutboxMessage.objects.get().attempts == 0
