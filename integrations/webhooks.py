"""The edge where partners call us: authenticate, keep the bytes, understand, act, answer.

A partner's handler gets the parsed body inside one transaction with its inbox
row. What goes wrong on our side leaves the row as `received`; a sweep tries it
again, so that a partner who calls once is heard all the same.
"""

import json
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import structlog
from django.conf import settings
from django.db import Error, IntegrityError, OperationalError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from integrations import bulk, lazyjson
from integrations.callers import Refusal, authenticate, verify_signature
from integrations.models import InboxMessage
from integrations.prepared import Prepared, the
from integrations.retention import BodyGone

log = structlog.get_logger(__name__)

Status = InboxMessage.Status
DEADLOCK_TRIES = 5
GIVE_UP_AFTER = 100
# A job of thousands of matches: parsed at once, they would be half of what it takes of memory.
LARGE_BYTES, LARGE_ARRAY = 256 * 1024, "matches"
NOT_JSON = "The body must be application/json."
DRAIN_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What a handler made of a message: the HTTP answer, and the state in which the inbox keeps it."""

    status: int
    body: dict[str, Any]
    keep_as: str = Status.PROCESSED
    detail: str = ""
    subject: uuid.UUID | None = None


Handler = Callable[[InboxMessage, Any], Answer]
HANDLERS: dict[tuple[str, str], Handler] = {}


def register(partner: str, kind: str, handler: Handler) -> None:
    """Say who understands `kind` of `partner`. Called once for each, by an app's `ready()`."""
    HANDLERS[partner, kind] = handler


# ---- what they send -----------------------------------------------------------------------------


def read_body(request: HttpRequest, limit: int) -> bytes:
    """Return the body, of `limit` bytes at the most.

    Raises:
        Refusal: 413 for a larger one, 400 for one that breaks off.
    """
    # Django reads Content-Length bytes, and so nothing of a chunked body; a server that marks its end lets us read it.
    chunked = "Content-Length" not in request.headers and "Transfer-Encoding" in request.headers
    source = request.META["wsgi.input"] if chunked and request.META.get("wsgi.input_terminated") else request
    try:
        announced = int(request.headers.get("Content-Length") or 0)
        body = b"" if announced > limit else source.read(limit + 1)
        if max(announced, len(body)) <= limit:
            return bytes(body)
        # A connection that is closed on unread data loses the answer.
        drained = 0
        while drained < DRAIN_BYTES and (chunk := source.read(1024 * 1024)):
            drained += len(chunk)
    except (OSError, ValueError):
        raise Refusal(400, "The body broke off, or its Content-Length is no number.") from None
    raise Refusal(413, f"The body is larger than {limit} bytes.")


def parse(body: bytes) -> Any:
    """Return the JSON in `body`. NaN and Infinity are let through: the handler refuses the one value, not the call.

    Raises:
        Refusal: 400, unreadable (not UTF-8, not JSON, nested too deep, a number of thousands of digits).
    """
    try:
        return json.loads(body) if len(body) < LARGE_BYTES else lazyjson.loads(body, LARGE_ARRAY)
    except RecursionError:
        raise Refusal(400, "The JSON is nested too deep.") from None
    except ValueError:
        raise Refusal(400, "The body is not JSON.") from None


def process(message_id: int, *, body: bytes | None = None) -> Answer:
    """Hand an inbox row to its handler, and keep what became of it, in one transaction.

    Args:
        message_id: the row.
        body: what it holds, from who has just written it: megabytes need not be read back.

    Returns:
        The answer for the partner; for a row that is already settled, its answer of then.

    Raises:
        DatabaseError, or whatever the handler did not foresee: the row stays as it was.
    """
    for attempt in range(1, DEADLOCK_TRIES + 1):
        try:
            with transaction.atomic():
                return _process(message_id, body)
        except Refusal as refusal:
            # What the handler wrote before it refused has gone with its transaction.
            with transaction.atomic():
                message = _LOCKED.get(message_id)
                return _settled(message) or _settle(message, _refused(refusal))
        except (OperationalError, IntegrityError):
            # A deadlock, or another has just written what both found missing: now it is there to be seen.
            if attempt == DEADLOCK_TRIES:
                raise
            log.warning("inbox row tried again after a conflict", inbox_id=message_id, attempt=attempt)
    raise AssertionError("unreachable")


def _process(message_id: int, body: bytes | None) -> Answer:
    message: InboxMessage = _LOCKED.get(message_id)
    if settled := _settled(message):
        return settled
    payload = parse(message.raw if body is None else body)
    return _settle(message, HANDLERS[message.partner, message.kind](message, payload))


def _settled(message: InboxMessage) -> Answer | None:
    """Return the answer of then, where somebody was here before."""
    if message.status in (Status.RECEIVED, Status.PARKED):
        return None
    return Answer(200, message.answer or {}, keep_as=message.status)


def _refused(refusal: Refusal) -> Answer:
    return Answer(refusal.status, {"detail": refusal.detail}, Status.REFUSED, str(refusal.detail))


def _settle(message: InboxMessage, answer: Answer) -> Answer:
    """Keep what became of a locked message."""
    became = {
        "status": str(answer.keep_as),
        "detail": answer.detail[:2000],
        "answer": answer.body,
        "subject": answer.subject or message.subject,
        "attempts": message.attempts + 1,
    }
    bulk.change(InboxMessage, {"id": message.pk}, became, now=("processed_at",))
    return answer


_LOCKED = Prepared(
    lambda asked: InboxMessage.objects.defer("body").select_for_update().filter(pk=asked),
    the(InboxMessage._meta.pk),
)


def note_failure(message_id: int, error: Exception) -> None:
    """Count a failure of our own; after `GIVE_UP_AFTER` the row waits for staff."""
    rows = InboxMessage.objects.filter(pk=message_id, status=Status.RECEIVED)
    rows.update(attempts=F("attempts") + 1, detail=f"Our own fault: {type(error).__name__}.")
    rows.filter(attempts__gte=GIVE_UP_AFTER).update(status=Status.CONFLICT)
    # A parked one goes to the end of its queue: a batch of such must not keep the others out.
    InboxMessage.objects.filter(pk=message_id, status=Status.PARKED).update(processed_at=Now())


def reprocess(message_id: int) -> Answer:
    """Try a settled message again, as staff asked; what it did before is not done twice.

    Raises:
        BodyGone: there is nothing left to process.
        InboxMessage.DoesNotExist.
    """
    kept = InboxMessage.objects.filter(pk=message_id, emptied_at__isnull=True)
    if not kept.update(status=Status.RECEIVED):
        raise BodyGone(InboxMessage.objects.defer("body").get(pk=message_id))
    return process(message_id)


# ---- the view -----------------------------------------------------------------------------------


def _json_content(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return bool(re.fullmatch(r"application/([\w.-]+\+)?json", media_type))


@method_decorator(csrf_exempt, name="dispatch")
class Webhook(View):
    """One partner's way in. `partner` and `kind` name the handler."""

    partner: ClassVar[str]
    kind: ClassVar[str]
    http_method_names: ClassVar[list[str]] = ["post", "options"]  # type: ignore[misc]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Authenticate, keep, process, answer."""
        try:
            self.authenticate(request)
            body = read_body(request, settings.WEBHOOK_MAX_BYTES)
            verify_signature(request, self.partner, body)
        except Refusal as refusal:
            return refused(refusal)
        is_json = _json_content(request.headers.get("Content-Type", ""))
        try:
            message_id = self._keep(request, body, is_json=is_json)
        except Error:
            return refused(Refusal(503, "The database is away. Nothing was kept."))
        if not is_json:
            return refused(Refusal(415, NOT_JSON))
        try:
            answer = process(message_id, body=body)
        except Exception as error:
            # The bytes are kept and the sweep tries again: the partner, who calls once, has done its part.
            log.exception("webhook kept, to be processed later", inbox_id=message_id)
            with suppress(Error):  # the database may have gone away meanwhile
                note_failure(message_id, error)
            return JsonResponse({"accepted": True, "status": "received"}, status=202)
        return JsonResponse(answer.body, status=answer.status)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer 405 in JSON."""
        return JsonResponse({"detail": "Only POST is allowed here."}, status=405, headers={"Allow": "POST"})

    def authenticate(self, request: HttpRequest) -> None:
        """Let the partner pass, or raise a Refusal."""
        authenticate(request, self.partner)

    def _keep(self, request: HttpRequest, body: bytes, *, is_json: bool) -> int:
        context = structlog.contextvars.get_contextvars()
        row = {
            "partner": self.partner,
            "kind": self.kind,
            "body": body,
            "content_type": request.headers.get("Content-Type", "")[:100],
            "request_id": str(context.get("request_id", ""))[:64],
            "status": (Status.RECEIVED if is_json else Status.REFUSED).value,
            "detail": "" if is_json else NOT_JSON,
        }
        return int(bulk.insert_one(InboxMessage, row))


def refused(refusal: Refusal) -> JsonResponse:
    """Answer a refusal in the uniform shape."""
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    return JsonResponse({"detail": refusal.detail}, status=refusal.status, headers=headers)
