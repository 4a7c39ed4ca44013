"""`/admin/listings/{id}/ledger`: what a camera cost and brought, line by line; and what staff book."""

import uuid
from datetime import date
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.rest import MoneyField, StrictSerializer, TextField, TruthField, Unprocessable
from listings import bookkeeping, ledger
from listings.models import LedgerLine, ProductListing

REFUSED = OpenApiResponse(description="Readable, but not booked: `detail` names what is wrong, by field.")


class LineSerializer(serializers.ModelSerializer[LedgerLine]):
    """One line. A correction names the line that it corrects, and may be negative."""

    class Meta:
        model = LedgerLine
        fields = ("id", "kind", "amount", "date", "note", "by", "corrects", "created_at")
        read_only_fields = fields


class LedgerSerializer(serializers.Serializer[Any]):
    """The ledger of a listing, oldest line first; `totals` has the kinds that are known."""

    listing_id = serializers.UUIDField(source="listing.pk")
    lines = LineSerializer(many=True)
    totals = serializers.DictField(child=serializers.DecimalField(max_digits=12, decimal_places=2))
    final_profit = serializers.DecimalField(
        source="listing.final_profit", max_digits=12, decimal_places=2, allow_null=True
    )
    profit_is_provisional = serializers.BooleanField(source="listing.profit_is_provisional")


@extend_schema_field({"type": "string", "format": "date"})
class DayField(serializers.DateField):
    """A day, as 2026-11-24."""

    def to_internal_value(self, value: Any) -> date:
        """Return the day; a number or a time is none."""
        if not isinstance(value, str) or len(value) != len("2026-11-24") or not value.isascii():
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


class BookSerializer(StrictSerializer):
    """A further cost."""

    kind = serializers.ChoiceField(choices=[(kind.value, kind.label) for kind in bookkeeping.COSTS])
    amount = MoneyField()
    date = DayField(required=False, allow_null=True, default=None)
    note = TextField(max_length=500, required=False, allow_blank=True, default="")


class CorrectSerializer(StrictSerializer):
    """What the line should come to, with its earlier corrections, and why."""

    amount = MoneyField()
    note = TextField(max_length=500)


class RefundSerializer(StrictSerializer):
    """What the buyer got back, why, and whether the camera came back."""

    amount = MoneyField()
    note = TextField(max_length=500)
    returned = TruthField()
    date = DayField(required=False, allow_null=True, default=None)


class LedgerViewSet(viewsets.GenericViewSet[LedgerLine]):
    """The ledger of one listing."""

    queryset = LedgerLine.objects.all()
    serializer_class = LineSerializer
    read_permission = "listings.view_ledgerline"
    change_permissions = {
        "book": "listings.add_ledgerline",
        "correct": "listings.correct_ledgerline",
        "refund": "listings.correct_ledgerline",
    }
    pagination_class = None

    @extend_schema(responses={200: LedgerSerializer})
    def show(self, request: Request, pk: uuid.UUID) -> Response:
        """Show every line of a listing, oldest first, and what they come to."""
        listing = _listing(pk)
        page = {
            "listing": listing,
            "lines": LedgerLine.objects.filter(listing=listing),
            "totals": ledger.sums(listing),
        }
        return Response(LedgerSerializer(page).data)

    @extend_schema(request=BookSerializer, responses={201: LineSerializer, 422: REFUSED})
    def book(self, request: Request, pk: uuid.UUID) -> Response:
        """Book a further cost."""
        told = _told(BookSerializer, pk, request)
        return _written(
            bookkeeping.book,
            pk,
            told["kind"],
            told["amount"],
            on=told["date"],
            note=told["note"],
            by=_by(request),
        )

    @extend_schema(request=CorrectSerializer, responses={201: LineSerializer, 422: REFUSED})
    def correct(self, request: Request, pk: uuid.UUID, line: int) -> Response:
        """Book the difference that makes a line come to the amount."""
        told = _told(CorrectSerializer, pk, request)
        return _written(
            bookkeeping.correct, line, told["amount"], note=told["note"], listing_id=pk, by=_by(request)
        )

    @extend_schema(request=RefundSerializer, responses={201: LineSerializer, 422: REFUSED})
    def refund(self, request: Request, pk: uuid.UUID) -> Response:
        """Book what the buyer of a sold listing got back."""
        told = _told(RefundSerializer, pk, request)
        return _written(
            bookkeeping.refund,
            pk,
            told["amount"],
            note=told["note"],
            returned=told["returned"],
            on=told["date"],
            by=_by(request),
        )


def _by(request: Request) -> str:
    return f"user:{request.user.get_username()}"


def _listing(pk: uuid.UUID) -> ProductListing:
    listing = ProductListing.objects.defer("raw_match").filter(pk=pk).first()
    if listing is None:
        raise NotFound("There is no such listing.")
    return listing


def _told(form: type[serializers.Serializer[Any]], pk: uuid.UUID, request: Request) -> dict[str, Any]:
    _listing(pk)
    asked = form(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


def _written(act: Any, *args: Any, **told: Any) -> Response:
    try:
        line = act(*args, **told)
    except LedgerLine.DoesNotExist as error:
        raise NotFound("There is no such line in this listing's ledger.") from error
    except bookkeeping.NotBooked as error:
        raise Unprocessable({error.field: [str(error)]} if error.field else str(error)) from error
    return Response(LineSerializer(line).data, status=201)
