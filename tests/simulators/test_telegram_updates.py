"""What people do in a simulated chat, against the updates that were recorded."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from integrations.simulators import Simulators

from .conftest import Ask
from .recorder import Recorder
from .shapes import same_form
from .test_telegram import CHAT, KEYBOARD


def test_a_press_is_the_recorded_update(
    sims: Simulators, ask: Ask, orchestrator: Recorder, recorded: Callable[[str], Any]
) -> None:
    said = {"chat_id": CHAT, "text": "New", "reply_markup": KEYBOARD}
    ask("telegram", "POST", "/sendMessage", json=said)
    assert ask("telegram", "POST", "/_act", json={"press": "Cancel"}).json()["status"] == 200
    call = orchestrator.calls[0]
    assert call.path == "/webhooks/telegram"
    assert call.header("Content-Type") == "application/json"
    assert call.header("X-Telegram-Bot-Api-Secret-Token") == sims.keys.telegram_webhook_secret
    assert same_form(recorded("telegram/update_07_callback_query_inline_keyboard.json"), call.json) == []
    query = call.json["callback_query"]
    assert (query["data"], query["from"]["id"]) == ("x:1", CHAT)
    answer = {"callback_query_id": query["id"], "text": "Done"}
    assert ask("telegram", "POST", "/answerCallbackQuery", json=answer).json() == {"ok": True, "result": True}
    assert sims.telegram.queries[query["id"]] == {"text": "Done"}
    unknown = ask("telegram", "POST", "/answerCallbackQuery", json={"callback_query_id": "1"})
    assert unknown.json()["description"].startswith("Bad Request: query is too old")


def test_an_old_message_tells_only_where_it_was(
    sims: Simulators, ask: Ask, orchestrator: Recorder, recorded: Callable[[str], Any]
) -> None:
    ask("telegram", "POST", "/sendMessage", json={"chat_id": CHAT, "text": "New", "reply_markup": KEYBOARD})
    sims.telegram.press("x:1", old=True, user_id=77)
    update = orchestrator.calls[0].json
    assert (
        same_form(recorded("telegram/update_08_callback_query_old_message_inaccessible.json"), update) == []
    )
    assert update["callback_query"]["from"]["id"] == 77


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("update_02_photo_with_caption.json", {"caption": "ABC123"}),
        ("update_03_album_photo_1_with_caption.json", {"caption": "ABC123", "album": "7"}),
        ("update_04_album_photo_2_no_caption.json", {"album": "7"}),
        ("update_05_photo_as_document_uncompressed.json", {"as_file": True, "caption": "ABC123"}),
    ],
)
def test_photos_are_the_recorded_updates(
    sims: Simulators,
    orchestrator: Recorder,
    recorded: Callable[[str], Any],
    name: str,
    options: dict[str, Any],
) -> None:
    expected = recorded(f"telegram/{name}")
    sims.telegram.send_photo(chat_id=CHAT, **options)
    update = orchestrator.calls[0].json
    for message in (expected["message"], update["message"]):
        message.pop("caption_entities", None)
    assert same_form(expected, update) == []


def test_a_photo_in_reply_can_be_downloaded(
    sims: Simulators, ask: Ask, orchestrator: Recorder, recorded: Callable[[str], Any]
) -> None:
    sent = ask("telegram", "POST", "/sendMessage", json={"chat_id": CHAT, "text": "ABC123"}).json()["result"]
    sims.telegram.send_photo(reply_to=sent["message_id"], picture=b"\xff\xd8 a picture")
    message = orchestrator.calls[0].json["message"]
    assert message["reply_to_message"] == sent
    assert [size["width"] for size in message["photo"]] == sorted(size["width"] for size in message["photo"])
    largest = message["photo"][-1]
    file = ask("telegram", "POST", "/getFile", json={"file_id": largest["file_id"]}).json()["result"]
    assert file["file_size"] == len(b"\xff\xd8 a picture")
    url = f"{sims.url('telegram')}/file/bot{sims.keys.telegram_bot_token}/{file['file_path']}"
    assert requests.get(url, timeout=60).content == b"\xff\xd8 a picture"
    assert requests.get(url + "x", timeout=60).status_code == 404
    assert requests.get(url.replace("/bot", "/bot1"), timeout=60).status_code == 401
    assert ask("telegram", "POST", "/getFile", json={"file_id": "?"}).status_code == 400


def test_the_drawn_photo_is_a_jpeg_of_its_size(sims: Simulators, orchestrator: Recorder) -> None:
    sims.telegram.send_photo(chat_id=CHAT)
    for size in orchestrator.calls[0].json["message"]["photo"]:
        content = sims.telegram.files.download(sims.telegram.files.info(size["file_id"])["file_path"]).body
        assert content[:3] == b"\xff\xd8\xff"
        assert content[-2:] == b"\xff\xd9"
        frame = content.index(b"\xff\xc0")
        height, width = content[frame + 5 : frame + 7], content[frame + 7 : frame + 9]
        assert (int.from_bytes(width, "big"), int.from_bytes(height, "big")) == (
            size["width"],
            size["height"],
        )


def test_another_caption_is_the_recorded_edit(
    sims: Simulators, ask: Ask, orchestrator: Recorder, recorded: Callable[[str], Any]
) -> None:
    sims.telegram.send_photo(chat_id=CHAT)
    assert ask("telegram", "POST", "/_act", json={"edit": "ABC123"}).json()["status"] == 200
    sent, edited = (call.json for call in orchestrator.calls)
    assert edited["edited_message"]["message_id"] == sent["message"]["message_id"]
    assert same_form(recorded("telegram/update_09_edited_message.json"), edited) == []


def test_an_update_is_sent_again_until_it_is_taken(sims: Simulators, orchestrator: Recorder) -> None:
    orchestrator.statuses = [500, 409, 404]
    assert sims.telegram.send_text("hello", chat_id=CHAT).status == 200
    assert len({call.json["update_id"] for call in orchestrator.calls}) == 1
    assert len(orchestrator.calls) == 4
    sims.telegram.send_text("again", chat_id=CHAT)
    assert orchestrator.calls[-1].json["update_id"] == orchestrator.calls[0].json["update_id"] + 1


def test_a_press_can_come_before_the_answer_and_twice(ask: Ask, orchestrator: Recorder, switch: Any) -> None:
    said = {"chat_id": CHAT, "text": "New", "reply_markup": KEYBOARD}
    switch("telegram", callback_before_answer=True, callback_twice=True)
    ask("telegram", "POST", "/sendMessage", json=said)
    assert len(orchestrator.calls) == 2
    assert orchestrator.calls[0].json == orchestrator.calls[1].json


def test_the_secret_of_the_webhook_is_sent_and_never_shown(
    sims: Simulators, ask: Ask, orchestrator: Recorder
) -> None:
    given = {"url": "https://example.org/hook", "secret_token": "another-secret"}
    ask("telegram", "POST", "/setWebhook", json=given)
    sims.telegram.send_text("hello", chat_id=CHAT)
    assert orchestrator.calls[0].header("X-Telegram-Bot-Api-Secret-Token") == "another-secret"
    assert "another-secret" not in ask("telegram", "POST", "/getWebhookInfo").text
    again = ask("telegram", "POST", "/setWebhook", json=given).json()
    assert again["description"] == "Webhook is already set"
    assert ask("telegram", "POST", "/deleteWebhook").json()["description"] == "Webhook was deleted"


def test_orders_that_make_no_sense(ask: Ask, orchestrator: Recorder) -> None:
    for order in (
        {"press": "Approve"},
        {"say": "x"},
        {},
        {"say": "x", "loud": True},
        {"photo": True, "reply_to": 4},
        {"edit": "a caption"},
    ):
        assert ask("telegram", "POST", "/_act", json=order).status_code == 400
    raw = {"update_id": 3, "message": {"text": "x"}}
    assert ask("telegram", "POST", "/_act", json={"update": raw}).json()["status"] == 200
    assert orchestrator.calls[0].json == raw
