"""The Telegram stand-in against the calls that a real client library made, and what people do in a chat."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from integrations.simulators import Simulators

from .conftest import Ask
from .recorder import Recorder
from .shapes import same_form

CHAT = 5_000_000_001
KEYBOARD = {
    "inline_keyboard": [
        [{"text": "Approve", "callback_data": "a:1"}, {"text": "Cancel", "callback_data": "x:1"}],
        [{"text": "Open", "url": "https://example.org/"}],
    ]
}
# What has to be switched on for a recorded refusal, by its description.
REFUSALS: dict[str, dict[str, Any]] = {
    "Too Many Requests: retry after 7": {"retry_after": 7},
    "Bad Request: message is too long": {"outcome": "too_long"},
    "Forbidden: bot was blocked by the user": {"outcome": "blocked"},
    "Bad Request: chat not found": {"outcome": "not_found"},
    "Bad Request: group chat was upgraded to a supergroup chat": {"outcome": "migrated"},
    "Unauthorized": {"outcome": "unauthorized"},
    "Bad Gateway": {"status": 502},
}


def test_every_recorded_call_is_answered_in_its_form(
    sims: Simulators, ask: Ask, orchestrator: Recorder, switch: Any, recorded: Callable[[str], Any]
) -> None:
    prepare(sims, orchestrator)
    differences = []
    for entry in recorded("telegram/bot_api_calls.json"):
        response = entry.get("response")
        if response is None:
            continue
        refusal = response["body"].get("description", "")
        switch("telegram", **REFUSALS.get(refusal, {}) if not response["body"]["ok"] else {})
        answer = replay(sims, ask, entry)
        found = [] if answer.status_code == response["status"] else [f"status {answer.status_code}"]
        found += same_form(response["body"], answer.json())
        if not response["body"]["ok"] and "migrate_to_chat_id" not in answer.text:
            found += [] if answer.json() == response["body"] else [answer.text]
        differences += [f"{entry['path']} {refusal}: {text}" for text in found]
    assert differences == []


def prepare(sims: Simulators, orchestrator: Recorder) -> None:
    """Bring the stand-in to where the recording begins: a file, a query, and a delivery that failed."""
    orchestrator.statuses = [500] * 5
    sims.telegram.send_text("hello", chat_id=CHAT)
    sims.telegram.queries["2147483648000000001"] = None


def replay(sims: Simulators, ask: Ask, entry: dict[str, Any]) -> requests.Response:
    """Send a recorded call, with our token and our files in place of theirs."""
    path = entry["path"].removeprefix("/bot<bot token>")
    if entry["content_type"] == "multipart/form-data":
        data = {"chat_id": CHAT, "caption": "Sony a6400 received"}
        return ask("telegram", "POST", path, data=data, files={"photo": ("a.jpg", b"jpeg")})
    body = entry["body"].replace("<secret token>", "s3cret")
    if "file_id=big" in body:
        body = f"file_id={sims.telegram.files.document(bytes(21 * 1024 * 1024))['file_id']}"
    elif "file_id=" in body:
        body = f"file_id={sims.telegram.files.photo()[-1]['file_id']}"
    return ask("telegram", "POST", path, data=body, headers={"Content-Type": entry["content_type"] or None})


def test_form_json_and_query_say_the_same(sims: Simulators, ask: Ask) -> None:
    said = {"chat_id": CHAT, "text": "Sony a6400 £390 📷"}
    for options in ({"data": said}, {"json": said}, {"params": said}):
        assert ask("telegram", "POST", "/sendMessage", **options).json()["result"]["text"] == said["text"]
    assert [sent["text"] for sent in sims.telegram.sent] == [said["text"]] * 3
    numbers = [sent["message_id"] for sent in sims.telegram.sent]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    ("said", "description"),
    [
        ({"text": "x"}, "Bad Request: chat_id is empty"),
        ({"chat_id": "nobody", "text": "x"}, "Bad Request: chat not found"),
        ({"chat_id": CHAT}, "Bad Request: message text is empty"),
        ({"chat_id": CHAT, "text": "x" * 4097}, "Bad Request: message is too long"),
        (
            {"chat_id": CHAT, "text": "x", "reply_markup": "{"},
            "Bad Request: can't parse reply keyboard markup JSON object",
        ),
        (
            {
                "chat_id": CHAT,
                "text": "x",
                "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "é" * 33}]]},
            },
            "Bad Request: BUTTON_DATA_INVALID",
        ),
        (
            {"chat_id": CHAT, "text": "x", "reply_parameters": {"message_id": 1}},
            "Bad Request: message to be replied not found",
        ),
    ],
)
def test_a_message_that_can_not_be_sent(ask: Ask, said: dict[str, Any], description: str) -> None:
    answer = ask("telegram", "POST", "/sendMessage", json=said)
    assert answer.status_code == 400
    assert answer.json() == {"ok": False, "error_code": 400, "description": description}


def test_the_longest_text_and_data_are_taken(ask: Ask) -> None:
    keyboard = {"inline_keyboard": [[{"text": "a", "callback_data": "x" * 64}]]}
    said = {"chat_id": CHAT, "text": "x" * 4096, "reply_markup": keyboard}
    assert ask("telegram", "POST", "/sendMessage", json=said).status_code == 200


def test_wrong_tokens_and_methods(sims: Simulators, ask: Ask) -> None:
    answer = requests.post(sims.url("telegram") + "/bot1:no/getMe", timeout=60)
    assert (answer.status_code, answer.json()["description"]) == (401, "Unauthorized")
    assert ask("telegram", "POST", "/sendEverything").status_code == 404
    assert requests.get(sims.url("telegram") + "/else", timeout=60).status_code == 404


def test_a_message_is_edited_into_what_happened(sims: Simulators, ask: Ask) -> None:
    said = {"chat_id": CHAT, "text": "New", "reply_markup": KEYBOARD}
    sent = ask("telegram", "POST", "/sendMessage", json=said).json()["result"]
    change = {"chat_id": CHAT, "message_id": sent["message_id"], "text": "Cancelled by ann"}
    edited = ask("telegram", "POST", "/editMessageText", json=change).json()["result"]
    assert edited["text"] == "Cancelled by ann"
    assert "reply_markup" not in edited
    assert sims.telegram.sent == [edited]
    same = ask("telegram", "POST", "/editMessageText", json=change)
    assert (same.status_code, same.json()["description"][:40]) == (
        400,
        "Bad Request: message is not modified: sp",
    )
    gone = ask("telegram", "POST", "/editMessageText", json=change | {"message_id": 1})
    assert gone.json()["description"] == "Bad Request: message to edit not found"
    markup = {"chat_id": CHAT, "message_id": sent["message_id"], "reply_markup": KEYBOARD}
    assert "reply_markup" in ask("telegram", "POST", "/editMessageReplyMarkup", json=markup).json()["result"]


@pytest.mark.parametrize(
    ("given", "status", "description"),
    [
        ({"url": "https://example.org/hook", "secret_token": "a-B_9"}, 200, "Webhook was set"),
        ({"url": "http://localhost:8000/webhooks/telegram"}, 200, "Webhook was set"),
        ({"url": ""}, 200, "Webhook is already deleted"),
        (
            {"url": "http://example.org/hook"},
            400,
            "Bad Request: bad webhook: An HTTPS URL must be provided for webhook",
        ),
        (
            {"url": "https://example.org:8000/"},
            400,
            "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
        (
            {"url": "https://example.org/", "secret_token": "a b"},
            400,
            "Bad Request: secret token contains unallowed characters",
        ),
    ],
)
def test_setting_a_webhook(ask: Ask, given: dict[str, str], status: int, description: str) -> None:
    answer = ask("telegram", "POST", "/setWebhook", json=given)
    assert (answer.status_code, answer.json()["description"]) == (status, description)
    info = ask("telegram", "POST", "/getWebhookInfo").json()["result"]
    assert info["url"] == (given["url"] if status == 200 else "")


def test_sending_photos(ask: Ask) -> None:
    said = {"chat_id": CHAT, "photo": "https://example.org/a.jpg", "caption": "x" * 1024}
    first = ask("telegram", "POST", "/sendPhoto", json=said)
    assert first.status_code == 200
    file_id = first.json()["result"]["photo"][-1]["file_id"]
    assert ask("telegram", "POST", "/sendPhoto", json=said | {"photo": file_id}).status_code == 200
    wrongs: list[dict[str, str]] = [{"photo": ""}, {"photo": "nothing"}, {"caption": "x" * 1025}]
    for wrong in wrongs:
        assert ask("telegram", "POST", "/sendPhoto", json=said | wrong).status_code == 400
