"""What people do in a simulated chat, as the Updates that Telegram makes of it."""

import time
from typing import Any

# An operator of our own making: nobody's account.
PERSON = 5_100_000_001
BOT = {"id": 7_100_000_001, "is_bot": True, "first_name": "Aetos demo", "username": "aetos_simulated_bot"}
SIZES = ((96, 72), (320, 240), (800, 600), (1280, 960))


def chat(chat_id: int) -> dict[str, Any]:
    """Take a chat's id, return the chat: negative ones are groups."""
    if chat_id < 0:
        return {"id": chat_id, "title": "Buying", "type": "supergroup" if chat_id < -(10**12) else "group"}
    return {"id": chat_id, "first_name": "Operator", "username": "operator", "type": "private"}


def person(user_id: int) -> dict[str, Any]:
    """Take a user's id, return the user."""
    return {
        "id": user_id,
        "is_bot": False,
        "first_name": "Operator",
        "username": "operator",
        "language_code": "en",
    }


def message(message_id: int, chat_id: int, sender: dict[str, Any], **content: Any) -> dict[str, Any]:
    """Take a message's number, chat, sender and content, return the message without what is empty."""
    head = {"message_id": message_id, "from": sender, "chat": chat(chat_id), "date": int(time.time())}
    return head | {name: value for name, value in content.items() if value not in (None, "")}


def pressed(
    query_id: str, sent: dict[str, Any], data: str, user_id: int, *, old: bool = False
) -> dict[str, Any]:
    """Take the message whose button is pressed and its data, return the callback query.

    Of an old message Telegram tells no more than where it was.
    """
    about = sent
    if old:
        about = {"message_id": sent["message_id"], "chat": sent["chat"], "date": 0}
    return {
        "callback_query": {
            "id": query_id,
            "from": person(user_id),
            "message": about,
            "chat_instance": str(-(sent["chat"]["id"] ** 2) - 1),
            "data": data,
        }
    }


def button(sent: dict[str, Any], label: str) -> str:
    """Take a message and a button's text or data, return its data; raise ValueError where there is none."""
    for row in sent.get("reply_markup", {}).get("inline_keyboard", []):
        for found in row:
            if "callback_data" in found and label in (found["callback_data"], found["text"], ""):
                return str(found["callback_data"])
    raise ValueError("the message has no such button")
