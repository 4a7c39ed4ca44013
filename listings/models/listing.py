"""The listing: what is known of a camera, and the arrows it may take."""

import os
from datetime import datetime
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Upper
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from integrations.ids import uuid7
from listings.states import CANCELLABLE, ENTERED_AT, FORWARD, TIMEOUT_SETTING, State, allowed_from

# Without 0, 1, I, L, O and U: nothing that is misread or mistyped on a phone.
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 6
_PAIRS = [one + other for one in CODE_ALPHABET for other in CODE_ALPHABET]


# What the figures of a sale are made of, beside when it was.
SALE_FIGURES = (
    *("id", "state", "brand", "model", "product_id", "session_id"),
    *("final_profit", "profit_is_provisional", "returned_at", "estimated_profit", "asking_price"),
    *("purchase_price", "ebay_sold_price", "ebay_fees", "shipping_cost"),
    *(ENTERED_AT[state] for state in FORWARD if state != State.SOLD),
)


def new_short_code() -> str:
    """Return a random short code; the unique constraint decides whether it is free."""
    number = int.from_bytes(os.urandom(8), "big")
    return "".join(_PAIRS[number // len(_PAIRS) ** place % len(_PAIRS)] for place in range(CODE_LENGTH // 2))


def money(**options: Any) -> models.DecimalField:
    """Return a column for an amount of at most 1,000,000 in the product's one currency; null is "not known"."""
    return models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True, **options)


class ListingQuerySet(models.QuerySet["ProductListing"]):
    """Refuses the two ways in which a QuerySet could go round the door."""

    def update(self, **fields: Any) -> int:
        """Update rows, but never their state: that is for listings/lifecycle.py."""
        if "state" in fields:
            raise AttributeError("state changes go through listings/lifecycle.py")
        return super().update(**fields)

    def bulk_update(self, objs: Any, fields: Any, batch_size: int | None = None) -> int:
        """Update rows, but never their state."""
        if "state" in fields:
            raise AttributeError("state changes go through listings/lifecycle.py")
        return super().bulk_update(objs, fields, batch_size)


class ProductListing(ConcurrentTransitionMixin, models.Model):
    """One item on a marketplace, from the offer to the sale.

    State is protected: only the transitions below change it, and only
    listings/lifecycle.py calls them. Amounts are in `settings.CURRENCY`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    identity = models.CharField(
        max_length=80, unique=True, help_text="Which item it is: marketplace and item id."
    )
    short_code = models.CharField(max_length=CODE_LENGTH, unique=True, default=new_short_code, editable=False)
    state = FSMField(choices=State.choices, default=State.FOUND, protected=True)
    version = models.PositiveIntegerField(default=1, help_text="The sequence number of its latest log row.")

    marketplace_url = models.CharField(max_length=2048, help_text="Canonical.")
    raw_url = models.CharField(max_length=2048, help_text="As it was first seen.")
    title = models.CharField(max_length=512)
    location = models.CharField(max_length=255, blank=True, default="")
    product_id = models.IntegerField(help_text="The row in the owner's product catalogue.")
    brand = models.CharField(max_length=100)
    model = models.CharField(max_length=200)
    product_name = models.CharField(max_length=300, blank=True, default="")
    confidence_score = models.DecimalField(max_digits=5, decimal_places=2, help_text="0 to 100.")
    raw_match = models.JSONField(
        default=dict, help_text="The match as ScraperV2 sent it, unknown fields included."
    )
    scraper_job_id = models.UUIDField(db_index=True, help_text="ScraperV2's id of the job that found it.")
    session_id = models.IntegerField(help_text="Our serial number of that job, as Chatterbot wants it.")

    asking_price = money(validators=[MinValueValidator(0)])
    estimated_profit = money()
    negotiated_price = money()
    purchase_price = money()
    shipping_cost = money()
    ebay_fees = money()
    ebay_asking_price = money()
    ebay_sold_price = money()
    final_profit = money()
    profit_is_provisional = models.BooleanField(default=False)
    ebay_listing_id = models.CharField(max_length=64, null=True, blank=True, unique=True)
    ebay_order_id = models.CharField(  # noqa: DJ001  null: not sold, or sold by hand
        max_length=64,
        null=True,
        blank=True,
        help_text="The order that it was sold by; one may hold several cameras.",
    )
    returned_at = models.DateTimeField(null=True, blank=True, help_text="When the buyer's return was booked.")

    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    state_changed_at = models.DateTimeField(db_default=Now())
    found_at = models.DateTimeField(db_default=Now())
    messaged_at = models.DateTimeField(null=True, blank=True)
    negotiating_at = models.DateTimeField(null=True, blank=True)
    purchased_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    listed_at = models.DateTimeField(null=True, blank=True)
    sold_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True, help_text="When the state ends by itself.")
    warned_deadline = models.DateTimeField(
        null=True, blank=True, help_text="The deadline that staff were warned of."
    )
    seller_forgotten_at = models.DateTimeField(
        null=True, blank=True, help_text="When the seller's data were removed: no more are kept."
    )
    error_message = models.TextField(null=True, blank=True)  # noqa: DJ001  null: no error
    error_occurred_at = models.DateTimeField(null=True, blank=True)

    # Added by lifecycle.locked(): the database's time at which the row was read.
    db_now: datetime

    objects = ListingQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "listings"
        ordering = ("-created_at", "-id")
        permissions = (("transition_productlisting", "Can move a listing to another state"),)
        indexes = (
            models.Index(fields=["-created_at", "-id"], name="listing_newest"),
            models.Index(fields=["state", "-created_at", "-id"], name="listing_state_newest"),
            models.Index(fields=["state", "-estimated_profit"], name="listing_state_profit"),
            models.Index(fields=["state", "-state_changed_at", "-id"], name="listing_state_changed"),
            models.Index(
                fields=["sold_at"],
                name="listing_provisional",
                condition=Q(state=State.SOLD, profit_is_provisional=True),
            ),
            models.Index(fields=["-estimated_profit", "-id"], name="listing_profit"),
            models.Index(fields=["-asking_price", "-id"], name="listing_price"),
            models.Index(fields=["-confidence_score", "-id"], name="listing_confidence"),
            models.Index(fields=["-state_changed_at", "-id"], name="listing_changed"),
            models.Index(fields=["product_id", "-created_at", "-id", "state"], name="listing_product_newest"),
            # With the state, and the brand itself, or PostgreSQL would look into the table for each row it skips.
            models.Index(
                Upper("brand"),
                F("created_at").desc(),
                F("id").desc(),
                F("state"),
                F("brand"),
                name="listing_brand_state_newest",
            ),
            models.Index(
                fields=["deadline_at"], name="listing_deadline", condition=Q(deadline_at__isnull=False)
            ),
            models.Index(
                fields=["state", "deadline_at", "id"],
                name="listing_state_deadline",
                condition=Q(deadline_at__isnull=False),
            ),
            # What figures are made of, in the order of the sales: else each sale is a page of the table to read.
            models.Index(
                fields=["sold_at", *SALE_FIGURES], name="listing_sales", condition=Q(state=State.SOLD)
            ),
            models.Index(
                fields=["purchased_at", "brand", "asking_price", "purchase_price", "id"],
                name="listing_purchases",
                condition=Q(purchased_at__isnull=False),
            ),
            models.Index(
                fields=["-error_occurred_at"], name="listing_error", condition=Q(error_message__isnull=False)
            ),
        )
        constraints = (
            models.CheckConstraint(name="listing_state_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(name="listing_confidence", condition=Q(confidence_score__range=(0, 100))),
            models.CheckConstraint(
                name="listing_deadline_with_its_state",
                condition=Q(state__in=[str(state) for state in TIMEOUT_SETTING], deadline_at__isnull=False)
                | ~Q(state__in=[str(state) for state in TIMEOUT_SETTING]) & Q(deadline_at__isnull=True),
            ),
            models.CheckConstraint(
                name="listing_profit_when_sold", condition=Q(state=State.SOLD) | Q(final_profit__isnull=True)
            ),
            models.CheckConstraint(
                name="listing_returned_when_sold", condition=Q(state=State.SOLD) | Q(returned_at__isnull=True)
            ),
            models.CheckConstraint(
                name="listing_error_has_its_time",
                condition=Q(error_message__isnull=True, error_occurred_at__isnull=True)
                | Q(error_message__isnull=False, error_occurred_at__isnull=False),
            ),
            *(
                models.CheckConstraint(
                    name=f"listing_{state.lower()}_has_{column}",
                    condition=~Q(state=state) | Q(**{f"{column}__isnull": False}),
                )
                for state, column in ENTERED_AT.items()
            ),
            *(
                models.CheckConstraint(
                    name=f"listing_{column}_not_negative",
                    condition=Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__gte": 0}),
                )
                for column in (
                    "asking_price",
                    "negotiated_price",
                    "purchase_price",
                    "shipping_cost",
                    "ebay_fees",
                    "ebay_asking_price",
                    "ebay_sold_price",
                )
            ),
        )

    def __str__(self) -> str:
        return self.title

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        """Read the row anew. django_fsm's own version lifts the protection of `state` for all threads meanwhile."""
        rows = from_queryset if from_queryset is not None else type(self)._base_manager.db_manager(using)
        fresh = rows.get(pk=self.pk)
        wanted = (
            set(fields) if fields is not None else {field.attname for field in self._meta.concrete_fields}
        )
        names = {
            field.attname for field in self._meta.concrete_fields if {field.name, field.attname} & wanted
        }
        self.__dict__.update({name: fresh.__dict__[name] for name in names if name in fresh.__dict__})

    @property
    def allowed_transitions(self) -> list[str]:
        """List the states that one arrow leads to."""
        return allowed_from(self.state)

    # ---- the arrows, in lifecycle order. No I/O, no save: listings/lifecycle.py does the rest. ----

    @transition(field=state, source=State.FOUND, target=State.MESSAGING)
    def message_seller(self) -> None:
        """The seller is being written to."""

    @transition(field=state, source=State.MESSAGING, target=State.NEGOTIATING)
    def start_negotiating(self) -> None:
        """The seller has replied."""

    @transition(field=state, source=State.NEGOTIATING, target=State.PURCHASED)
    def purchase(self) -> None:
        """The deal is made."""

    @transition(field=state, source=State.PURCHASED, target=State.RECEIVED)
    def receive(self) -> None:
        """The camera is in our hands."""

    @transition(field=state, source=State.RECEIVED, target=State.LISTED)
    def list_on_ebay(self) -> None:
        """It is offered on eBay."""

    @transition(field=state, source=State.LISTED, target=State.SOLD)
    def sell(self) -> None:
        """It is sold."""

    @transition(field=state, source=list(CANCELLABLE), target=State.CANCELLED)
    def cancel(self) -> None:
        """Nothing will come of it."""
