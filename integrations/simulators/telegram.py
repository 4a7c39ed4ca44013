"""A stand-in for Telegram's Bot API: it keeps what was sent, and can press buttons and send photos."""

import base64
import itertools
import re
import time
from typing import Any

from integrations.simulators import bot_requests as bot
from integrations.simulators import telegram_updates as updates
from integrations.simulators.bot_requests import BotError, fine, refused
from integrations.simulators.faults import Fault
from integrations.simulators.partner import Partner, readable
from integrations.simulators.telegram_chat import Chat
from integrations.simulators.telegram_files import Files
from integrations.simulators.telegram_hook import Hook
from integrations.simulators.wire import Answer, Request, same_key
from integrations.simulators.world import Reply, World

METHOD = re.compile(r"/(file/)?bot([^/]*)/(.+)")
TOKEN = re.compile(r"/bot[^/]*")
WEBHOOK = "/webhooks/telegram"
# How often an update is sent again that was not answered with 2xx.
ATTEMPTS = 5


class Telegram(Partner):
    """Takes the calls of a bot. Outcomes for `_faults`, for calls that write to a chat: blocked,
    not_found, migrated, too_long; and for any: unauthorized.

    With `callback_before_answer` the first button of a message is pressed before the call that sent
    it is answered. `callback_twice` sends each update twice; `on` it is "UPDATE".
    """

    name = "telegram"
    outcomes = frozenset({"blocked", "not_found", "migrated", "too_long", "unauthorized"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        # Numbers follow the clock, so that those of an earlier run don't come again.
        self.chat = Chat(first_message_id=int(time.time()) % 10**9)
        self.files = Files()
        self.hook = Hook()
        self._update_ids = itertools.count(int(time.time()))
        self._query_ids = itertools.count(time.time_ns())
        self.queries: dict[str, dict[str, Any] | None] = {}

    @property
    def sent(self) -> list[dict[str, Any]]:
        """Return the bot's messages in the order they were sent, as they read now."""
        with self.lock:
            return [sent for sent in self.chat.messages.values() if sent["from"]["is_bot"]]

    def route(self, request: Request, fault: Fault) -> Answer:
        """Take a request, return the answer of the API."""
        found = METHOD.fullmatch(request.path)
        if not found:
            return refused(BotError(404))
        if not same_key(found[2], self.world.keys.telegram_bot_token) or fault.outcome == "unauthorized":
            return refused(BotError(401))
        if found[1]:
            return self.files.download(found[3])
        try:
            return self._method(found[3].rstrip("/").lower(), bot.parameters(request), fault)
        except BotError as error:
            return refused(error)

    def refuse(self, fault: Fault) -> Answer:
        """Return the refusal in Telegram's form; with `retry_after` it is a 429 with its parameter."""
        if fault.retry_after:
            text, wait = f"retry after {fault.retry_after}", {"retry_after": fault.retry_after}
            return refused(BotError(fault.refusal, text, **wait))
        return refused(BotError(fault.refusal))

    def masked(self, path: str) -> str:
        """Take a path, return it without the token."""
        return TOKEN.sub("", path, count=1) or "/"

    def press(
        self,
        label: str = "",
        message_id: int | None = None,
        *,
        user_id: int | None = None,
        old: bool = False,
    ) -> Reply:
        """Take a button's text or data (none: the first) and a message (none: the last with buttons).

        Send the callback query to the orchestrator, return its reply.
        """
        with self.lock:
            sent = self.chat.with_buttons(message_id)
            data = updates.button(sent, label)
            query_id = str(next(self._query_ids))
            self.queries[query_id] = None
        who = user_id or self._person(sent["chat"]["id"])
        return self.deliver(updates.pressed(query_id, sent, data, who, old=old))

    def send_photo(
        self,
        caption: str = "",
        reply_to: int | None = None,
        *,
        picture: bytes | None = None,
        as_file: bool = False,
        chat_id: int | None = None,
        user_id: int | None = None,
        album: str = "",
    ) -> Reply:
        """Send a photo to the bot as a person would, in reply to a message or with a caption.

        `picture` is the file (none: a drawing of a camera), `as_file` sends it uncompressed, `album`
        is the media_group_id that several share. Return the orchestrator's reply.
        """
        file = self.files.document(picture) if as_file else self.files.photo(picture)
        content = {"document" if as_file else "photo": file, "caption": caption, "media_group_id": album}
        return self._say(content, reply_to, chat_id, user_id)

    def send_text(
        self,
        text: str,
        reply_to: int | None = None,
        *,
        chat_id: int | None = None,
        user_id: int | None = None,
    ) -> Reply:
        """Send a text to the bot as a person would, return the orchestrator's reply."""
        return self._say({"text": text}, reply_to, chat_id, user_id)

    def edit_caption(self, caption: str, message_id: int | None = None) -> Reply:
        """Write another caption under a photo that was sent (None: the last) as its sender would, return the reply."""
        with self.lock:
            edited = self.chat.captioned(caption, message_id)
        return self.deliver({"edited_message": edited})

    def deliver(self, update: dict[str, Any], *, attempts: int = ATTEMPTS) -> Reply:
        """Take an Update, number it if it is not, post it with the secret until it is taken."""
        update = {"update_id": next(self._update_ids)} | update
        headers = {
            "X-Telegram-Bot-Api-Secret-Token": self.hook.secret or self.world.keys.telegram_webhook_secret
        }
        twice = bool(self.faults.shown().get("callback_twice"))
        twice = twice and self.faults.meet("UPDATE", WEBHOOK).callback_twice
        reply = self.call(WEBHOOK, update, headers, attempts=attempts, twice=twice, settled=taken)
        self.hook.heard(reply)
        return reply

    def act(self, order: dict[str, Any]) -> dict[str, Any]:
        """Take `{"press": "Cancel", "message_id": …}`, `{"photo": true, "caption": …, "reply_to": …}`,
        `{"edit": "the new caption", "message_id": …}`, `{"say": "…"}` or `{"update": {…}}`, do it,
        return the reply's status and answer.
        """
        acts = ("press", "photo", "edit", "say", "update")
        options = {name: value for name, value in order.items() if name not in acts}
        try:
            if "press" in order:
                reply = self.press(order["press"], **options)
            elif "photo" in order:
                picture = base64.b64decode(order["photo"]) if isinstance(order["photo"], str) else None
                reply = self.send_photo(picture=picture, **options)
            elif "edit" in order:
                reply = self.edit_caption(order["edit"], **options)
            elif "say" in order:
                reply = self.send_text(order["say"], **options)
            elif isinstance(order.get("update"), dict):
                reply = self.deliver(order["update"], attempts=1)
            else:
                raise ValueError("press, photo, edit, say or update is expected")
        except TypeError as error:
            raise ValueError(f"unknown option: {error}") from error
        return {"status": reply.status, "answer": readable(reply.text)}

    def kept(self) -> dict[str, Any]:
        """Return the messages of every chat, the button presses with their answers, and the webhook."""
        return {
            "messages": list(self.chat.messages.values()),
            "queries": self.queries,
            "webhook": self.hook.info(),
            "files": self.files.names(),
        }

    def forget(self) -> None:
        """Forget the messages, the files and the webhook; the numbering goes on."""
        self.chat.messages.clear()
        self.queries.clear()
        self.files = Files()
        self.hook = Hook()

    def _method(self, method: str, given: dict[str, Any], fault: Fault) -> Answer:
        """Answer one method of the API; its name is not case-sensitive."""
        with self.lock:
            if method == "getme":
                return fine(updates.BOT)
            if method in ("sendmessage", "sendphoto", "editmessagetext", "editmessagereplymarkup"):
                result = self._write(method, given, fault)
            elif method == "answercallbackquery":
                return fine(self._answer(given))
            elif method == "getfile":
                return fine(self.files.info(str(given.get("file_id") or "")))
            elif method == "getwebhookinfo":
                return fine(self.hook.info())
            elif method == "setwebhook":
                return fine(True, self.hook.set(given))
            elif method == "deletewebhook":
                return fine(True, self.hook.delete())
            else:
                raise BotError(404)
        if fault.callback_before_answer and "reply_markup" in result:
            self.press(message_id=result["message_id"])
        return fine(result)

    def _write(self, method: str, given: dict[str, Any], fault: Fault) -> dict[str, Any]:
        """Write to a chat and return the message as it is now."""
        chat_id = self.chat.checked(given, fault.outcome)
        if method == "sendmessage":
            return self.chat.add(chat_id, given, text=bot.text_of(given))
        if method == "sendphoto":
            photo = self.files.sent(given.get("photo"))
            return self.chat.add(chat_id, given, photo=photo, caption=bot.caption_of(given))
        text = bot.text_of(given) if method == "editmessagetext" else None
        return self.chat.edit(chat_id, given, text)

    def _answer(self, given: dict[str, Any]) -> bool:
        query_id = str(given.get("callback_query_id") or "")
        if query_id not in self.queries:
            text = "query is too old and response timeout expired or query ID is invalid"
            raise BotError(400, text)
        self.queries[query_id] = {name: value for name, value in given.items() if name != "callback_query_id"}
        return True

    def _say(
        self, content: dict[str, Any], reply_to: int | None, chat_id: int | None, user_id: int | None
    ) -> Reply:
        with self.lock:
            replied = self.chat.messages.get(reply_to) if reply_to else None
            if reply_to and replied is None:
                raise ValueError("no such message")
            where = chat_id or (replied or self.chat.last())["chat"]["id"]
            who = updates.person(user_id or self._person(where))
            said = self.chat.said(where, who, reply_to_message=replied, **content)
        return self.deliver({"message": said})

    def _person(self, chat_id: int) -> int:
        """Return who is at the other end: in a private chat the person has the chat's own number."""
        return chat_id if chat_id > 0 else updates.PERSON


def taken(reply: Reply) -> bool:
    """Take the reply to an update, return whether it counts as delivered."""
    return 200 <= reply.status < 300
