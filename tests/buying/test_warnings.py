"""Before time is up staff are warned, once for each deadline, and may snooze it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from integrations import clock
from integrations.models import OutboxMessage
from listings import lifecycle, timeouts
from listings.models import Note, ProductListing
from listings.states import State
from listings.tasks import cancel_overdue
from tests.buying.conftest import TIMED, arrows, fresh, runs_out
from tests.factories import make_listing, rows

pytestmark = pytest.mark.django_db


# ---- the warning --------------------------------------------------------------------------------


@pytest.fixture
def telegram(settings: Any) -> None:
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "123:abc", "77"


def warnings() -> int:
    return OutboxMessage.objects.filter(channel="telegram").count()


def test_staff_are_warned_once_a_day_ahead(telegram: None, viewer: Client) -> None:
    soon, later = make_listing(State.MESSAGING), make_listing(State.MESSAGING)
    runs_out(soon, hours=23)
    runs_out(later, hours=25)
    for _ in range(3):
        assert cancel_overdue() == 0
    assert warnings() == 1
    assert soon.short_code in str(OutboxMessage.objects.get(channel="telegram").body)
    shown = viewer.get("/admin/listings?needs_attention=true").json()["listings"]
    assert [each["id"] for each in shown] == [str(soon.pk)]
    calm = viewer.get("/admin/listings?needs_attention=false").json()["listings"]
    assert [each["id"] for each in calm] == [str(later.pk)]


def test_a_moved_deadline_is_warned_of_again(telegram: None) -> None:
    listing = make_listing(State.MESSAGING)
    runs_out(listing, hours=23)
    timeouts.warn()
    lifecycle.snooze(listing.pk, by="user:ann", days=2, reason="on holiday")
    assert (timeouts.warn(), warnings()) == (0, 1)
    ProductListing.objects.update(deadline_at=F("deadline_at") - timedelta(days=2))
    assert (timeouts.warn(), timeouts.warn()) == (1, 0)
    assert warnings() == 2


def test_a_listing_that_was_snoozed_a_moment_ago_is_not_warned_of(
    telegram: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = make_listing(State.MESSAGING)
    runs_out(listing, hours=23)
    warn_one = timeouts._warn

    def snoozed_first(listing_id: Any) -> bool:
        lifecycle.snooze(listing_id, by="user:ann", days=3, reason="wait")
        return warn_one(listing_id)

    monkeypatch.setattr(timeouts, "_warn", snoozed_first)
    assert timeouts.warn() == 0
    assert warnings() == 0


def test_one_that_cannot_be_warned_of_stops_no_other(telegram: None, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = make_listing(State.MESSAGING), make_listing(State.MESSAGING)
    runs_out(bad, hours=1)
    runs_out(good, hours=2)
    tell = timeouts.telegram.warning_rows

    def fail_on_bad(listing: ProductListing) -> Any:
        if listing.pk == bad.pk:
            raise ValueError("a fault")
        return tell(listing)

    monkeypatch.setattr(timeouts.telegram, "warning_rows", fail_on_bad)
    assert timeouts.warn() == 1
    assert (fresh(bad).warned_deadline, fresh(good).warned_deadline is None) == (None, False)


# ---- snooze -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", TIMED)
@pytest.mark.parametrize(("left", "days", "then"), [(1, 2, 3), (-1, 2, 2), (10, 3, 13)])
def test_snooze_moves_the_deadline_and_says_who_and_why(
    state: State, left: int, days: int, then: int
) -> None:
    listing = make_listing(state)
    runs_out(listing, days=left)
    lifecycle.snooze(listing.pk, by="user:ann", days=days, reason="She is on holiday")

    deadline = fresh(listing).deadline_at
    assert deadline
    assert abs(deadline - clock.now() - timedelta(days=then)) < timedelta(minutes=1)
    note = Note.objects.get(listing=listing)
    assert note.by == "user:ann"
    assert note.text.endswith("UTC: She is on holiday")
    assert cancel_overdue() == 0
    assert arrows(listing)[-1] == state


@pytest.mark.parametrize("state", [state for state in State if state not in TIMED])
def test_only_what_runs_out_can_be_snoozed(state: State) -> None:
    listing = make_listing(state)
    before = rows()
    with pytest.raises(ValueError, match=f"Nothing runs out in {State(state).label}"):
        lifecycle.snooze(listing.pk, by="user:ann", days=2, reason="why not")
    assert rows() == before


def test_a_deal_in_time_is_a_deal(tell: Any) -> None:
    listing = make_listing(State.NEGOTIATING)
    runs_out(listing, seconds=-1)
    tell("deal-confirmed", listing_id=str(listing.pk), agreed_price=380)
    assert cancel_overdue() == 0
    assert fresh(listing).purchase_price == Decimal(380)
