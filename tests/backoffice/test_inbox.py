"""The inbox's pages, and "process again"."""

from typing import Any

import pytest
from django.test import Client

from integrations import webhooks
from integrations.models import InboxMessage
from listings.models import ProductListing
from tests.backoffice.pages import INBOX, nothing_written, said
from tests.factories import a_job, a_match, dumps

pytestmark = pytest.mark.django_db


def received(body: bytes, **fields: Any) -> InboxMessage:
    """Keep a message as the webhook does."""
    return InboxMessage.objects.create(partner="scraper", kind="job-complete", body=body, **fields)


def again(client: Client, row: InboxMessage) -> Any:
    """Press the button."""
    return client.post(f"{INBOX}{row.pk}/again/")


def test_a_message_is_processed_again(operator: Client) -> None:
    row = received(dumps(a_job(a_match())), status="refused", detail="Once refused.")
    response = again(operator, row)
    assert said(response)[0].startswith('Answered 202: {"accepted": true, "created_listings": 1')
    assert ProductListing.objects.count() == 1
    assert said(again(operator, row))[-1].startswith('Answered 202: {"accepted": true, "created_listings": 0')
    assert ProductListing.objects.count() == 1


def test_a_body_that_is_still_wrong_says_so(operator: Client) -> None:
    row = received(b"<b>not JSON", status="refused")
    assert said(again(operator, row)) == ['Answered 400: {"detail": "The body is not JSON."}']
    row.refresh_from_db()
    assert row.status == "refused"


def test_a_fault_of_ours_is_told_and_the_message_kept(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = received(b"{}")

    def fails(message: Any, payload: Any) -> Any:
        raise RuntimeError("a secret detail")

    monkeypatch.setitem(webhooks.HANDLERS, ("scraper", "job-complete"), fails)
    assert said(again(operator, row)) == ["Failed on our side (RuntimeError). It stays as received."]
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("received", 1)


def test_viewers_process_nothing(viewer: Client) -> None:
    row = received(dumps(a_job(a_match())))
    with nothing_written():
        assert again(viewer, row).status_code == 403


def test_a_get_processes_nothing(operator: Client) -> None:
    row = received(dumps(a_job(a_match())))
    with nothing_written():
        assert operator.get(f"{INBOX}{row.pk}/again/").status_code == 302


def test_a_message_that_is_not_there(operator: Client) -> None:
    assert operator.post(f"{INBOX}12345/again/").status_code == 404


def test_a_message_s_page(viewer: Client) -> None:
    row = received(b'{"brands": ["Sony"]}', content_type="application/json", answer={"detail": "wrong"})
    html = viewer.get(f"{INBOX}{row.pk}/change/").content.decode()
    for part in ("&quot;brands&quot;: [", "application/json", "20 bytes", "Our answer", "&quot;wrong&quot;"):
        assert part in html


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 6),
        ({"status": "open"}, 2),
        ({"status": "conflict"}, 1),
        ({"partner": "scraper"}, 6),
        ({"partner": "chatterbot"}, 0),
    ],
)
def test_the_questions_of_staff(viewer: Client, query: dict[str, str], count: int) -> None:
    for status in InboxMessage.Status.values:
        received(b"{}", status=status)
    assert len(viewer.get(INBOX, query).context["cl"].result_list) == count
