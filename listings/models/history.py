"""What happened to a listing: the log of its arrows, sightings, and notes."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from listings.models.listing import ProductListing, money
from listings.states import State


class TransitionLog(models.Model):
    """One arrow taken: appended once, never changed, not even by SQL (listings/guards.py)."""

    # The constraint below has an index that begins with it.
    listing = models.ForeignKey(
        ProductListing, on_delete=models.PROTECT, related_name="history", db_index=False
    )
    sequence = models.PositiveIntegerField(help_text="1, 2, 3 … for each listing, without a gap.")
    event_id = models.UUIDField(unique=True, help_text="The event that told the outside.")
    from_state = models.CharField(max_length=20, choices=State.choices, null=True, blank=True)  # noqa: DJ001  null: new
    to_state = models.CharField(max_length=20, choices=State.choices)
    transitioned_at = models.DateTimeField()
    triggered_by = models.CharField(max_length=200)
    metadata = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "transition log"
        ordering = ("-id",)
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint("listing", "sequence", name="log_sequence"),)
        indexes = (models.Index(fields=["to_state", "transitioned_at"], name="log_entered"),)

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} → {self.to_state}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Append the row.

        Raises:
            TypeError: it exists already.
        """
        if not self._state.adding:
            raise TypeError("A TransitionLog row is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse.

        Raises:
            TypeError: always.
        """
        raise TypeError("A TransitionLog row is never deleted.")


class Sighting(models.Model):
    """One time that a scrape saw the item: when, in which job, at what price."""

    listing = models.ForeignKey(ProductListing, on_delete=models.CASCADE, related_name="sightings")
    scraper_job_id = models.UUIDField()
    seen_at = models.DateTimeField()
    price = money()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.seen_at:%d %b %H:%M}"


class Note(models.Model):
    """Something about a listing that is no arrow: a snooze, a callback that staff settled."""

    listing = models.ForeignKey(ProductListing, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField(db_default=Now())
    by = models.CharField(max_length=200)
    text = models.TextField()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.text
