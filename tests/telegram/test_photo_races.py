"""Pictures of one album at the same moment, their fetching and their answer: over real HTTP."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.query import QuerySet

from integrations import relay
from integrations.channels import TELEGRAM_FILES
from integrations.models import OutboxMessage, TelegramAlbum, TelegramPicture
from integrations.simulators import Simulators
from integrations.simulators import telegram_updates as updates
from listings import telegram_photo_answers, telegram_photo_fetch, telegram_photos
from listings.models import ProductListing
from listings.states import State
from tests.factories import make_listing
from tests.races import PATIENCE, at_once, failures, until
from tests.telegram.conftest import CHAT
from tests.telegram.photos import Pictures, a_picture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.each_database]
ALBUM = 8
Outcome = TelegramPicture.Outcome


@pytest.fixture
def live(sims: Simulators, telegram_on: None, live_server: Any, settings: Any, tmp_path: Any) -> Simulators:
    """The stand-in, which reaches us as Telegram does."""
    settings.MEDIA_ROOT = tmp_path / "media"
    sims.world.orchestrator_url = live_server.url
    return sims


def sent_at_once(live: Simulators, listing: ProductListing, number: int = 1) -> TelegramAlbum:
    """Send an album whose updates arrive all at once, one of them with the code; return its row."""

    def an_update(place: int) -> dict[str, Any]:
        message = updates.message(
            number * 100 + place,
            CHAT,
            updates.person(CHAT),
            photo=live.telegram.files.photo(a_picture()),
            media_group_id=str(number),
            caption=listing.short_code if place == ALBUM // 2 else "",
        )
        return {"update_id": number * 100 + place, "message": message}

    album = [an_update(place) for place in range(ALBUM)]
    results = at_once(ALBUM, lambda place: live.telegram.deliver(album[place]).status)
    assert not failures(results)
    assert set(results) == {200}
    return TelegramAlbum.objects.get(name=f"group/{number}")


def test_an_album_at_once_is_one_album_that_is_fetched_whole(live: Simulators) -> None:
    listing = make_listing(State.PURCHASED)
    album = sent_at_once(live, listing)
    assert album.pictures.filter(outcome=Outcome.FETCHING).count() == ALBUM
    assert relay.serve(TELEGRAM_FILES) == ALBUM
    positions = listing.photos.values_list("position", flat=True)
    assert list(positions) == list(range(1, ALBUM + 1))


@pytest.mark.postgres
def test_without_the_lock_a_picture_is_left_behind(live: Simulators, monkeypatch: pytest.MonkeyPatch) -> None:
    locking = QuerySet.select_for_update

    def lock_all_but_albums(rows: Any, *args: Any, **kwargs: Any) -> Any:
        return rows.all() if rows.model is TelegramAlbum else locking(rows, *args, **kwargs)

    together, named_in = threading.Barrier(ALBUM), telegram_photos.named_in

    def named_together(message: Any) -> Any:
        together.wait(PATIENCE)  # each has read the album and written its picture, and none has committed
        if not message.get("caption"):  # the one that gives the album its listing is the first to commit
            until(TelegramAlbum.objects.filter(subject__isnull=False).exists)
        return named_in(message)

    monkeypatch.setattr(QuerySet, "select_for_update", lock_all_but_albums)
    monkeypatch.setattr(telegram_photos, "named_in", named_together)
    listing = make_listing(State.PURCHASED)
    TelegramAlbum.objects.create(chat_id=CHAT, name="group/1", by="telegram:x")  # who makes it, locks it
    album = sent_at_once(live, listing)
    assert album.pictures.filter(outcome=Outcome.WAITING).count() == ALBUM - 1


def test_one_picture_fetched_by_several_at_once_is_one_photo(live: Simulators) -> None:
    listing = make_listing(State.PURCHASED)
    live.telegram.send_photo(listing.short_code, chat_id=CHAT, picture=a_picture())
    row = OutboxMessage.objects.get(channel=TELEGRAM_FILES)
    results = at_once(4, lambda number: telegram_photo_fetch.fetch(relay._delivery(row)))
    assert not failures(results)
    assert listing.photos.count() == 1
    assert listing.history.filter(to_state=State.RECEIVED).count() == 1


def test_of_several_sweeps_at_once_one_answers(live: Simulators) -> None:
    listing = make_listing(State.PURCHASED)
    live.telegram.send_photo(listing.short_code, chat_id=CHAT, picture=a_picture())
    live.telegram.send_photo("the front", chat_id=CHAT, picture=a_picture())
    relay.serve(TELEGRAM_FILES)
    Pictures.pass_time(timedelta(minutes=3))
    results = at_once(4, lambda number: telegram_photo_answers.answer())
    assert not failures(results)
    assert sum(results) == 2
    relay.serve("telegram")
    assert len(live.telegram.sent) == 2
