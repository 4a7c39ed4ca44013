"""What selling needs: photos, the offer on eBay, and the ledger of what a camera cost and brought."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.ids import uuid7
from listings.models.listing import ProductListing, money


class Photo(models.Model):
    """One picture of a camera, re-encoded by us. The one with the lowest position is the cover.

    The files lie in the default storage under random names; nobody reaches
    them but through listings/photos/.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    listing = models.ForeignKey(ProductListing, on_delete=models.PROTECT, related_name="photos")
    position = models.PositiveIntegerField()
    image = models.FileField(max_length=200)
    thumbnail = models.FileField(max_length=200)
    width = models.PositiveIntegerField(help_text="Pixels.")
    height = models.PositiveIntegerField(help_text="Pixels.")
    size = models.PositiveIntegerField(help_text="Bytes.")
    added_by = models.CharField(max_length=200, help_text="user:NAME or telegram:NAME")
    telegram_unique_id = models.CharField(  # noqa: DJ001  null: not from Telegram
        max_length=100, null=True, blank=True, help_text="Telegram's name of the picture: it is taken once."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("position", "id")
        permissions = (("arrange_photo", "Can change the order of photos"),)
        default_permissions = ("view", "add", "delete")
        constraints = (
            models.UniqueConstraint(fields=["listing", "telegram_unique_id"], name="photo_of_telegram_once"),
        )

    def __str__(self) -> str:
        return f"Photo {self.position}"


class EbayOffer(models.Model):
    """What is, or will be, shown on eBay for a listing. Until it was prepared, what is known is proposed.

    `requested_at` is when staff asked eBayLister to list it, `accepted_at`
    when eBayLister said that it had; in between it is pending.
    """

    listing = models.OneToOneField(ProductListing, on_delete=models.PROTECT, related_name="ebay_offer")
    title = models.CharField(max_length=512, blank=True, default="")
    description = models.TextField(max_length=4000, blank=True, default="")
    condition = models.CharField(max_length=50, blank=True, default="")
    price = money()
    prepared_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When it was first edited or asked for: from then on its texts count.",
    )
    problems = models.JSONField(
        default=dict, blank=True, help_text="What eBayLister refused last, its words by field."
    )
    requested_at = models.DateTimeField(null=True, blank=True)
    requested_by = models.CharField(max_length=200, blank=True, default="")
    offer_id = models.CharField(max_length=64, blank=True, default="", help_text="eBay's id of the offer.")
    url = models.CharField(max_length=500, blank=True, default="", help_text="The listing's page on eBay.")
    accepted_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it was taken off eBay, unsold.")
    checked_at = models.DateTimeField(
        null=True, blank=True, help_text="When eBayLister was last asked whether it has sold."
    )

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view", "change")
        constraints = (
            models.CheckConstraint(
                name="ebay_offer_price_not_negative", condition=Q(price__isnull=True) | Q(price__gte=0)
            ),
        )
        indexes = (
            models.Index(
                fields=["checked_at"], name="ebay_offer_unended", condition=Q(ended_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return self.title or "eBay offer"


class LedgerLine(models.Model):
    """One amount that a camera cost or brought: appended once, never changed, not even by SQL (listings/guards.py).

    A cost is positive under the name of a cost, an income under the name of
    an income. What was wrong is put right by a further line with the
    difference, which may be negative, and which names the line it corrects.
    """

    class Kind(models.TextChoices):
        SALE = "sale", "Sale"
        REFUND = "refund", "Refund to the buyer"
        PURCHASE = "purchase", "Purchase"
        POSTAGE_IN = "postage_in", "Postage in"
        POSTAGE_OUT = "postage_out", "Postage out"
        EBAY_FEES = "ebay_fees", "eBay fees"
        REPAIRS = "repairs", "Repairs"
        OTHER = "other", "Other costs"

    listing = models.ForeignKey(ProductListing, on_delete=models.PROTECT, related_name="ledger")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    date = models.DateField(help_text="The day it counts for, in the staff's time zone.")
    note = models.CharField(max_length=500, blank=True, default="")
    by = models.CharField(max_length=200)
    corrects = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrections"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "ledger"
        ordering = ("id",)
        default_permissions = ("view", "add")
        permissions = (("correct_ledgerline", "Can correct what was booked"),)
        constraints = (
            models.CheckConstraint(
                name="ledger_negative_corrects", condition=Q(amount__gte=0) | Q(corrects__isnull=False)
            ),
        )
        indexes = (models.Index(fields=["date", "id"], name="ledger_by_date"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Append the row.

        Raises:
            TypeError: it exists already.
        """
        if not self._state.adding:
            raise TypeError("A ledger line is never changed: write a correction.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse.

        Raises:
            TypeError: always.
        """
        raise TypeError("A ledger line is never deleted: write a correction.")
