"""`/admin/listings`: read by staff, changed only through the door."""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import F, OrderBy, Q, QuerySet
from django.db.models.functions import Upper
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.callers import staff_name
from integrations.paging import keys
from integrations.rest import Unprocessable, checked, question
from listings import attention, days, deliveries, lifecycle, offers, tally
from listings.api import show
from listings.api.offers import by_field
from listings.api.serializers import (
    HistoryPageSerializer,
    ListingPageSerializer,
    ListingQuerySerializer,
    ListingSerializer,
    RetrySerializer,
    TransitionSerializer,
)
from listings.models import ProductListing
from listings.search import asked_once, exactly
from listings.states import State

UNKNOWN = "There is no such listing."
_QUERY, _TRANSITION = ListingQuerySerializer(), TransitionSerializer()
REFUSED = OpenApiResponse(description="Readable, but not valid: `detail` names what, by field.")


class ListingViewSet(viewsets.GenericViewSet[ProductListing]):
    """Listings, newest first; one listing; its history; its next step."""

    queryset = ProductListing.objects.defer("raw_match")
    serializer_class = ListingSerializer
    read_permission = "listings.view_productlisting"
    change_permissions = {
        "transition": "listings.transition_productlisting",
        "retry": "listings.transition_productlisting",
    }
    lookup_value_converter = "uuid"
    pagination_class = None

    @extend_schema(
        parameters=[ListingQuerySerializer],
        responses={200: forced_singular_serializer(ListingPageSerializer), 422: REFUSED},
    )
    def list(self, request: Request) -> Response:
        """List listings that fit every filter given."""
        asked = checked(_QUERY, question(request))
        rows = search(ProductListing.objects.all(), asked)
        descending, name = asked["ordering"].startswith("-"), asked["ordering"].lstrip("-")
        order: str | OrderBy = asked["ordering"]
        if name in ("asking_price", "estimated_profit"):
            # Nulls last both ways: a listing without a price is neither the cheapest nor the dearest.
            order = F(name).desc(nulls_last=True) if descending else F(name).asc(nulls_last=True)
        ordered = rows.order_by(order, "-id" if descending else "id")
        total = _total(rows, asked)
        page = _page(ordered, asked, total)
        return Response(
            {
                "listings": show.known(page),
                "total": total,
                "limit": asked["limit"],
                "offset": asked["offset"],
            }
        )

    @extend_schema(responses={200: ListingSerializer})
    def retrieve(self, request: Request, pk: uuid.UUID) -> Response:
        """Show one listing."""
        return Response(show.one(self._listing(pk)))

    @extend_schema(responses={200: HistoryPageSerializer})
    @action(detail=True, methods=["get"])
    def history(self, request: Request, pk: uuid.UUID) -> Response:
        """Show every arrow that a listing has taken, oldest first."""
        listing = self._listing(pk)
        page = {"listing_id": listing.pk, "history": listing.history.order_by("sequence")}
        return Response(HistoryPageSerializer(page).data)

    @extend_schema(
        request=TransitionSerializer,
        responses={200: ListingSerializer, 202: ListingSerializer, 422: REFUSED},
    )
    @action(detail=True, methods=["post"])
    def transition(self, request: Request, pk: uuid.UUID) -> Response:
        """Take an arrow of the lifecycle. LISTED without `ebay_listing_id` is asked of eBayLister: 202, `pending`."""
        asked = self._asked(request, pk)
        to, facts = State(asked["to_state"]), TransitionSerializer.facts(asked)
        who = {"by": staff_name(request), "reason": asked["reason"] or ""}
        try:
            if to == State.LISTED and "ebay_listing_id" not in facts:
                return _ask_to_list(pk, price=facts.get("ebay_asking_price"), **who)
            verb: Any = lifecycle.VERBS.get(to)
            if verb is None:
                raise lifecycle.IllegalArrow(self._listing(pk).state, to)
            moved = verb(pk, **who, **(_priced(self._listing(pk), facts) if to == State.LISTED else facts))
        except ProductListing.DoesNotExist as error:
            raise NotFound(UNKNOWN) from error
        except lifecycle.IllegalArrow as error:
            raise Unprocessable({"to_state": [str(error)], "allowed": error.allowed}) from error
        except lifecycle.AlreadyListed as error:
            raise Unprocessable({"ebay_listing_id": [str(error)]}) from error
        return Response(show.one(moved))

    @extend_schema(request=None, responses={202: RetrySerializer, 422: REFUSED})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: uuid.UUID) -> Response:
        """Try the partner call that failed again."""
        listing = self._listing(pk)
        try:
            operations = deliveries.retry(listing.pk, by=staff_name(request))
        except deliveries.NothingToRetry as error:
            raise Unprocessable(str(error)) from error
        return Response({"listing_id": listing.pk, "operations": operations}, status=202)

    def _asked(self, request: Request, pk: uuid.UUID) -> dict[str, Any]:
        """Return the body of a request to take an arrow.

        Raises:
            Unprocessable: what is wrong, by field; where it is the state, with what is allowed.
        """
        try:
            return checked(_TRANSITION, request.data)
        except ValidationError as error:
            wrong: Any = error.detail
            listing = self._listing(pk)
            allowed = {"allowed": listing.allowed_transitions} if "to_state" in wrong else {}
            raise Unprocessable({**wrong, **allowed}) from None

    def _listing(self, pk: uuid.UUID) -> ProductListing:
        listing = self.get_queryset().filter(pk=pk).first()
        if listing is None:
            raise NotFound(UNKNOWN)
        return listing


def search(rows: QuerySet[ProductListing], asked: dict[str, Any]) -> QuerySet[ProductListing]:
    """Narrow listings down to what was asked for."""
    filters = Q()
    for name, lookup in _LOOKUPS.items():
        if name in asked:
            filters &= Q(**{lookup: asked[name]})
    if asked.get("brand"):
        rows = rows.annotate(_brand=Upper("brand"))
        filters &= Q(_brand=asked["brand"].upper())
    if "needs_attention" in asked:
        rows = attention.needed(rows, wanted=asked["needs_attention"])
    rows = rows.filter(filters)
    return _with_words(rows, text) if (text := asked.get("q")) else rows


def _with_words(rows: QuerySet[ProductListing], text: str) -> QuerySet[ProductListing]:
    # A word without a digit may be the code of one listing and in the titles of a thousand.
    if any(map(str.isdigit, text)) and (found := exactly(rows, text.strip())) is not None:
        return found
    words = Q(title__icontains=text) | Q(model__icontains=text) | Q(marketplace_url__icontains=text)
    return asked_once(rows.filter(words | Q(short_code=text.upper())))


def _page(ordered: QuerySet[ProductListing], asked: dict[str, Any], total: int) -> list[uuid.UUID]:
    """Return the ids of the page that was asked for; of all listings by their age, a far one begins at its day."""
    order, start = asked["ordering"], asked["offset"]
    by_age = order.lstrip("-") == "created_at" and set(asked) == {"ordering", "offset", "limit"}
    if not by_age or min(start, total - start) < days.WORTH:
        return keys(ordered, start, asked["limit"], total)
    place = days.place(start, descending=order.startswith("-"))
    return keys(ordered.filter(place.rows), place.skip, asked["limit"])


def _total(rows: QuerySet[ProductListing], asked: dict[str, Any]) -> int:
    """Count what was asked for; by state and brand, the number is known."""
    if any(asked.get(name) not in (None, "") for name in _COUNTED_ROW_BY_ROW):
        return rows.order_by().count()
    return tally.count(state=asked.get("state", ""), brand=asked.get("brand", ""))


_LOOKUPS = {
    "state": "state",
    "product_id": "product_id",
    "min_profit": "estimated_profit__gte",
    "min_confidence": "confidence_score__gte",
    "created_after": "created_at__gte",
    "created_before": "created_at__lt",
}
_COUNTED_ROW_BY_ROW = {*_LOOKUPS, "q", "needs_attention"} - {"state"}


@transaction.atomic
def _ask_to_list(pk: uuid.UUID, **told: Any) -> Response:
    """Have it listed by eBayLister, and show it as it waits, before an answer can come.

    Raises:
        Unprocessable: the draft lacks something.
    """
    try:
        listing = offers.to_list(pk, **told)
    except offers.NotReady as error:
        raise Unprocessable(by_field(error, price="ebay_asking_price")) from error
    return Response(show.one(listing), status=202)


def _priced(listing: ProductListing, facts: dict[str, Any]) -> dict[str, Any]:
    """Give what was listed by hand the price that eBayLister would have been told, where none is.

    Raises:
        Unprocessable: no price is known.
    """
    if listing.state != State.RECEIVED or "ebay_asking_price" in facts:
        return facts
    price = offers.draft(listing).price
    if price is None:
        raise Unprocessable({"ebay_asking_price": ["Asking price or estimate is not known: give one."]})
    return {**facts, "ebay_asking_price": price}
