"""What buying needs: the lead at Chatterbot, the outreach queue, its rules, its limits, its kill switch."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from listings.models.listing import ProductListing, money


class Lead(models.Model):
    """What Chatterbot has of a listing. One a listing, made when the listing enters MESSAGING."""

    listing = models.OneToOneField(ProductListing, on_delete=models.PROTECT, related_name="lead")
    order_id = models.IntegerField(null=True, blank=True, unique=True, help_text="Chatterbot's id of it.")
    created_at = models.DateTimeField(db_default=Now())
    accepted_at = models.DateTimeField(null=True, blank=True)
    message_sent_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    conversation_thread_id = models.CharField(max_length=200, blank=True, default="")
    seller_messenger_id = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"Lead {self.order_id or 'without order id'}"


class OutreachRule(models.Model):
    """Approves found listings into the queue by itself, while it is active."""

    name = models.CharField(max_length=60, unique=True)
    brand = models.CharField(max_length=100, blank=True, default="", help_text="Empty: every brand.")
    product_id = models.IntegerField(null=True, blank=True, help_text="Empty: every product.")
    min_confidence = models.DecimalField(
        max_digits=5, decimal_places=2, default=90, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    min_net_estimate = models.DecimalField(max_digits=10, decimal_places=2, default=50)
    max_price = money(validators=[MinValueValidator(0)], help_text="Empty: any price.")
    active = models.BooleanField(default=False, help_text="Try it before you switch it on.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Approval(models.Model):
    """A listing that may be messaged when its turn comes. It waits as long as it is FOUND."""

    listing = models.OneToOneField(ProductListing, on_delete=models.CASCADE, related_name="approval")
    approved_at = models.DateTimeField(db_default=Now())
    approved_by = models.CharField(max_length=200, help_text="user:NAME, telegram:NAME or rule:NAME")
    withdrawn_at = models.DateTimeField(
        null=True, blank=True, help_text="Taken out by staff: no rule puts it back, only a person does."
    )

    class Meta:
        verbose_name_plural = "outreach"
        ordering = ("id",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"approved by {self.approved_by}"


class OutreachSettings(models.Model):
    """How much and how fast: one row, which staff edit. Its lock also makes two runs of the queue take turns."""

    hourly_rate = models.PositiveSmallIntegerField(
        default=5, help_text="Messages an hour. Chatterbot sends 5."
    )
    daily_cap = models.PositiveSmallIntegerField(default=40, help_text="Messages in 24 hours.")
    budget = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        default=Decimal(7500),
        validators=[MinValueValidator(0)],
        help_text="What may be bound in Messaging, Negotiating and Purchased together.",
    )
    ebay_fee_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal("12.80"),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Of the expected sale price.",
    )
    postage = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        default=Decimal("8.50"),
        validators=[MinValueValidator(0)],
        help_text="What both ways cost together, on average.",
    )

    class Meta:
        verbose_name_plural = "outreach limits"
        default_permissions = ("view", "change")
        constraints = (models.CheckConstraint(name="outreach_settings_are_one", condition=Q(pk=1)),)

    def __str__(self) -> str:
        return "Outreach settings"

    @classmethod
    def load(cls) -> "OutreachSettings":
        """Return the row, made with the defaults where it is missing."""
        return cls.objects.get_or_create(pk=1)[0]


class EstimateCorrection(models.Model):
    """What experience adds to a product's net estimate: one amount a product, negative where it was too high."""

    product_id = models.IntegerField(unique=True)
    name = models.CharField(max_length=301, help_text="Brand and model.")
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    changed_at = models.DateTimeField(db_default=Now())
    changed_by = models.CharField(max_length=200)

    class Meta:
        ordering = ("name", "id")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


class KillSwitch(models.Model):
    """One time that outreach was stopped: by whom, why, and who let it go on."""

    thrown_at = models.DateTimeField(db_default=Now())
    thrown_by = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "kill switch"
        default_permissions = ("view",)
        permissions = (("throw_killswitch", "Can stop and resume outreach"),)
        constraints = (
            models.UniqueConstraint(
                "lifted_by", condition=Q(lifted_at__isnull=True), name="one_kill_switch_thrown"
            ),
        )

    def __str__(self) -> str:
        return f"Stopped by {self.thrown_by}: {self.reason}"
