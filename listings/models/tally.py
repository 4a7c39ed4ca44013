"""How many listings there are, and what they come to, kept as listings change: to count a million takes too long."""

from django.db import models


class ListingTally(models.Model):
    """A change of the numbers of one state and brand; what all rows of the pair add up to, is the number now.

    Triggers append a row with every change of a listing (listings/tally.py), so
    nobody waits for another's lock; a task folds the rows of a pair into one.
    """

    state = models.CharField(max_length=50)
    brand = models.CharField(max_length=100, help_text="In capitals, as the database makes them.")
    listings = models.IntegerField()
    pennies = models.BigIntegerField(help_text="Earned in SOLD, else what is paid, agreed or asked.")

    class Meta:
        ordering = ("id",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.state} {self.brand}: {self.listings:+}"


class ListingDay(models.Model):
    """How many more listings a day has: the day's rows add up to how many were created on it (listings/days.py)."""

    day = models.DateField(help_text="In UTC.")
    listings = models.IntegerField()

    class Meta:
        ordering = ("id",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.day}: {self.listings:+}"
