"""What the API says of a listing, and what it accepts."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from integrations.rest import MoneyField, PageSerializer, TextField, TimeField
from listings import offers
from listings.models import ProductListing, TransitionLog
from listings.states import State

SORTABLE = ("created_at", "state_changed_at", "asking_price", "estimated_profit", "confidence_score")


class PendingSerializer(serializers.Serializer[Any]):
    """What eBayLister was asked and has not answered yet."""

    operation = serializers.CharField()
    requested_at = serializers.DateTimeField()
    requested_by = serializers.CharField()
    attempts = serializers.IntegerField()
    last_error = serializers.CharField(allow_null=True)


class ListingSerializer(serializers.ModelSerializer[ProductListing]):
    """A listing as it is. Nothing here can be written. They are written by listings/api/show.py, one or many."""

    allowed_transitions = serializers.ListField(
        child=serializers.ChoiceField(choices=State.choices), read_only=True
    )
    pending = serializers.SerializerMethodField()

    class Meta:
        model = ProductListing
        exclude = ("raw_match", "identity", "session_id")
        read_only_fields = [field.name for field in ProductListing._meta.fields]

    @extend_schema_field(PendingSerializer(allow_null=True))
    def get_pending(self, listing: ProductListing) -> dict[str, Any] | None:
        """Show what eBayLister is to answer."""
        return offers.pending([listing]).get(str(listing.pk))


class ListingQuerySerializer(PageSerializer):
    """What `GET /admin/listings` can be asked."""

    state = serializers.ChoiceField(choices=State.choices, required=False)
    brand = TextField(max_length=100, required=False, allow_blank=True)
    q = TextField(max_length=2048, required=False, allow_blank=True)
    product_id = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    min_profit = MoneyField(least=-1_000_000, required=False)
    min_confidence = serializers.FloatField(min_value=0, max_value=100, required=False)
    created_after = TimeField(required=False)
    created_before = TimeField(required=False)
    needs_attention = serializers.BooleanField(required=False)
    ordering = serializers.ChoiceField(
        choices=[sign + name for name in SORTABLE for sign in ("", "-")], default="-created_at"
    )


class ListingPageSerializer(serializers.Serializer[Any]):
    """A page of listings."""

    listings = ListingSerializer(many=True)
    total = serializers.IntegerField()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


class HistorySerializer(serializers.ModelSerializer[TransitionLog]):
    """One arrow taken."""

    class Meta:
        model = TransitionLog
        fields = ("id", "from_state", "to_state", "transitioned_at", "triggered_by", "metadata")


class HistoryPageSerializer(serializers.Serializer[Any]):
    """The whole history of a listing, oldest first."""

    listing_id = serializers.UUIDField()
    history = HistorySerializer(many=True)


class TransitionSerializer(serializers.Serializer[Any]):
    """A request to take an arrow. Facts that the arrow does not take are an error: nothing is silently dropped."""

    FACTS: dict[str, tuple[str, ...]] = {
        State.PURCHASED: ("purchase_price", "shipping_cost"),
        State.LISTED: ("ebay_listing_id", "ebay_asking_price"),
        State.SOLD: ("purchase_price", "ebay_sold_price", "ebay_fees", "shipping_cost"),
    }

    to_state = serializers.ChoiceField(choices=State.choices)
    reason = TextField(max_length=1000, required=False, allow_blank=True, allow_null=True, default="")
    purchase_price = MoneyField(required=False, allow_null=True)
    ebay_sold_price = MoneyField(required=False, allow_null=True)
    ebay_fees = MoneyField(required=False, allow_null=True)
    shipping_cost = MoneyField(required=False, allow_null=True)
    ebay_listing_id = serializers.CharField(max_length=64, required=False, allow_null=True)
    ebay_asking_price = MoneyField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse facts that belong to another arrow."""
        taken = self.FACTS.get(attrs["to_state"], ())
        strangers = set(attrs) - set(taken) - {"to_state", "reason"}
        wrong = {
            name: ["This arrow does not take it."] for name in sorted(strangers) if attrs[name] is not None
        }
        if wrong:
            raise serializers.ValidationError(wrong)
        return attrs

    @classmethod
    def facts(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return the facts that were told, of what was found valid."""
        taken = cls.FACTS.get(values["to_state"], ())
        return {name: values[name] for name in taken if values.get(name) is not None}


class RetrySerializer(serializers.Serializer[Any]):
    """Which calls are tried again."""

    listing_id = serializers.UUIDField()
    operations = serializers.ListField(child=serializers.CharField())
