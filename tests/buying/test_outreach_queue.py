"""Whom to write to next: the best first, within the hour, the day and the budget, unless somebody said stop."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrations import clock
from integrations.models import OutboxMessage
from listings import lifecycle, outreach
from listings.models import Approval, KillSwitch, OutreachSettings, ProductListing
from listings.states import State
from listings.tasks import run_outreach
from tests.buying.conftest import arrows, fresh, stranger
from tests.factories import a_job, a_match, make_listing, rows

pytestmark = pytest.mark.django_db


def limits(**changes: Any) -> None:
    OutreachSettings.load()
    OutreachSettings.objects.update(**changes)


def approved(count: int = 1, **match: Any) -> list[ProductListing]:
    listings = [make_listing(**match) for _ in range(count)]
    for listing in listings:
        outreach.approve(listing.pk, by="user:ann")
    return listings


def one(**match: Any) -> ProductListing:
    return approved(1, **match)[0]


def queue() -> list[tuple[int, uuid.UUID, str]]:
    return [(each.place, each.listing.pk, each.reason) for each in outreach.summary()["waiting"]]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets the clock of the limits forward."""
    now = clock.now

    def move(**by: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: now() + timedelta(**by))

    return move


# ---- the order ----------------------------------------------------------------------------------


def test_what_is_left_of_a_profit_after_fee_and_postage() -> None:
    listing = make_listing(price=400, potential_profit=100, confidence=95)
    limits(ebay_fee_percent=Decimal("12.85"), postage=Decimal("8.50"))
    (row,) = outreach.with_net_estimate(ProductListing.objects.all(), OutreachSettings.load())
    assert (row.pk, row.net_estimate, row.score) == (
        listing.pk,
        pytest.approx(Decimal("27.25")),
        pytest.approx(Decimal("25.8875"), abs=Decimal("0.0001")),
    )


def test_the_best_go_first_by_net_estimate_and_confidence() -> None:
    sure = one(price=400, potential_profit=100, confidence=95)  # 27.50 × 0.95 = 26.13
    rich = one(price=400, potential_profit=120, confidence=80)  # 44.94 × 0.80 = 35.95
    doubtful = one(price=400, potential_profit=120, confidence=50)  # 44.94 × 0.50 = 22.47
    dear = one(price=2000, potential_profit=300, confidence=95)  # −2.90: the fee eats it
    unknown = one(price=400, potential_profit=None, confidence=99)
    limits(hourly_rate=10)
    order = [rich.pk, sure.pk, doubtful.pk, dear.pk, unknown.pk]
    assert [listing_id for _, listing_id, _ in queue()] == order
    assert outreach.run() == order


def test_it_goes_through_the_door_in_the_approvers_name() -> None:
    listing = one()
    assert run_outreach() == 1
    last = listing.history.latest("sequence")
    assert (last.to_state, last.triggered_by) == ("MESSAGING", "user:ann")
    assert last.metadata == {"reason": "its turn in the outreach queue"}
    assert OutboxMessage.objects.filter(topic="chatterbot.send_lead", key=str(listing.pk)).count() == 1


# ---- into the queue and out of it ---------------------------------------------------------------


@pytest.mark.parametrize("state", [state for state in State if state != State.FOUND])
def test_only_a_found_listing_can_be_approved(state: State) -> None:
    listing = make_listing(state)
    before = rows()
    with pytest.raises(outreach.NotFoundState, match=State(state).label):
        outreach.approve(listing.pk, by="user:ann")
    assert rows() == before


def test_an_unknown_listing_cannot_be_approved() -> None:
    with pytest.raises(ProductListing.DoesNotExist):
        outreach.approve(stranger(), by="user:ann")
    assert not Approval.objects.exists()


def test_approved_twice_it_waits_once_and_the_first_name_stands() -> None:
    listing = one()
    assert outreach.approve(listing.pk, by="telegram:bob").approved_by == "user:ann"
    assert Approval.objects.count() == 1


def test_it_can_be_withdrawn() -> None:
    listing = one()
    assert outreach.withdraw(listing.pk)
    assert not outreach.withdraw(listing.pk)
    assert (queue(), outreach.run()) == ([], [])


def test_what_is_cancelled_or_messaged_otherwise_leaves_the_queue(tell: Any) -> None:
    gone, by_hand, told, stays = approved(4)
    lifecycle.cancel(gone.pk, by="user:ann")
    lifecycle.message_seller(by_hand.pk, by="user:ann")
    tell("message-sent", listing_id=str(told.pk))
    assert [listing_id for _, listing_id, _ in queue()] == [stays.pk]
    assert outreach.run() == [stays.pk]
    assert arrows(by_hand) == ["FOUND", "MESSAGING"]


def test_without_a_price_nothing_goes_by_itself(post_job: Any) -> None:
    listing = one(number=77, price=None, potential_profit=None)
    assert outreach.run() == []
    assert queue() == [(1, listing.pk, "No price is known: message by hand, or wait for one")]
    post_job(a_job(a_match(77, price=300.0)))
    assert outreach.run() == [listing.pk]


# ---- the hour and the day -----------------------------------------------------------------------


def test_five_an_hour(later: Any) -> None:
    approved(12)
    assert [len(outreach.run()), len(outreach.run())] == [5, 0]
    slot = outreach.limits_now(OutreachSettings.load()).next_slot_at
    assert slot
    assert abs(slot - clock.now() - timedelta(hours=1)) < timedelta(minutes=10)
    later(minutes=59)
    assert outreach.run() == []
    later(minutes=61)
    assert outreach.limits_now(OutreachSettings.load()).hour_left == 5
    assert {reason for *_, reason in queue()} == {
        "Goes within a minute",
        "Waits for its turn in the hourly rate",
    }


def test_messages_by_hand_count_and_go_at_once() -> None:
    approved(6)
    for _ in range(3):
        lifecycle.message_seller(make_listing().pk, by="user:ann")
    assert len(outreach.run()) == 2
    for _ in range(2):  # over the rate, all the same at once
        assert make_listing(State.MESSAGING).state == State.MESSAGING
    assert outreach.run() == []
    assert outreach.limits_now(OutreachSettings.load()).hour_left == 0


def test_what_chatterbot_did_of_itself_does_not_count(tell: Any) -> None:
    approved(5)
    for kind in ("message-sent", "seller-replied"):
        tell(kind, listing_id=str(make_listing().pk))
    assert len(outreach.run()) == 5


def test_the_daily_cap(later: Any) -> None:
    limits(daily_cap=7)
    approved(9)
    assert len(outreach.run()) == 5
    later(hours=2)
    assert len(outreach.run()) == 2
    later(hours=4)
    assert outreach.run() == []
    assert {reason for *_, reason in queue()} == {"The daily cap is reached"}
    later(hours=25)
    assert len(outreach.run()) == 2


@pytest.mark.parametrize("changes", [{"hourly_rate": 0}, {"daily_cap": 0}, {"budget": 0}])
def test_zero_is_none(changes: dict[str, int]) -> None:
    limits(**changes)
    approved(2)
    assert outreach.run() == []
    assert len(queue()) == 2


# ---- the budget ---------------------------------------------------------------------------------


def test_the_budget_stops_the_queue_and_the_cheaper_do_not_overtake() -> None:
    limits(budget=1000)
    first = one(price=400, potential_profit=400)
    dear = one(price=700, potential_profit=400)
    cheap = one(price=10, potential_profit=20)
    assert queue() == [
        (1, first.pk, "Goes within a minute"),
        (2, dear.pk, "The budget has 600.00 left"),
        (3, cheap.pk, "Waits behind a listing that the budget cannot take yet"),
    ]
    assert outreach.run() == [first.pk]
    assert outreach.run() == []
    lifecycle.cancel(first.pk, by="user:ann")
    assert outreach.run() == [dear.pk, cheap.pk]


def test_what_is_bound() -> None:
    make_listing()  # found: nothing yet
    make_listing(State.MESSAGING, price=400)
    make_listing(State.NEGOTIATING, price=None)
    make_listing(State.PURCHASED, price=400)  # bought for 350
    make_listing(State.RECEIVED, price=400)
    make_listing(State.CANCELLED, price=400)
    assert outreach.money_bound() == 750
    limits(budget=1000)
    assert outreach.limits_now(OutreachSettings.load()).budget_left == 250


def test_exactly_the_budget_goes() -> None:
    limits(budget=400)
    (listing,) = approved(1, price=400)
    assert outreach.run() == [listing.pk]


# ---- the kill switch ----------------------------------------------------------------------------


def test_the_kill_switch() -> None:
    (listing,) = approved(1)
    outreach.stop(by="user:ann", reason="Chatterbot writes nonsense")
    outreach.stop(by="telegram:bob", reason="me too")  # the first reason stands

    switch = KillSwitch.objects.get()
    assert (switch.thrown_by, switch.reason) == ("user:ann", "Chatterbot writes nonsense")
    assert (run_outreach(), run_outreach()) == (0, 0)
    assert queue() == [(1, listing.pk, "Outreach is stopped by user:ann: Chatterbot writes nonsense")]
    assert lifecycle.message_seller(make_listing().pk, by="user:ann")  # a person may all the same
    assert outreach.resume(by="user:cleo")
    assert not outreach.resume(by="user:cleo")
    switch.refresh_from_db()
    assert (switch.lifted_by, switch.lifted_at is None) == ("user:cleo", False)
    assert outreach.run() == [listing.pk]
    outreach.stop(by="user:ann", reason="again")
    assert KillSwitch.objects.count() == 2


# ---- what waits, and why ------------------------------------------------------------------------


def test_each_has_its_place_and_its_reason() -> None:
    limits(hourly_rate=2)
    listings = approved(4)
    assert queue() == [
        (1, listings[0].pk, "Goes within a minute"),
        (2, listings[1].pk, "Goes within a minute"),
        (3, listings[2].pk, "Waits for its turn in the hourly rate"),
        (4, listings[3].pk, "Waits for its turn in the hourly rate"),
    ]
    outreach.run()
    assert queue() == [
        (1, listings[2].pk, "Waits for its turn in the hourly rate"),
        (2, listings[3].pk, "Waits for its turn in the hourly rate"),
    ]
    shown = outreach.summary()
    assert (shown["limits"].hour_left, len(shown["waiting"])) == (0, 2)
    assert fresh(listings[0]).state == State.MESSAGING
