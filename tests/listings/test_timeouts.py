"""What ends by itself: 168 and 336 hours by the database's clock, one bad row stopping nobody."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from listings import timeouts
from listings.models import ProductListing, TransitionLog
from listings.states import State
from listings.tasks import cancel_overdue
from tests.factories import make_listing, rows

pytestmark = pytest.mark.django_db


def is_overdue(*listings: ProductListing) -> None:
    for listing in listings:
        ProductListing.objects.filter(pk=listing.pk).update(
            deadline_at=listing.state_changed_at - timedelta(microseconds=1)
        )


@pytest.mark.parametrize(("state", "hours"), [(State.MESSAGING, 168), (State.NEGOTIATING, 336)])
def test_the_deadline_is_hours_after_the_state_was_entered(state: State, hours: int) -> None:
    listing = make_listing(state)
    assert listing.deadline_at is not None
    assert listing.deadline_at - listing.state_changed_at == timedelta(hours=hours)


def test_the_days_can_be_set(settings: Any) -> None:
    settings.MESSAGING_TIMEOUT_DAYS, settings.NEGOTIATING_TIMEOUT_DAYS = 1, 2
    for state, days in ((State.MESSAGING, 1), (State.NEGOTIATING, 2)):
        listing = make_listing(state)
        assert listing.deadline_at is not None
        assert listing.deadline_at - listing.state_changed_at == timedelta(days=days)


@pytest.mark.parametrize("state", State)
def test_only_what_is_overdue_is_cancelled(state: State) -> None:
    make_listing(state)
    before = rows()
    assert timeouts.cancel_overdue() == 0
    assert rows() == before


def test_the_overdue_are_cancelled_and_it_is_said_why() -> None:
    listings = [make_listing(state) for state in (State.MESSAGING, State.NEGOTIATING)]
    make_listing(State.MESSAGING)
    is_overdue(*listings)
    assert cancel_overdue() == 2
    for listing in listings:
        after = ProductListing.objects.get(pk=listing.pk)
        assert (after.state, after.deadline_at) == ("CANCELLED", None)
        log = TransitionLog.objects.get(listing=listing, to_state="CANCELLED")
        assert log.triggered_by == "timeout"
        assert "No answer" in log.metadata["reason"]
    assert ProductListing.objects.filter(state="MESSAGING").count() == 1
    assert cancel_overdue() == 0


def test_by_hand() -> None:
    is_overdue(make_listing(State.MESSAGING))
    said = StringIO()
    call_command("cancel_overdue", stdout=said)
    assert said.getvalue() == "1 cancelled\n"


def test_one_row_that_fails_never_stops_the_rest() -> None:
    listings = [make_listing(State.MESSAGING) for _ in range(3)]
    is_overdue(*listings)
    broken = listings[1]
    with connection.cursor() as cursor:
        refuse_to_cancel(cursor, broken)
    assert timeouts.cancel_overdue() == 2
    assert ProductListing.objects.get(pk=broken.pk).state == "MESSAGING"


def refuse_to_cancel(cursor: Any, listing: ProductListing) -> None:
    """Make the database refuse to cancel one listing."""
    if connection.vendor == "postgresql":
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$"
        )
        when = f"NEW.state = 'CANCELLED' AND NEW.id = '{listing.pk}'"
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON listings_productlisting FOR EACH ROW "
            f"WHEN ({when}) EXECUTE FUNCTION refuse()"
        )
    else:
        when = f"NEW.state = 'CANCELLED' AND NEW.id = '{listing.pk.hex}'"
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON listings_productlisting FOR EACH ROW "
            f"WHEN {when} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
