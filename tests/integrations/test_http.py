"""What a partner's answer means: done, worth repeating, or never; and no partner can hold or flood us."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from integrations import http
from integrations.http import NotFound, PermanentError, TransientError
from tests.integrations.partner import Partner
from tests.races import PATIENCE, until

KEY = "a-key-that-nobody-may-see"


@pytest.fixture
def partner() -> Iterator[Partner]:
    """A partner that answers as it is told to."""
    with Partner() as running:
        yield running
        http._session().close()


def call(partner: Partner, **options: Any) -> Any:
    return http.call(
        "Partner", "POST", partner.url, "/things", headers={"X-API-Key": KEY}, payload={"a": "é"}, **options
    )


def failed(partner: Partner, *answers: Any) -> TransientError | PermanentError:
    partner.answers += answers
    with pytest.raises(http.PartnerError) as raised:
        call(partner)
    assert KEY not in str(raised.value)
    assert "127.0.0.1" not in str(raised.value)
    assert isinstance(raised.value, TransientError | PermanentError)
    return raised.value


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_a_2xx_with_json_is_the_answer(partner: Partner, status: int) -> None:
    partner.answers.append((status, {}, {"id": 1, "text": "é"}))
    assert call(partner) == {"id": 1, "text": "é"}
    (received,) = partner.calls
    assert (received.method, received.path) == ("POST", "/things")
    assert received.headers["x-api-key"] == KEY
    assert received.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 520, 599])
def test_what_may_pass_is_worth_repeating(partner: Partner, status: int) -> None:
    error = failed(partner, (status, {}, b"<h1>oops</h1>"))
    assert isinstance(error, TransientError)
    assert str(status) in str(error)
    assert error.lost_answer == (status != 429)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 405, 409, 410, 413, 422, 451])
def test_a_refusal_is_for_staff(partner: Partner, status: int) -> None:
    error = failed(partner, (status, {}, {"detail": "brand\x00 is\n unknown" + "x" * 5000}))
    assert type(error) is PermanentError
    assert "unknown" in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 500


def test_404_says_that_the_thing_is_not_known(partner: Partner) -> None:
    assert type(failed(partner, (404, {}, {}))) is NotFound


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(partner: Partner, status: int) -> None:
    error = failed(partner, (status, {"Location": f"{partner.url}/elsewhere"}, b""))
    assert isinstance(error, TransientError)
    assert error.lost_answer
    assert [received.path for received in partner.calls] == ["/things"]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("1.5", 1.5),
        ("-3", None),
        ("999999", 3600),
        ("soon", None),
        ("", None),
        ("nan", None),
    ],
)
def test_retry_after_is_read(partner: Partner, told: str, seconds: float | None) -> None:
    error = failed(partner, (429, {"Retry-After": told}, b""))
    assert isinstance(error, TransientError)
    assert error.retry_after == seconds


def test_retry_after_may_be_a_date(partner: Partner) -> None:
    later = datetime.now(UTC) + timedelta(seconds=120)
    error = failed(partner, (503, {"Retry-After": format_datetime(later, usegmt=True)}, b""))
    assert isinstance(error, TransientError)
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 120


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_a_2xx_without_json_may_have_worked(partner: Partner, body: bytes) -> None:
    error = failed(partner, (200, {}, body))
    assert isinstance(error, TransientError)
    assert error.lost_answer


# ---- partners that misbehave --------------------------------------------------------------------


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"a": ')


def bad_chunks(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n")


def bad_gzip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")


@pytest.mark.parametrize("misbehave", [hang_up, no_http, cut_off, bad_chunks, bad_gzip])
def test_an_answer_that_breaks_off_may_have_worked(partner: Partner, misbehave: Any) -> None:
    error = failed(partner, misbehave)
    assert isinstance(error, TransientError)
    assert error.lost_answer


def answer_and_close(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(partner: Partner) -> None:
    partner.answers += [answer_and_close] * 3
    for number in range(3):
        assert call(partner) == {}
        until(lambda number=number: partner.closed > number)


def test_nobody_at_home_surely_did_nothing() -> None:
    with Partner() as gone:
        pass
    error = failed(gone)
    assert isinstance(error, TransientError)
    assert not error.lost_answer


def test_a_host_that_does_not_exist_surely_did_nothing() -> None:
    with pytest.raises(TransientError) as raised:
        http.call("Partner", "GET", "http://nowhere.invalid", "/", headers={})
    assert not raised.value.lost_answer


def test_one_that_hangs_is_left(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    left = threading.Event()
    monkeypatch.setattr(http, "READ_SECONDS", 0.3)
    error = failed(partner, lambda handler: left.wait(PATIENCE))
    left.set()  # who had waited for an answer would not be here yet
    assert isinstance(error, TransientError)
    assert error.lost_answer


class Drip:
    """Writes a beginning, and then the same byte for ever; `ended` is why it stopped."""

    def __init__(self, beginning: bytes, byte: bytes) -> None:
        self._beginning, self._byte, self.ended = beginning, byte, ""

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        end = time.monotonic() + PATIENCE
        try:
            handler.connection.sendall(self._beginning)
            while time.monotonic() < end:
                handler.connection.sendall(self._byte)
                time.sleep(0.05)
        except OSError:
            self.ended = "left"
        else:
            self.ended = "never left"


def test_one_that_sends_a_byte_at_a_time_is_left(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "WHOLE_ANSWER_SECONDS", 0.4)
    drip = Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ")
    assert isinstance(failed(partner, drip), TransientError)
    until(lambda: drip.ended)
    assert drip.ended == "left"


def test_one_whose_headers_come_a_byte_at_a_time_is_left(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    drip = Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Long: ", b"x")
    with monkeypatch.context() as impatient:
        impatient.setattr(http, "READ_SECONDS", 0.4)
        error = failed(partner, drip)
    assert isinstance(error, TransientError)
    assert error.lost_answer
    assert "did not answer" in str(error)
    until(lambda: drip.ended)
    assert drip.ended == "left"
    assert call(partner) == {}  # on another connection


def test_one_that_floods_is_left(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 100_000)
    assert "MiB" in str(failed(partner, (200, {}, b" " * 200_000)))
    bomb = gzip.compress(b" " * 50_000_000)
    assert "MiB" in str(failed(partner, (200, {"Content-Encoding": "gzip"}, bomb)))


def test_neither_proxies_nor_netrc_of_the_environment_are_used(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    partner.answers.append((200, {}, {"here": True}))
    assert call(partner) == {"here": True}


def test_a_prefix_of_the_address_is_kept(partner: Partner) -> None:
    http.call("Partner", "GET", f"{partner.url}/api/v2", "/things/1", headers={}, params={"limit": 2})
    assert partner.calls[0].path == "/api/v2/things/1?limit=2"
