"""What is answered where the database is away, or can't be written."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

PASSWORD = "not the right one"


@pytest.mark.django_db
def test_a_database_that_cannot_be_written_is_503_and_says_what_to_look_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*arguments: Any, **options: Any) -> Any:
        raise OperationalError("could not extend file: No space left on device")

    monkeypatch.setattr("django.contrib.auth.models.User.objects.get_by_natural_key", full)

    answer = Client(raise_request_exception=False).post(
        "/staff/login/", {"username": "ann", "password": PASSWORD}
    )

    assert answer.status_code == 503
    assert "The database is away, or its disk is full." in answer.content.decode()
    assert "extend file" not in answer.content.decode()
