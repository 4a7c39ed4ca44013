"""The demo's owner, against the product itself: what is done, what is left, and that a restart doubles nothing."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrations import outbox, relay
from integrations.channels import TELEGRAM_FILES
from integrations.models import InboxMessage
from integrations.simulators import Simulators, backlog, habits, owner, pictures
from integrations.simulators.desk import Desk
from integrations.simulators.faults import parse
from integrations.simulators.feed import demo_items
from integrations.telegram_chat import say
from listings import lifecycle
from listings.models import LedgerLine, ProductListing
from listings.states import State
from tests.factories import make_listing, rows, staff, token

CHAT = 1000002
Make = Callable[..., owner.Owner]


@pytest.fixture
def quick() -> Iterator[Simulators]:
    """The partners, none of whom does anything unasked; a minute of theirs is nothing to their owner."""
    with Simulators("http://127.0.0.1:9", time_scale=1_000_000.0) as running:
        yield running


@pytest.fixture
def hire(quick: Simulators, live_server: Any, settings: Any, tmp_path: Path) -> Make:
    """Return a function that puts an owner in front of the running product, with no memory of another's acts."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "chatterbot": [quick.keys.chatterbot_webhook_key]}
    settings.EBAY_API_URL, settings.EBAY_API_KEY = quick.url("ebaylister"), quick.keys.ebay_api_key
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = quick.keys.telegram_bot_token, str(CHAT)
    settings.TELEGRAM_WEBHOOK_SECRETS = [quick.keys.telegram_webhook_secret]
    settings.TELEGRAM_API_URL = quick.url("telegram")
    quick.world.orchestrator_url = live_server.url
    key = token(staff("demo-owner", group="Operators"))["authorization"].removeprefix("Token ")

    def make(given: str = key) -> owner.Owner:
        return owner.Owner(Desk(quick.world, given), quick.chatterbot, quick.telegram)

    return make


@pytest.fixture
def no_deals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was agreed before."""
    monkeypatch.setattr(owner, "deals", tuple)


def link(wanted: Callable[[habits.Habits], bool]) -> str:
    """Return the link of an item whose owner has the habits that are wanted."""
    urls = (
        f"https://www.facebook.com/marketplace/item/{number}/" for number in range(7 * 10**14, 8 * 10**14)
    )
    return next(url for url in urls if wanted(habits.foreseen(url)))


def state_of(listing: ProductListing) -> str:
    return str(ProductListing.objects.get(pk=listing.pk).state)


@pytest.mark.django_db(transaction=True)
def test_deals_made_before_are_told_once_their_items_are_found(hire: Make, quick: Simulators) -> None:
    hire().look()
    assert not ProductListing.objects.exists()
    items = {item.id: item for item in demo_items()}
    first, second = (items[deal.item_id] for deal in backlog.deals()[:2])
    bought = make_listing(url=first.url, title=first.title, price=first.price)
    gone = make_listing(State.CANCELLED, url=second.url, title=second.title, price=second.price)

    there = hire()
    there.look()

    assert bought.history.filter(to_state=State.PURCHASED, triggered_by="chatterbot").exists()
    price = ProductListing.objects.get(pk=bought.pk).purchase_price
    assert price == Decimal(backlog.deals()[0].agreed_price) < Decimal(first.price or 0)
    assert state_of(gone) == State.CANCELLED
    before = rows()
    restarted = hire()
    restarted.recall(there.remembered())
    restarted.look()
    hire().look()
    told = [call for call in quick.chatterbot.calls if call.path.endswith("deal-confirmed")]
    assert len(told) == 1
    assert rows()["TransitionLog"] == before["TransitionLog"]


@pytest.mark.django_db(transaction=True)
def test_most_cameras_are_photographed_and_some_are_left(hire: Make, no_deals: None) -> None:
    mine = make_listing(State.PURCHASED, url=link(lambda habit: habit.photographs and not habit.by_telegram))
    left = make_listing(State.PURCHASED, url=link(lambda habit: not habit.photographs))

    there = hire()
    there.look()

    assert (state_of(mine), state_of(left)) == (State.RECEIVED, State.PURCHASED)
    told = [message for message in InboxMessage.objects.all() if message.kind == "deal-failed"]
    assert [(message.status, message.subject) for message in told] == [("conflict", left.pk)]
    assert mine.photos.count() == habits.foreseen(mine.marketplace_url).photos
    assert set(mine.photos.values_list("width", "height")) == {(1280, 960)}
    there.look()
    hire().look()
    assert mine.photos.count() == habits.foreseen(mine.marketplace_url).photos


@pytest.mark.django_db(transaction=True)
def test_photos_go_to_the_chat_and_to_the_desk_where_that_comes_to_nothing(
    hire: Make, no_deals: None, quick: Simulators
) -> None:
    listing = make_listing(State.PURCHASED, url=link(lambda habit: habit.photographs and habit.by_telegram))
    digest = quick.telegram.chat.said(CHAT, {"is_bot": True}, text="Two finds: one [ABCDEF], two [GHJKLM]")
    there = hire()

    there._photograph(there.desk.listings("PURCHASED")[0], habits.foreseen(listing.marketplace_url))
    sent = [call.body["message"] for call in quick.telegram.calls]
    assert {message["chat"]["id"] for message in sent} == {CHAT}
    assert [message.get("caption", "") for message in sent if message.get("caption")] == [
        f"{listing.short_code} has arrived"
    ]
    assert len({message["media_group_id"] for message in sent}) == 1
    assert not any("reply_to_message" in message for message in sent)
    assert digest["message_id"] not in [message["message_id"] for message in sent]

    there.look()

    assert state_of(listing) == State.RECEIVED
    assert len(quick.telegram.calls) == len(sent)


@pytest.mark.django_db(transaction=True)
def test_a_photo_replies_to_the_message_about_its_listing(
    hire: Make, no_deals: None, quick: Simulators
) -> None:
    listing = make_listing(State.PURCHASED, url=link(lambda habit: habit.photographs and habit.by_telegram))
    other = make_listing(State.PURCHASED, url=listing.marketplace_url.replace("item/7", "item/6"))
    outbox.put(say(f"Bought: {listing.title} [{listing.short_code}]", subject=listing.pk))
    relay.serve("telegram")
    about = quick.telegram.sent[-1]
    there = hire()

    there._photograph(there.desk.listings("PURCHASED")[1], habits.foreseen(listing.marketplace_url))
    there._send_photos(there.desk.listings("PURCHASED")[0], [pictures.camera(160, 120)])
    first = quick.telegram.calls[0].body["message"]
    assert first["reply_to_message"]["message_id"] == about["message_id"]
    relay.serve(TELEGRAM_FILES)
    arrow = listing.history.get(to_state=State.RECEIVED)
    assert arrow.triggered_by.startswith("telegram:")
    assert listing.photos.count() == habits.foreseen(listing.marketplace_url).photos
    assert (state_of(other), other.photos.count()) == (State.RECEIVED, 1)


@pytest.mark.django_db(transaction=True)
def test_a_received_camera_is_repaired_once_and_listed(hire: Make, no_deals: None, quick: Simulators) -> None:
    url = link(
        lambda habit: habit.photographs and not habit.by_telegram and habit.lists and bool(habit.repair)
    )
    listing = make_listing(State.PURCHASED, url=url)
    quick.ebaylister.faults.switch(parse({"outcome": "unsold"}, quick.ebaylister.outcomes))

    there, forgetful = hire(), hire()
    there.look()
    forgetful.recall({act: at for act, at in there.done.items() if act.startswith("photos")})
    forgetful.look()
    relay.serve("ebaylister")
    there.look()

    listed = ProductListing.objects.get(pk=listing.pk)
    assert listed.state == State.LISTED
    assert listed.ebay_asking_price == habits.price_to_ask("400", "100") == Decimal("499.00")
    repairs = LedgerLine.objects.get(listing=listing, kind=LedgerLine.Kind.REPAIRS)
    assert (repairs.by, str(repairs.amount)) == ("user:demo-owner", (habits.foreseen(url).repair or ("",))[0])
    assert len(quick.ebaylister.listings) == 1


@pytest.mark.django_db(transaction=True)
def test_what_does_not_sell_gets_cheaper_and_the_oldest_is_given_up(
    hire: Make, no_deals: None, quick: Simulators
) -> None:
    quick.ebaylister.faults.switch(parse({"outcome": "unsold"}, quick.ebaylister.outcomes))
    own = lambda habit: habit.photographs and not habit.by_telegram and habit.lists  # noqa: E731
    oldest = make_listing(State.PURCHASED, url=link(own))
    there = hire()
    there.look()
    relay.serve("ebaylister")
    newest = make_listing(State.LISTED)

    there.look()
    relay.serve("ebaylister")

    assert [offer.status for offer in quick.ebaylister.listings] == ["ended"]
    assert ProductListing.objects.get(pk=oldest.pk).ebay_asking_price == habits.cheaper(Decimal("499.00"))
    there.look()
    assert f"end {newest.pk}" not in there.done
    assert f"end {oldest.pk}" in there.done


@pytest.mark.django_db(transaction=True)
def test_the_cheapest_of_the_first_four_sales_comes_back_once(hire: Make, no_deals: None) -> None:
    sales = [make_listing(State.LISTED) for _ in range(4)]
    for listing, price in zip(sales[:3], (300, 200, 400), strict=True):
        lifecycle.sell(listing.pk, by="user:test", ebay_sold_price=Decimal(price))
    there, forgetful = hire(), hire()
    for own in (there, forgetful):
        own.recall({f"list {listing.pk}": 1.0 for listing in sales})
    there.look()
    assert not LedgerLine.objects.filter(kind=LedgerLine.Kind.REFUND).exists()
    lifecycle.sell(sales[3].pk, by="user:test", ebay_sold_price=Decimal(500))

    make_listing(State.SOLD)
    there.look()
    there.look()
    forgetful.look()

    returned = ProductListing.objects.filter(returned_at__isnull=False)
    assert [listing.pk for listing in returned] == [sales[1].pk]
    refund = LedgerLine.objects.get(kind=LedgerLine.Kind.REFUND)
    assert refund.amount == Decimal("200.00")
    assert (returned[0].final_profit or 0) < 0


@pytest.mark.django_db(transaction=True)
def test_who_may_not_writes_nothing_and_does_not_ask_again(hire: Make, no_deals: None) -> None:
    make_listing(State.PURCHASED, url=link(lambda habit: habit.photographs and not habit.by_telegram))
    viewer = token(staff("looks-only", group="Viewers"))["authorization"].removeprefix("Token ")
    there, before = hire(viewer), rows()

    there.look()
    asked = dict(there.done)
    there.look()

    assert rows() == before
    assert there.done == asked != {}


def test_what_was_not_heard_is_tried_again(no_deals: None, quick: Simulators) -> None:
    there = owner.Owner(Desk(quick.world, "a-token"), quick.chatterbot, quick.telegram)
    there.look()
    there._once("list x", lambda: there.desk.ask("POST", "/x/transition", json={}))
    there._book("x", "repairs", "ledger", {})
    assert there.done == {}


def test_the_owner_goes_home_when_the_world_ends(no_deals: None, quick: Simulators) -> None:
    there = owner.Owner(Desk(quick.world, "a-token"), quick.chatterbot, quick.telegram)
    quick.run(there.run)
    quick.world.pause(0.02)
    quick.close()
    assert not [thread for thread in quick.world._acting if thread.is_alive()]
