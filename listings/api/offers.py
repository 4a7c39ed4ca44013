"""`/admin/listings/{id}/ebay`: what eBay shows, or is to show, of a listing; edited, changed and ended by staff."""

import uuid
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.rest import Conflict, MoneyField, StrictSerializer, TextField, Unprocessable, question
from listings import offers, photos
from listings.api.photos import a_day
from listings.api.serializers import PendingSerializer
from listings.models import EbayOffer, ProductListing
from listings.states import State

# eBay takes less; what is too long is kept and named as a blocker, so that staff can shorten it.
LONGEST_TITLE, LONGEST_DESCRIPTION = 512, 20_000
REFUSED = {
    409: OpenApiResponse(description="Not in the state that the listing is in. Nothing was changed."),
    422: OpenApiResponse(description="eBay would not take it: `detail` names what, by field."),
}


class BlockerSerializer(serializers.Serializer[Any]):
    """What keeps a draft from eBay: the field, and what to do."""

    field = serializers.CharField()
    words = serializers.CharField()


class OfferSerializer(serializers.Serializer[Any]):
    """The offer as it would be sent; once Listed, as it is on eBay. `problems` is what eBayLister refused last."""

    listing_id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=State.choices)
    title = serializers.CharField()
    brand = serializers.CharField()
    model = serializers.CharField()
    condition = serializers.CharField()
    description = serializers.CharField()
    price = serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True)
    photos = serializers.ListField(child=serializers.URLField())
    blockers = BlockerSerializer(many=True)
    problems = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    pending = PendingSerializer(allow_null=True)
    ebay_listing_id = serializers.CharField(allow_null=True)
    offer_id = serializers.CharField()
    url = serializers.CharField()
    requested_at = serializers.DateTimeField(allow_null=True)
    requested_by = serializers.CharField()
    accepted_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class OfferChangeSerializer(StrictSerializer):
    """What is to be different. An empty price in a draft is the one that is proposed."""

    title = TextField(max_length=LONGEST_TITLE, required=False, allow_blank=True)
    condition = serializers.ChoiceField(choices=offers.Condition.choices, required=False, allow_blank=True)
    description = TextField(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True)
    price = MoneyField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a body that changes nothing."""
        if not attrs:
            raise serializers.ValidationError("Tell title, condition, description or price.")
        return attrs


class OfferEndSerializer(StrictSerializer):
    """Why it is to be taken off eBay; in the query, or as a body."""

    reason = TextField(max_length=1000, required=False, allow_blank=True, default="")


class OfferViewSet(viewsets.GenericViewSet[EbayOffer]):
    """The offer of one listing on eBay."""

    queryset = EbayOffer.objects.all()
    serializer_class = OfferSerializer
    read_permission = "listings.view_ebayoffer"
    change_permissions = {"edit": "listings.change_ebayoffer", "end": "listings.change_ebayoffer"}
    pagination_class = None

    @extend_schema(operation_id="admin_listings_ebay", responses={200: OfferSerializer})
    def show(self, request: Request, pk: uuid.UUID) -> Response:
        """Show what eBay is to show, what keeps it from there, and what eBayLister was asked."""
        return Response(_shown(pk))

    @extend_schema(
        operation_id="admin_listings_ebay_edit",
        request=OfferChangeSerializer,
        responses={200: OfferSerializer, 202: OfferSerializer, **REFUSED},
    )
    def edit(self, request: Request, pk: uuid.UUID) -> Response:
        """Edit the draft of a Received listing (200), or ask eBayLister to change a Listed one (202)."""
        listing = _listing(pk)
        asked = OfferChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if listing.state == State.RECEIVED:
            return _done(offers.edit, pk, status=200, by=_by(request), **asked.validated_data)
        return _done(offers.to_change, pk, status=202, by=_by(request), **asked.validated_data)

    @extend_schema(
        operation_id="admin_listings_ebay_end",
        request=None,
        parameters=[OfferEndSerializer],
        responses={202: OfferSerializer, **REFUSED},
    )
    def end(self, request: Request, pk: uuid.UUID) -> Response:
        """Ask eBayLister to take a Listed one off eBay."""
        _listing(pk)
        asked = OfferEndSerializer(data=request.data or question(request))
        asked.is_valid(raise_exception=True)
        return _done(offers.to_end, pk, status=202, by=_by(request), reason=asked.validated_data["reason"])


def by_field(error: offers.NotReady, **other_names: str) -> dict[str, list[str]]:
    """Return what keeps it from eBay as the API names fields; `other_names` has those that differ."""
    return {other_names.get(each.field, each.field): [each.words] for each in error.blockers}


@transaction.atomic
def _done(act: Any, pk: uuid.UUID, *, status: int, **told: Any) -> Response:
    """Do it, and show in the same transaction what has become of it: an answer may be quick."""
    try:
        act(pk, **told)
    except offers.NotNow as error:
        raise Conflict(str(error)) from error
    except offers.NotReady as error:
        raise Unprocessable(by_field(error)) from error
    return Response(_shown(pk), status=status)


def _shown(pk: uuid.UUID) -> Any:
    listing = _listing(pk)
    ready, offer = offers.draft(listing), getattr(listing, "ebay_offer", None) or EbayOffer()
    kept = ("problems", "offer_id", "url", "requested_at", "requested_by", "accepted_at", "ended_at")
    page = {name: getattr(offer, name) for name in kept}
    page |= {name: getattr(ready, name) for name in ("title", "condition", "description", "price")}
    page |= {name: getattr(listing, name) for name in ("state", "brand", "model", "ebay_listing_id")}
    page |= {
        "listing_id": listing.pk,
        "photos": [photos.signed_url(photo, until=a_day()) for photo in ready.photos],
        "blockers": offers.blockers(listing) if listing.state == State.RECEIVED else [],
        "pending": offers.pending([listing]).get(str(listing.pk)),
    }
    return OfferSerializer(page).data


def _listing(pk: uuid.UUID) -> ProductListing:
    rows = ProductListing.objects.select_related("ebay_offer").prefetch_related("photos").defer("raw_match")
    listing = rows.filter(pk=pk).first()
    if listing is None:
        raise NotFound("There is no such listing.")
    return listing


def _by(request: Request) -> str:
    return f"user:{request.user.get_username()}"
