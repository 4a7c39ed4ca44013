"""Filters for the back office's templates."""

from typing import Any

from django import template

from integrations import show

register = template.Library()

register.filter("amount", show.amount)
register.filter("money", show.money)
register.filter("raw", show.raw)
register.filter("since", show.since)
register.filter("when", show.when)


@register.filter
def signed(value: Any) -> str:
    """Mark up an amount whose sign matters."""
    return show.money(value, signed=True)
