"""A sign of life of beat and worker: whoever looks at the back office must see when nothing moves any more."""

from django.db import models
from django.db.models.functions import Now


class Pulse(models.Model):
    """The last time that a task which beat had sent was run by a worker. One row."""

    name = models.CharField(max_length=20, primary_key=True)
    beaten_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
