"""What our two APIs share: who may, strict JSON in, uniform errors out, paging.

It stands here, at the bottom, so that `listings` and `scraping` can both use it.
"""

import json
import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, renderers, serializers, status
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils import encoders

from integrations import jsontext

if TYPE_CHECKING:
    from rest_framework.views import APIView

MAX_OFFSET = 2**31 - 1


class StaffWithPermission(BasePermission):
    """Staff who hold the permission that the view names for the method or action.

    A view sets `read_permission`, and `change_permissions`, a map from action
    names to permissions; an action that is in no map is refused.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Say whether the request may go on."""
        user = request.user
        if not (user.is_authenticated and user.is_active and user.is_staff):
            return False
        method = (request.method or "").lower()
        if method != "options" and method not in getattr(view, "action_map", {method: ""}):
            return True  # nobody may: the view answers 405
        needed = getattr(view, "change_permissions", {}).get(getattr(view, "action", None))
        if needed is None and request.method in ("GET", "HEAD", "OPTIONS"):
            needed = getattr(view, "read_permission", None)
        return needed is not None and user.has_perm(needed)


class TooLarge(exceptions.APIException):
    """413."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = _("The body is too large.")


class Unprocessable(exceptions.APIException):
    """422: readable, but not valid. `detail` is what is wrong, by field where it has one."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class Conflict(exceptions.APIException):
    """409: it cannot be in the state that the thing is in."""

    status_code = status.HTTP_409_CONFLICT


class StrictJSONParser(JSONParser):
    """JSON that can be stored: of bounded size and depth, without NaN, NUL or lone surrogates."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the parsed body.

        Raises:
            TooLarge, ParseError.
        """
        body = stream.read(settings.API_MAX_BYTES + 1)
        if len(body) > settings.API_MAX_BYTES:
            while stream.read(1024 * 1024):
                pass  # an answer is lost where the connection closes on unread data
            raise TooLarge
        try:
            value = json.loads(body, parse_constant=_no_constant)
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError):
            raise exceptions.ParseError("The body is not JSON that can be read.") from None
        return value


class JSONRenderer(renderers.JSONRenderer):
    """DRF's, but quick; and what is not text already, times and ids, is written in one way wherever it is shown."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        """Return the JSON of what is shown."""
        if data is None:
            return b""
        indent = self.get_indent(accepted_media_type or "", renderer_context or {})
        return jsontext.dumps(data, _PLAIN, indent=bool(indent))


_PLAIN = encoders.JSONEncoder().default


def checked(serializer: serializers.Serializer[Any], data: Any) -> dict[str, Any]:
    """Check what was sent by a serializer that is made once: each new one copies all of its fields.

    Raises:
        ValidationError: by field.
    """
    values: dict[str, Any] = serializer.run_validation({} if data is None else data)
    return values


def _no_constant(name: str) -> None:
    raise ValueError(name)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer every error as `{"detail": …}`; what is readable but invalid is 422."""
    if isinstance(exc, exceptions.ValidationError):
        return Response({"detail": exc.detail}, status=status.HTTP_422_UNPROCESSABLE_ENTITY)
    if isinstance(exc, RequestDataTooBig):
        exc = TooLarge()
    if isinstance(exc, OperationalError):
        return Response({"detail": "The database is away. Nothing was changed."}, status=503)
    if isinstance(exc, Unprocessable):
        return Response({"detail": exc.detail}, status=exc.status_code)
    from rest_framework.views import exception_handler as drf_exception_handler  # which imports this module

    if isinstance(exc, Http404 | PermissionDenied | exceptions.APIException):
        return drf_exception_handler(exc, context)
    return None


class TimeField(serializers.DateTimeField):
    """A time with its zone, in a year that every database and every zone can hold."""

    def to_internal_value(self, value: Any) -> datetime:
        """Return the time in UTC."""
        try:
            moment = super().to_internal_value(value)
            moment = moment.astimezone(UTC)
        except (OverflowError, ValueError):
            self.fail("overflow")
        if not 1970 <= moment.year <= 2200:
            self.fail("overflow")
        return moment


_AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)


class MoneyField(serializers.DecimalField):
    """An amount: a string with two places out, a number or a string in, rounded half up."""

    def __init__(self, *, least: int | None = 0, **kwargs: Any) -> None:
        super().__init__(
            max_digits=None,
            decimal_places=2,
            min_value=least,
            max_value=1_000_000,
            rounding=ROUND_HALF_UP,
            **kwargs,
        )

    def to_internal_value(self, data: Any) -> Any:
        """Return a Decimal; a bool, NaN, Infinity, or a number written in another way, is no amount."""
        text = "" if isinstance(data, bool) else str(data).strip()
        if len(text) > self.MAX_STRING_LENGTH or not _AMOUNT.fullmatch(text):
            self.fail("invalid")
        # Before it is rounded: rounding fails on what is too large, and hides a sign.
        if self.max_value is not None and Decimal(text) > self.max_value:
            self.fail("max_value", max_value=self.max_value)
        if self.min_value is not None and Decimal(text) < self.min_value:
            self.fail("min_value", min_value=self.min_value)
        return super().to_internal_value(text)

    def validate_precision(self, value: Any) -> Any:
        """Accept any number of places: the door rounds, once."""
        return value


class TextField(serializers.CharField):
    """Text. A number is none: it would have been written in one way, and kept in another."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text, without what is blank around it."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class TruthField(serializers.BooleanField):
    """true or false, and no word or number for them."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the truth value."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictSerializer(serializers.Serializer[Any]):
    """What is not understood is an error: a value must not go under another name than was meant."""

    def to_internal_value(self, data: Any) -> Any:
        """Check the body's fields, unknown ones included."""
        unknown = sorted(map(str, set(data) - set(self.fields))) if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError({name: ["There is no such field."] for name in unknown})
        return super().to_internal_value(data)


def question(request: Request) -> dict[str, str]:
    """Return the query's parameters.

    Raises:
        ValidationError: one is given twice, and nobody can say which is meant.
    """
    twice = sorted(name for name, values in request.query_params.lists() if len(values) > 1)
    if twice:
        raise serializers.ValidationError({name: ["It is given more than once."] for name in twice})
    return request.query_params.dict()


class PageSerializer(serializers.Serializer[Any]):
    """`limit` and `offset`; a parameter that nobody asked for is an error, not a filter that is silently off."""

    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    offset = serializers.IntegerField(min_value=0, max_value=MAX_OFFSET, default=0)

    def to_internal_value(self, data: Any) -> Any:
        """Check the query's parameters, unknown ones included."""
        if unknown := sorted(set(data) - set(self.fields) - {"format"}):
            raise serializers.ValidationError({name: ["There is no such parameter."] for name in unknown})
        return super().to_internal_value(data)
