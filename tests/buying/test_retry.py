"""`POST /admin/listings/{id}/retry`: staff have a call that failed made again."""

from typing import Any

import pytest
from django.test import Client

from integrations.models import OutboxMessage
from integrations.simulators import Simulators
from listings import lifecycle
from listings.models import Lead, Note, ProductListing
from listings.states import State
from tests.buying.conftest import call_row, fresh, posted, serve, stranger, switch, until_delivered
from tests.factories import make_listing, rows, signed_in, staff, token

pytestmark = pytest.mark.django_db


def retry(client: Client, listing_id: Any, slash: str = "") -> Any:
    return client.post(f"/admin/listings/{listing_id}/retry{slash}")


def refused(sims: Simulators, **fault: Any) -> ProductListing:
    """Return a listing whose lead Chatterbot has refused."""
    listing = make_listing(State.MESSAGING)
    switch(sims, **(fault or {"status": 400}), times=1)
    serve()
    return listing


@pytest.mark.parametrize("slash", ["", "/"])
def test_what_was_given_up_goes(sims: Simulators, operator: Client, slash: str) -> None:
    listing = refused(sims)
    assert fresh(listing).error_message
    answer = retry(operator, listing.pk, slash)

    assert answer.status_code == 202
    assert answer.json() == {"listing_id": str(listing.pk), "operations": ["chatterbot.send_lead"]}
    assert (call_row(listing).state, call_row(listing).attempts) == ("waiting", 0)
    assert serve() == 1
    assert fresh(listing).error_message is None
    assert fresh(listing).error_occurred_at is None
    assert Lead.objects.get(listing=listing).accepted_at
    note = Note.objects.get(listing=listing)
    assert (note.by, note.text) == ("user:ann", "Tried again: chatterbot.send_lead")


def test_what_is_only_failing_goes_at_once(sims: Simulators, operator: Client) -> None:
    listing = refused(sims, status=500)
    assert call_row(listing).state == "failing"
    assert retry(operator, listing.pk).status_code == 202
    assert serve() == 1


def test_a_stop_goes_too(sims: Simulators, operator: Client) -> None:
    listing = make_listing(State.MESSAGING)
    serve()
    lifecycle.cancel(listing.pk, by="user:ann")
    switch(sims, status=401, times=1)
    serve()
    assert (fresh(listing).error_message or "").startswith("Chatterbot was not stopped: ")
    assert retry(operator, listing.pk).json()["operations"] == ["chatterbot.stop_lead"]
    assert serve() == 1
    assert fresh(listing).error_message is None
    assert [row.status for row in sims.chatterbot.leads.rows.values()] == ["cancelled"]


def test_a_refusal_again_is_shown_again(sims: Simulators, operator: Client) -> None:
    listing = refused(sims)
    switch(sims, status=415, times=1)
    retry(operator, listing.pk)
    assert serve() == 0
    assert "415" in (fresh(listing).error_message or "")
    assert retry(operator, listing.pk).status_code == 202


def test_on_a_cancelled_listing_it_sends_nothing(sims: Simulators, operator: Client) -> None:
    listing = refused(sims)
    lifecycle.cancel(listing.pk, by="user:ann")
    ProductListing.objects.filter(pk=listing.pk).update(
        error_message="old", error_occurred_at="2026-01-01T00:00Z"
    )
    until_delivered()
    assert len(posted(sims)) == 1
    assert fresh(listing).error_message is None


@pytest.mark.parametrize("state", [State.FOUND, State.MESSAGING])
def test_422_where_nothing_failed(sims: Simulators, operator: Client, state: State) -> None:
    listing = make_listing(state)
    before = rows()
    answer = retry(operator, listing.pk)
    assert answer.status_code == 422
    assert answer.json() == {"detail": "No partner call of this listing has failed."}
    assert rows() == before


def test_422_after_it_went(sims: Simulators, operator: Client) -> None:
    listing = refused(sims)
    retry(operator, listing.pk)
    assert retry(operator, listing.pk).status_code == 422
    serve()
    assert retry(operator, listing.pk).status_code == 422


def test_404_where_there_is_no_such_listing(operator: Client) -> None:
    assert retry(operator, stranger()).status_code == 404


def test_who_may(sims: Simulators, viewer: Client, client: Client) -> None:
    listing = refused(sims)
    before = rows()
    assert retry(client, listing.pk).status_code == 401
    assert retry(viewer, listing.pk).status_code == 403
    assert retry(signed_in("nell"), listing.pk).status_code == 403  # staff, in no group
    path = f"/admin/listings/{listing.pk}/retry"
    by_key = client.post(path, headers={"authorization": "Bearer chatterbot-key-of-the-tests"})
    assert by_key.status_code == 401
    assert {**rows(), "Note": 0} == {**before, "Note": 0}
    assert call_row(listing).state == "given up"

    program = token(staff("otto", group="Operators"))
    assert client.post(path, headers=program).status_code == 202


def test_a_session_needs_its_csrf_token(sims: Simulators) -> None:
    listing = refused(sims)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff("olga", group="Operators"))
    assert retry(strict, listing.pk).status_code == 403
    assert OutboxMessage.objects.get(topic="chatterbot.send_lead").given_up_at is not None
