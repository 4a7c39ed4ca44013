"""A seller is forgotten in every place, and what is others', what was done and what it cost stays."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import transaction
from django.test import Client

from aetos import audit, erasure
from aetos.erasure import inbox, outbox, records
from integrations import webhooks
from integrations.models import InboxMessage, OutboxMessage, TelegramMessage
from listings.models import Lead, Photo, ProductListing, Sighting, TransitionLog
from listings.states import State
from scraping.models import InvalidMatch
from tests.factories import make_listing, rows
from tests.people.conftest import FILLED, MARKER, PLAIN, World, forget, places


@pytest.fixture
def world(db: None, fill: Callable[[], World]) -> World:
    """A world of this test's transaction."""
    return fill()


EVERY = [(module, place) for module in (inbox, outbox, records) for place in module.PLACES]
# What `details` and `other_errors` clean has been cleaned beside the bodies, unless a row is odd.
NET = (inbox.details, outbox.other_errors)


def test_without_any_one_place_something_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, place in EVERY:
        if place in NET:
            continue
        with transaction.atomic(), monkeypatch.context() as context:
            context.setattr(module, "PLACES", tuple(each for each in module.PLACES if each is not place))
            forget(world.bought.short_code)
            assert places(), place.__name__
            transaction.set_rollback(True)


def test_all_listings_of_the_seller_are_found_by_each_name(world: World) -> None:
    for name in (
        [world.bought.short_code.lower()],
        [str(world.second.pk)],
        ["--seller", f"m-{PLAIN}"],
        ["--thread", f"t-{PLAIN}"],
    ):
        said = forget(*name, "--dry-run")
        assert world.bought.short_code in said
        assert world.second.short_code in said
        assert world.other.short_code not in said
    assert places() == FILLED


def test_a_seller_of_whom_only_a_parked_callback_knows(db: None, fill: Callable[[], World]) -> None:
    world = fill()
    world.tell("message-sent", order_id=99, seller_messenger_id="m-Unheard-of", message="Hello Unheard-of")
    forget("--seller", "m-Unheard-of")
    assert places("Unheard-of") == set()
    assert places() == FILLED


@pytest.mark.parametrize(
    "name", [["ZZZZZZ"], ["--seller", "nobody"], ["00000000-0000-7000-8000-000000000000"]]
)
def test_nobody_is_forgotten_by_a_name_that_is_nobodys(world: World, name: list[str]) -> None:
    before = rows()
    with pytest.raises(CommandError):
        forget(*name)
    assert (rows(), places()) == (before, FILLED)


def test_a_talk_is_ended_and_a_purchase_is_not(world: World) -> None:
    forget(world.bought.short_code)
    states = {row.pk: row.state for row in ProductListing.objects.all()}
    assert states == {
        world.bought.pk: State.PURCHASED,
        world.second.pk: State.CANCELLED,
        world.other.pk: State.FOUND,
    }
    assert OutboxMessage.objects.filter(topic="chatterbot.send_lead").count() == 0
    assert TransitionLog.objects.order_by("-id")[0].triggered_by == erasure.BY
    assert audit.run().broken == {}


def test_what_comes_later_is_not_kept_in_rows(world: World) -> None:
    forget(world.bought.short_code)
    world.tell("seller-replied", listing_id=str(world.bought.pk), seller_messenger_id=f"m-{PLAIN}")
    assert Lead.objects.get(listing=world.bought).seller_messenger_id == ""
    world.post_job()
    assert ProductListing.objects.get(pk=world.second.pk).title == "Sony a6400"
    assert places() == {"InboxMessage.body"}  # which goes with the others of its age, or by asking again
    forget(world.bought.short_code)
    assert places() - {"InboxMessage.body"} == set()


def test_the_matches_of_others_stay_as_they_came_and_nothing_is_doubled_by_a_replay(world: World) -> None:
    kept = InboxMessage.objects.get(kind="job-complete", status="processed")
    forget(world.bought.short_code)
    matches = json.loads(InboxMessage.objects.get(pk=kept.pk).raw)["matches"]
    assert matches[2] == world.job["matches"][2]
    assert len(matches) == len(world.job["matches"])
    before, seen = rows(), Sighting.objects.count()
    answer = webhooks.reprocess(kept.pk)
    assert (answer.body["created_listings"], answer.body["skipped"]) == (0, 4)
    assert (rows(), Sighting.objects.count()) == (before, seen)
    assert world.post_job().json()["created_listings"] == 0
    assert Sighting.objects.count() == seen


def test_without_its_digest_the_body_that_is_left_would_be_taken_in_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, seen = InboxMessage.objects.get(kind="job-complete", status="processed"), Sighting.objects.count()
    with monkeypatch.context() as context:
        context.setattr("aetos.erasure.inbox.webhooks.brands_of", lambda payload: ["others"])
        forget(world.bought.short_code)
    webhooks.reprocess(kept.pk)
    assert Sighting.objects.count() > seen


def test_what_is_open_stays_open_and_can_still_be_settled(world: World) -> None:
    before = {row.pk: row.status for row in InboxMessage.objects.defer("body")}
    forget(world.bought.short_code)
    assert {row.pk: row.status for row in InboxMessage.objects.defer("body")} == before
    parked = InboxMessage.objects.get(status="parked")
    assert webhooks.process(parked.pk).keep_as == "parked"
    assert json.loads(parked.raw) == {"order_id": 77}
    assert InvalidMatch.objects.get().listing is None


def test_a_digest_keeps_what_it_says_of_others_and_the_chat_is_overwritten(world: World) -> None:
    digest = TelegramMessage.objects.order_by("id")[0]
    assert digest.subject is None
    forget(world.bought.short_code)
    digest.refresh_from_db()
    assert f"Canon R6 of somebody else [{world.other.short_code}]" in digest.text
    assert f"\n[{world.bought.short_code}]" in digest.text
    edits = OutboxMessage.objects.filter(topic="telegram.edit")
    assert edits.count() == TelegramMessage.objects.count()
    assert MARKER not in str(list(edits.values_list("body", flat=True)))


def test_a_title_that_others_have_is_left_to_them(db: None) -> None:
    one, other = make_listing(title="Sony A6400 body"), make_listing(title="Sony A6400 body")
    TelegramMessage.objects.create(chat_id=1, message_id=1, text="Sony A6400 body [OTHERS]", subject=other.pk)
    forget(one.short_code)
    assert TelegramMessage.objects.get().text == "Sony A6400 body [OTHERS]"
    assert ProductListing.objects.get(pk=other.pk).title == "Sony A6400 body"


def test_our_photos_stay_unless_they_are_the_sellers(world: World, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    for name in ("a", "b"):
        (tmp_path / f"{name}.jpg").write_bytes(b"x")
    Photo.objects.create(
        listing=world.bought,
        position=1,
        image="a.jpg",
        thumbnail="b.jpg",
        width=1,
        height=1,
        size=1,
        added_by="user:ann",
    )
    forget(world.bought.short_code)
    assert (Photo.objects.count(), len(list(tmp_path.iterdir()))) == (1, 2)
    forget(world.bought.short_code, "--with-photos", "--dry-run")
    assert (Photo.objects.count(), len(list(tmp_path.iterdir()))) == (1, 2)
    forget(world.bought.short_code, "--with-photos")
    assert (Photo.objects.count(), len(list(tmp_path.iterdir()))) == (0, 0)


def test_a_row_that_nobody_can_change_is_named(db: None) -> None:
    listing = make_listing(title=f"Sony of {MARKER}")
    from listings import lifecycle

    lifecycle.cancel(listing.pk, by="user:ann", reason=f"Sony of {MARKER} is gone")
    row = TransitionLog.objects.get(to_state="CANCELLED")
    assert f"stays, since nobody can change it: transition log, row {row.pk}" in forget(listing.short_code)
    assert places() == {"TransitionLog.metadata"}


def test_stopped_in_the_middle_it_is_run_again(
    world: World, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    def stop(seller: Any, pen: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(outbox, "PLACES", (stop,))
        with pytest.raises(KeyboardInterrupt):
            forget(world.bought.short_code)
    assert places()
    forget(world.bought.short_code)
    assert places() == set()
