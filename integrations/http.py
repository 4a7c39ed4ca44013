"""HTTP to the partners: one session a thread, time-outs on everything, two kinds of failure."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO
from urllib.parse import urljoin

import requests
import urllib3
from requests.adapters import HTTPAdapter

CONNECT_SECONDS, READ_SECONDS, WHOLE_ANSWER_SECONDS = 5.0, 20.0, 30.0
MAX_ANSWER_BYTES = 20 * 1024 * 1024
CREDENTIALS = frozenset({"Authorization", "X-API-Key"})
SHORTEST_KEY, MASK = 8, b"***"
TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})

_local = threading.local()
Judge = Callable[[str, requests.Response, bytes], Any]


class PartnerError(Exception):
    """A call that did not succeed. Its text may be shown to staff: no key, no URL with one."""


class TransientError(PartnerError):
    """Worth repeating. `retry_after` is how long the partner asked us to wait, in seconds.

    `lost_answer` is true where the partner may have done the work all the same.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, lost_answer: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.lost_answer = lost_answer


class Held(TransientError):
    """No failure: the message waits for its time, `retry_after` seconds away, and the channel goes on."""


class TooMuch(TransientError):
    """The answer is larger than what is taken."""


class PermanentError(PartnerError):
    """The same call will fail the same way: staff are needed."""


class NotFound(PermanentError):
    """The partner does not know the thing (404)."""


def call(
    partner: str,
    method: str,
    base_url: str,
    path: str,
    *,
    headers: dict[str, str],
    payload: Any = None,
    params: dict[str, Any] | None = None,
    judge: Judge | None = None,
) -> Any:
    """Call a partner and return the JSON of its 2xx answer.

    Args:
        partner: its name, for messages to staff.
        base_url: scheme, host and prefix; `path` is put behind it.
        headers: the credentials, in the partner's form.
        payload: what is sent as JSON, if anything.
        judge: reads the answer, for a partner that says in its body what others say in the status.

    Raises:
        TransientError: no connection, a time-out, 408, 425, 429, 5xx, an answer that is not JSON, or a
            redirect, which is not followed: a redirected POST would lose its body.
        NotFound: 404.
        PermanentError: another 4xx.
    """
    url = urljoin(base_url + "/", path.lstrip("/"))
    request = {"headers": headers, "json": payload, "params": params}
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    with (
        _our_errors(partner),
        _session().request(
            method, url, timeout=timeout, allow_redirects=False, stream=True, **request
        ) as response,
    ):
        return (judge or by_status)(partner, response, _without_keys(headers, _read(partner, response)))


def download(partner: str, url: str, into: BinaryIO, *, limit: int) -> int:
    """Write the body of an address's 2xx answer into a file, and return how many bytes it has.

    Nothing but a piece at a time is held in memory.

    Raises:
        TooMuch: more than `limit` bytes; some of them are in the file.
        TransientError, NotFound, PermanentError: as `call`.
    """
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    size = 0
    with (
        _our_errors(partner),
        _session().get(url, timeout=timeout, allow_redirects=False, stream=True) as response,
    ):
        _demand_success(partner, response)
        for piece in _pieces(partner, response, limit):
            size += into.write(piece)
    return size


@contextmanager
def _our_errors(partner: str) -> Iterator[None]:
    """Turn the library's errors, which quote the URL, into ours, which do not."""
    try:
        yield
    except requests.ConnectTimeout as error:
        raise TransientError(f"{partner} could not be reached in {CONNECT_SECONDS:.0f} s.") from error
    except requests.Timeout as error:
        text = f"{partner} did not answer in {READ_SECONDS:.0f} s."
        raise TransientError(text, lost_answer=True) from error
    except requests.ConnectionError as error:
        text = f"{partner} refused or broke the connection."
        raise TransientError(text, lost_answer=_was_sent(error)) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise TransientError(f"{partner}: {type(error).__name__}.", lost_answer=True) from error


def _session() -> requests.Session:
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        _local.session.trust_env = False  # no proxy or .netrc from the environment: it would see the keys
        for scheme in _Adapter.POOLS:
            _local.session.mount(f"{scheme}://", _Adapter())
    return _local.session


class _HeadersInTime(urllib3.connection.HTTPConnection):
    """Waits for status and headers no longer than READ_SECONDS in all: sent a byte at a time, they would never end."""

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        """Return the answer, of which the body is still to be read.

        Raises:
            TimeoutError: its headers did not come in time.
        """
        late = threading.Event()
        watch = threading.Timer(READ_SECONDS, _hang_up, (self.sock, late))
        watch.daemon = True
        watch.start()
        try:
            response = super().getresponse()
        except Exception as error:
            if late.is_set():
                raise TimeoutError from error
            raise
        finally:
            watch.cancel()
        if late.is_set():
            raise TimeoutError
        return response


class _SafeHeadersInTime(_HeadersInTime, urllib3.connection.HTTPSConnection):
    """The same over TLS."""


def _hang_up(connection: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HeadersInTime


class _SafePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SafeHeadersInTime


class _Adapter(HTTPAdapter):
    POOLS = {"http": _Pool, "https": _SafePool}

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self.POOLS


def _was_sent(error: requests.ConnectionError) -> bool:
    return "NewConnectionError" not in repr(error) and "NameResolutionError" not in repr(error)


def _read(partner: str, response: requests.Response) -> bytes:
    return b"".join(_pieces(partner, response, MAX_ANSWER_BYTES))


def _without_keys(headers: dict[str, str], body: bytes) -> bytes:
    """Mask our own credentials in an answer: a partner that quotes them must not bring them into errors and pages."""
    for name in CREDENTIALS & headers.keys():
        key = headers[name].removeprefix("Bearer ").encode()
        if len(key) >= SHORTEST_KEY:
            body = body.replace(key, MASK)
    return body


def _pieces(partner: str, response: requests.Response, limit: int) -> Iterator[bytes]:
    # read1 returns what has come in, so that a partner who sends a byte a second cannot hold the worker.
    size, end = 0, time.monotonic() + WHOLE_ANSWER_SECONDS
    while piece := response.raw.read1(64 * 1024, decode_content=True):
        size += len(piece)
        if size > limit:
            raise TooMuch(f"{partner} answered more than {limit // 2**20} MiB.", lost_answer=True)
        if time.monotonic() > end:
            raise TransientError(
                f"{partner} took over {WHOLE_ANSWER_SECONDS:.0f} s to answer.", lost_answer=True
            )
        yield piece


def by_status(partner: str, response: requests.Response, body: bytes) -> Any:
    """Read an answer as most partners mean it: the status says how it went, and 2xx brings JSON.

    Raises:
        TransientError, NotFound, PermanentError: as `call`.
    """
    _demand_success(partner, response, body)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        text = f"{partner} answered {response.status_code} without JSON."
        raise TransientError(text, lost_answer=True) from error


def _demand_success(partner: str, response: requests.Response, body: bytes = b"") -> None:
    """Raise what a status other than 2xx means, with the first words of its body."""
    status = response.status_code
    if status in TRANSIENT_STATUS or status >= 500:
        raise TransientError(
            f"{partner} answered {status}.", retry_after=_retry_after(response), lost_answer=status != 429
        )
    if 300 <= status < 400:
        # What stands in the way for a while, a login page or a notice of maintenance, answers so.
        raise TransientError(
            f"{partner} answered {status}: it wants to be called elsewhere.", lost_answer=True
        )
    if status == 404:
        raise NotFound(f"{partner} answered 404.")
    if not 200 <= status < 300:
        raise PermanentError(f"{partner} answered {status}: {_excerpt(body) or 'no reason given.'}")


def _retry_after(response: requests.Response) -> float | None:
    """Return what Retry-After says, in seconds: a number, or a date."""
    given = response.headers.get("Retry-After", "")
    try:
        seconds = (
            float(given) if given[:1].isdigit() else parsedate_to_datetime(given).timestamp() - time.time()
        )
    except (ValueError, OverflowError):
        return None
    return min(3600.0, max(0.0, seconds))


def _excerpt(body: bytes) -> str:
    text = body[:300].decode("utf-8", "replace")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
