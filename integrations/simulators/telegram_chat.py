"""The chats of the Telegram stand-in: what was written in them, and by whom."""

import itertools
from typing import Any

from integrations.simulators import telegram_updates as updates
from integrations.simulators.bot_requests import BotError, keyboard_of, number, structure

# Why a call that writes to a chat fails, by the fault's outcome.
MOVED_TO = -1_002_100_000_001
REFUSALS: dict[str, tuple[int, str, dict[str, int]]] = {
    "blocked": (403, "bot was blocked by the user", {}),
    "not_found": (400, "chat not found", {}),
    "migrated": (400, "group chat was upgraded to a supergroup chat", {"migrate_to_chat_id": MOVED_TO}),
    "too_long": (400, "message is too long", {}),
}
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


class Chat:
    """The messages by number, over all chats; they are numbered from `first_message_id`."""

    def __init__(self, first_message_id: int) -> None:
        self.messages: dict[int, dict[str, Any]] = {}
        self._ids = itertools.count(first_message_id)

    def checked(self, given: dict[str, Any], outcome: str) -> int:
        """Take a call's parameters and the fault's outcome, return the chat; raise BotError if it has none."""
        if given.get("chat_id") in (None, ""):
            raise BotError(400, "chat_id is empty")
        chat_id = number(given["chat_id"], "chat not found")
        if not chat_id:
            raise BotError(400, "chat not found")
        # Once its members have moved, the group can be reached where they are.
        if outcome in REFUSALS and (outcome, chat_id) != ("migrated", MOVED_TO):
            status, text, parameters = REFUSALS[outcome]
            raise BotError(status, text, **parameters)
        return chat_id

    def add(self, chat_id: int, given: dict[str, Any], **content: Any) -> dict[str, Any]:
        """Take a chat, a call's parameters and what it says, keep the bot's message and return it."""
        keyboard = keyboard_of(given)
        replied = self._replied(given)
        return self.said(chat_id, updates.BOT, reply_to_message=replied, reply_markup=keyboard, **content)

    def said(self, chat_id: int, sender: dict[str, Any], **content: Any) -> dict[str, Any]:
        """Take a chat, who writes and what, keep the message and return it."""
        made = updates.message(next(self._ids), chat_id, sender, **content)
        self.messages[made["message_id"]] = made
        return made

    def edit(self, chat_id: int, given: dict[str, Any], text: str | None) -> dict[str, Any]:
        """Take a chat, a call's parameters and the new text (None: as it is), return the edited message."""
        found = self.messages.get(number(given.get("message_id"), "message identifier is not specified"))
        if found is None or found["chat"]["id"] != chat_id:
            raise BotError(400, "message to edit not found")
        if not found["from"]["is_bot"]:
            raise BotError(400, "message can't be edited")
        keyboard = keyboard_of(given)
        text = found.get("text") if text is None else text
        if text == found.get("text") and keyboard == found.get("reply_markup"):
            raise BotError(400, NOT_MODIFIED)
        # An edit without a keyboard takes the buttons away.
        edited = {name: value for name, value in found.items() if name != "reply_markup"}
        edited |= {"edit_date": found["date"], "text": text} | (
            {"reply_markup": keyboard} if keyboard else {}
        )
        self.messages[found["message_id"]] = edited
        return edited

    def captioned(self, caption: str, message_id: int | None) -> dict[str, Any]:
        """Take a caption and a person's photo (None: the last), return it with that caption.

        Raise ValueError if there is none.
        """
        for said in reversed(self.messages.values()):
            mine = not said["from"]["is_bot"] and ("photo" in said or "document" in said)
            if mine and message_id in (None, said["message_id"]):
                edited = said | {"caption": caption, "edit_date": said["date"]}
                self.messages[said["message_id"]] = edited
                return edited
        raise ValueError("no such photo of a person's")

    def with_buttons(self, message_id: int | None) -> dict[str, Any]:
        """Take a message's number (None: the last with buttons), return it; raise ValueError if there is none."""
        for sent in reversed(self.messages.values()):
            if message_id in (None, sent["message_id"]) and "reply_markup" in sent:
                return sent
        raise ValueError("no such message with buttons")

    def last(self) -> dict[str, Any]:
        """Return the last message of any chat; raise ValueError where nothing was ever written."""
        for sent in reversed(self.messages.values()):
            return sent
        raise ValueError("no chat is known yet: chat_id is needed")

    def _replied(self, given: dict[str, Any]) -> dict[str, Any] | None:
        """Return the message that the call replies to, without what that one replied to."""
        reply = structure(given.get("reply_parameters"), "can't parse reply parameters JSON object")
        if not isinstance(reply, dict):
            return None
        found = self.messages.get(number(reply.get("message_id"), "message identifier is not specified"))
        if found is None:
            if reply.get("allow_sending_without_reply"):
                return None
            raise BotError(400, "message to be replied not found")
        return {name: value for name, value in found.items() if name != "reply_to_message"}
