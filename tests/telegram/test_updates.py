"""What comes by the webhook: everything authentic is kept and answered, little of it is obeyed."""

import json
from typing import Any

import pytest

from integrations import webhooks
from integrations.models import InboxMessage, OutboxMessage, TelegramUpdate
from integrations.simulators import telegram_updates as updates
from listings.models import ProductListing
from tests.factories import make_listing
from tests.telegram.conftest import CHAT, PATH, Phone, last_kept, recorded

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]
OPERATOR = 5_000_000_001

# The recorded captions name a listing by its id, which is not here.
UNKNOWN = "photo: waits for its listing, since none is 9f1c2b7e-5d0a-4f0b-9a61-1c8e1f2a7b33"
RECORDED = {
    "01": "message: nothing to do",
    "02": UNKNOWN,
    "03": "photo: waits for its listing",
    "04": "photo: waits for its listing",
    "05": UNKNOWN,
    "06": "photo: waits for its listing",
    # Another program's buttons: their letters are not ours.
    "07": "ignored: a button of another kind",
    "08": "ignored: a button of another kind",
    "09": UNKNOWN,
    "10": "message: nothing to do",
    "11": "ignored: not the configured chat",
    "12": "ignored: not the configured chat",
    "13": "my_chat_member: nothing to do",
}


@pytest.mark.parametrize(("number", "detail"), RECORDED.items())
def test_each_recorded_update_is_kept_and_answered(
    phone: Phone, settings: Any, number: str, detail: str
) -> None:
    settings.TELEGRAM_CHAT_ID = str(OPERATOR)
    (update,) = recorded(number)
    answer = phone.post(update)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    kept = last_kept()
    assert (kept.status, kept.detail) == ("processed", detail)
    assert json.loads(kept.raw) == update


def test_there_is_no_other_recorded_update(phone: Phone) -> None:
    assert len(recorded()) == len(RECORDED)


def test_a_group_is_obeyed_where_it_is_the_configured_chat(phone: Phone, settings: Any) -> None:
    settings.TELEGRAM_CHAT_ID = "-1002000000001"
    (update,) = recorded("11")
    assert phone.post(update).status_code == 200
    assert last_kept().detail == UNKNOWN


def test_an_update_counts_once(phone: Phone) -> None:
    listing = make_listing()
    tap = updates.pressed("1", a_message(), f"c:{listing.pk}", CHAT) | {"update_id": 5}
    assert [phone.post(tap).status_code for _ in range(3)] == [200] * 3
    assert TelegramUpdate.objects.get().update_id == 5
    details = InboxMessage.objects.order_by("id").values_list("detail", flat=True)
    assert [*details][1:] == ["a repeat: update 5 came before"] * 2
    assert listing.history.count() == 2


def test_staff_may_process_an_update_again_and_nothing_is_done_twice(phone: Phone) -> None:
    listing = make_listing()
    phone.post(updates.pressed("1", a_message(), f"c:{listing.pk}", CHAT) | {"update_id": 5})
    assert webhooks.reprocess(last_kept().pk).status == 200
    assert last_kept().detail.startswith("a repeat: ")
    assert listing.history.count() == 2


def a_message(chat_id: int = CHAT) -> dict[str, Any]:
    return updates.message(77, chat_id, updates.BOT, text="Sony a6400")


@pytest.mark.parametrize(
    ("chat", "user", "users", "obeyed"),
    [
        (CHAT, CHAT, [], True),
        (CHAT, 99, [], True),
        (CHAT, CHAT, [str(CHAT), "98"], True),
        (CHAT, 99, [str(CHAT)], False),
        (CHAT + 1, CHAT, [], False),
        (-CHAT, CHAT, [str(CHAT)], False),
    ],
)
def test_only_the_configured_chat_and_people_are_obeyed(
    phone: Phone, settings: Any, chat: int, user: int, users: list[str], obeyed: bool
) -> None:
    settings.TELEGRAM_USER_IDS = users
    listing = make_listing()
    OutboxMessage.objects.all().delete()
    tap = updates.pressed("1", a_message(chat), f"c:{listing.pk}", user)
    assert phone.post(tap | {"update_id": 1}).status_code == 200
    assert ProductListing.objects.get(pk=listing.pk).state == ("CANCELLED" if obeyed else "FOUND")
    assert last_kept().detail.startswith("ignored: not ") is not obeyed
    assert OutboxMessage.objects.exists() is obeyed


# ---- who may call -------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["", "wrong", "ü", "\u00ff" * 300])
def test_without_the_secret_nothing_is_kept(phone: Phone, secret: str) -> None:
    (update,) = recorded("01")
    answer = phone.post(update, secret=secret)
    assert answer.status_code == 401
    assert not InboxMessage.objects.exists()


def test_two_secrets_are_valid_while_one_is_changed(phone: Phone, settings: Any) -> None:
    settings.TELEGRAM_WEBHOOK_SECRETS = ["the-new", "the-old"]
    statuses = [
        phone.post({"update_id": 1}, secret=secret).status_code for secret in ("the-new", "the-old", "no")
    ]
    assert statuses == [200, 200, 401]


@pytest.mark.parametrize(
    "off", [{"TELEGRAM_BOT_TOKEN": ""}, {"TELEGRAM_WEBHOOK_SECRETS": []}, {"TELEGRAM_WEBHOOK_SECRETS": [""]}]
)
def test_while_telegram_is_off_nobody_may_call(phone: Phone, settings: Any, off: dict[str, Any]) -> None:
    for name, value in off.items():
        setattr(settings, name, value)
    for secret in (phone.secret, ""):
        assert phone.post({"update_id": 1}, secret=secret).status_code == 401
    assert not InboxMessage.objects.exists()


def test_both_spellings_of_the_path_answer(phone: Phone, client: Any) -> None:
    headers = {"X-Telegram-Bot-Api-Secret-Token": phone.secret}
    for number, path in enumerate((PATH, f"{PATH}/")):
        body = json.dumps({"update_id": number})
        assert client.post(path, body, content_type="application/json", headers=headers).status_code == 200
    assert client.get(PATH).status_code == 405


# ---- what is no update, or a strange one --------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "options", "status"),
    [
        (b" ", {}, 400),
        (b"not json", {}, 400),
        (b"\xff\xfe", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"update_id": ' + b"9" * 5000 + b"}", {}, 400),
        (b'{"update_id": 1}', {"content_type": "text/plain"}, 415),
        (b"[]", {}, 422),
        (b"null", {}, 422),
        (b"{}", {}, 422),
        (b'{"update_id": null}', {}, 422),
        (b'{"update_id": true}', {}, 422),
        (b'{"update_id": "1"}', {}, 422),
        (b'{"update_id": 1.5}', {}, 422),
        (b'{"update_id": -1}', {}, 422),
        (b'{"update_id": NaN}', {}, 422),
        (b'{"update_id": 9223372036854775808}', {}, 422),
        (b'{"update_id": 9223372036854775807}', {}, 200),
        (b" " * 17_000_000, {}, 413),
    ],
)
def test_what_is_no_update_is_refused(
    phone: Phone, body: bytes, options: dict[str, Any], status: int
) -> None:
    assert phone.post(body, **options).status_code == status
    assert TelegramUpdate.objects.exists() is (status == 200)


STRANGE: list[Any] = [
    None,
    "x",
    7,
    [],
    {},
    {"chat": None},
    {"chat": {"id": str(CHAT)}},
    {"chat": {"id": True}},
    {"chat": {"id": 10**40}},
    {"chat": {"id": CHAT}, "from": "ann", "photo": "no", "document": {"mime_type": 7}},
]


@pytest.mark.parametrize("content", STRANGE, ids=str)
@pytest.mark.parametrize("kind", ["message", "edited_message", "callback_query", "poll\ud800\0", ""])
def test_a_strange_update_is_kept_and_answered(phone: Phone, kind: str, content: Any) -> None:
    body = {"message": content} if kind == "callback_query" else content
    assert phone.post({"update_id": 1, kind: body}).status_code == 200
    assert last_kept().status == "processed"
    assert not OutboxMessage.objects.exists()


def test_nothing_beside_the_number_is_kept_too(phone: Phone) -> None:
    assert phone.post({"update_id": 1}).status_code == 200
    assert last_kept().detail == "ignored: not the configured chat"
