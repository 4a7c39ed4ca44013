"""The Bot API as it fails: what is repeated, what is given up, and that its token shows nowhere."""

import itertools
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from integrations import outbox, relay, telegram
from integrations.http import PartnerError, PermanentError
from integrations.models import Channel, DeliveryAttempt, OutboxMessage, TelegramMessage
from integrations.outbox import Delivery
from integrations.telegram_chat import answer, deliver_answer, edit, say
from tests.telegram.conftest import CHAT, Phone

pytestmark = pytest.mark.django_db
CANARY = "123456:the-token-that-nobody-may-read"


def again(phone: Phone) -> None:
    """Let the time pass until the next attempt."""
    OutboxMessage.objects.filter(delivered_at__isnull=True).update(next_attempt_at=Now())
    Channel.objects.update(closed_until=None)
    phone.serve()


def test_a_429_is_obeyed(phone: Phone) -> None:
    phone.switch(retry_after=7, times=1)
    before = timezone.now()
    assert phone.say(say("one") + say("two")) == []
    row = OutboxMessage.objects.order_by("id")[0]
    assert (row.next_attempt_at - before).total_seconds() >= 7
    assert "Too Many Requests: retry after 7" in row.last_error
    closed = Channel.objects.get(name="telegram").closed_until
    assert closed is not None and (closed - before).total_seconds() >= 7
    assert phone.bot.counts["POST /sendMessage"] == 1

    again(phone)
    assert phone.texts == ["one", "two"]


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 502}, {"status": 503}, {"garbage": True}, {"empty": True}]
)
def test_what_passes_is_repeated(phone: Phone, fault: dict[str, Any]) -> None:
    phone.switch(**fault, times=1)
    outbox.put(say("hello"))
    phone.serve()
    assert OutboxMessage.objects.get().state == "failing"
    again(phone)
    assert OutboxMessage.objects.get().state == "delivered"


def test_a_lost_answer_may_double_a_message_and_loses_none(phone: Phone) -> None:
    phone.switch(drop_answer=True, times=1)
    phone.say(say("hello"))
    again(phone)
    assert phone.texts == ["hello", "hello"]
    assert OutboxMessage.objects.get().state == "delivered"


def test_nobody_there_is_repeated(phone: Phone, settings: Any) -> None:
    there, settings.TELEGRAM_API_URL = settings.TELEGRAM_API_URL, "http://127.0.0.1:9"
    phone.say(say("hello"))
    assert OutboxMessage.objects.get().state == "failing"
    settings.TELEGRAM_API_URL = there
    again(phone)
    assert phone.texts == ["hello"]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("unauthorized", "401: Unauthorized"),
        ("blocked", "403: Forbidden: bot was blocked by the user"),
        ("not_found", "400: Bad Request: chat not found"),
        ("too_long", "400: Bad Request: message is too long"),
    ],
)
def test_what_stays_is_given_up_at_once(phone: Phone, outcome: str, told: str) -> None:
    phone.switch(outcome=outcome, times=1)
    assert phone.say(say("one") + say("two")) == ["two"]
    row = OutboxMessage.objects.order_by("id")[0]
    assert (row.state, row.attempts) == ("given up", 1)
    assert told in row.last_error


def test_a_chat_gets_one_message_a_second(phone: Phone, settings: Any) -> None:
    settings.TELEGRAM_SECONDS_BETWEEN = 0.25
    phone.say([row for number in range(4) for row in say(str(number))])
    times = [received.at for received in phone.bot.requests]
    assert len(times) == 4
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.24


def test_a_clock_that_runs_ahead_holds_nothing_up(phone: Phone, settings: Any) -> None:
    settings.TELEGRAM_SECONDS_BETWEEN = 30.0
    TelegramMessage.objects.create(
        chat_id=CHAT, message_id=1, text="x", sent_at=timezone.now() + timedelta(days=1)
    )
    before = time.monotonic()
    assert phone.say(say("hello")) == ["hello"]
    assert time.monotonic() - before < 25


def test_an_edit_says_what_it_says_once(phone: Phone) -> None:
    phone.say(say("hello"))
    message = TelegramMessage.objects.get()
    message.taps = [{"line": "ABC234: cancelled (ann)"}]
    assert phone.say([edit(message), edit(message)]) == ["hello\n\nABC234: cancelled (ann)"]
    details = DeliveryAttempt.objects.order_by("id").values_list("detail", flat=True)
    assert list(details)[1:] == ["edited", "it said so already"]


def test_a_full_message_is_cut_for_what_was_tapped(phone: Phone) -> None:
    phone.say(say("x" * 4096))
    message = TelegramMessage.objects.get()
    message.taps = [{"line": "ABC234: cancelled (ann)"}]
    (text,) = phone.say([edit(message)])
    assert text.endswith("x…\n\nABC234: cancelled (ann)")
    assert len(text) == 4096


def test_a_message_that_is_gone_is_given_up(phone: Phone) -> None:
    phone.say([edit(TelegramMessage(chat_id=CHAT, message_id=1, text="x"))])
    assert "message to edit not found" in OutboxMessage.objects.get().last_error


def test_a_tap_that_has_expired_is_nobodys_problem(phone: Phone) -> None:
    phone.say([answer("123", "done")])
    assert OutboxMessage.objects.get().state == "delivered"
    assert DeliveryAttempt.objects.get().detail == "the tap had expired"


def test_a_tap_is_answered_soon_or_not_at_all(phone: Phone) -> None:
    phone.switch(status=502)
    body = {"query_id": "123", "text": "done"}
    with pytest.raises(PartnerError):
        deliver_answer(Delivery("telegram.answer", "tap/123", body, str(uuid4()), 1))
    with pytest.raises(PermanentError, match="not answered in time"):
        deliver_answer(Delivery("telegram.answer", "tap/123", body, str(uuid4()), 2))


def test_a_long_answer_is_cut(phone: Phone) -> None:
    phone.bot.queries["123"] = None
    phone.say([answer("123", "x" * 500)])
    assert phone.answers() == ["x" * 200]


# ---- the token ----------------------------------------------------------------------------------


@pytest.fixture
def broken_server() -> Iterator[str]:
    """Serve answers whose header nobody can read, which urllib3 warns of with the whole address."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(60)
    body = b'{"ok":true,"result":{"message_id":1,"chat":{"id":1}}}'
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n: no name\r\nno colon\r\n\r\n"
        % len(body)
    )

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(head + body)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread.join(60)
    listener.close()


def the_problem() -> PartnerError | None:
    try:
        telegram.webhook_info()
    except PartnerError as error:
        return error
    return None


FAULTS: list[dict[str, Any]] = [
    {"status": 500},
    {"retry_after": 1},
    {"garbage": True},
    {"drop_answer": True},
    {"redirect": True},
    {"outcome": "unauthorized"},
    {"outcome": "migrated"},
    {},
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_the_token_shows_nowhere(
    phone: Phone, settings: Any, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]
) -> None:
    settings.TELEGRAM_BOT_TOKEN = CANARY
    caplog.set_level(logging.INFO)
    phone.switch(**fault)
    phone.say(say("hello"))
    shown = telegram.send_test()
    problem = the_problem()
    shown += "".join(traceback.format_exception(problem))
    assert problem is None or (problem.__cause__, problem.__context__) == (None, None)
    kept = [*OutboxMessage.objects.values_list("last_error", flat=True)]
    kept += [*DeliveryAttempt.objects.values_list("detail", flat=True)]
    kept += [*Channel.objects.values_list("last_error", flat=True)]
    assert CANARY not in shown + "".join(kept) + caplog.text
    assert kept and "nobody-may-read" not in shown + "".join(kept) + caplog.text


def test_the_token_shows_nowhere_when_nobody_is_there(
    phone: Phone, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_API_URL = CANARY, "http://127.0.0.1:9"
    caplog.set_level(logging.INFO)
    phone.say(say("hello"))
    shown = telegram.send_test()
    assert "Telegram refused or broke the connection." in shown
    assert CANARY not in shown + caplog.text + OutboxMessage.objects.get().last_error


def test_a_warning_about_the_answer_does_not_quote_the_token(
    settings: Any, telegram_on: None, broken_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_API_URL = CANARY, broken_server
    # This logger does not hand its lines up, so that the test listens at the spot.
    logger = logging.getLogger("urllib3.connection")
    logger.addHandler(caplog.handler)
    try:
        telegram.send_test()
    finally:
        logger.removeHandler(caplog.handler)
    assert "Failed to parse headers" in caplog.text
    assert CANARY not in caplog.text and "/bot…/sendMessage" in caplog.text


def test_a_strange_token_stays_in_its_place(phone: Phone, settings: Any) -> None:
    settings.TELEGRAM_BOT_TOKEN = "../../chatterbot/leads?x="
    assert telegram.send_test().startswith("Telegram answered 40")
    assert phone.sims.chatterbot.counts["requests"] == 0


def test_a_test_message_shows_telegrams_own_answer(phone: Phone, settings: Any) -> None:
    assert telegram.send_test().startswith("Telegram took it, as message ")
    assert phone.texts == ["A test message from Aetos Orchestrator."]
    phone.switch(outcome="blocked")
    assert telegram.send_test() == "Telegram answered 403: Forbidden: bot was blocked by the user"
    settings.TELEGRAM_CHAT_ID = ""
    assert telegram.send_test() == "Telegram is off: TELEGRAM_CHAT_ID is not set."
    settings.TELEGRAM_CHAT_ID, settings.TELEGRAM_BOT_TOKEN = "1", ""
    assert telegram.send_test() == "Telegram is off: TELEGRAM_BOT_TOKEN is not set."
    assert relay.pending("telegram").count() == 0
