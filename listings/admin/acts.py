"""What staff do with a listing beside taking an arrow: retry a call, snooze, settle a callback.

Each takes the request and the listing, calls the door, and returns the level
and the words of what happened.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse

from integrations.callers import staff_name
from integrations.models import InboxMessage
from integrations.show import stamp
from listings import conflicts, deliveries, lifecycle
from listings.models import ProductListing

Result = tuple[int, str]


class SnoozeForm(forms.Form):
    """Asks for how long, and why."""

    days = forms.IntegerField(
        label="Days more",
        min_value=1,
        max_value=30,
        initial=2,
        widget=forms.NumberInput(attrs={"class": "ae-input"}),
    )
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        widget=forms.TextInput(attrs={"class": "ae-input", "autocomplete": "off"}),
    )


class DismissForm(forms.Form):
    """Asks why nothing is to follow."""

    reason = forms.CharField(
        label="Reason to dismiss",
        max_length=500,
        widget=forms.TextInput(attrs={"class": "ae-input", "autocomplete": "off"}),
    )


def context(listing: ProductListing) -> dict[str, Any]:
    """Return what the page needs for these buttons."""
    name, args = "admin:listings_productlisting", [listing.pk]
    return {
        "retry_url": reverse(f"{name}_retry", args=args),
        "snooze_url": reverse(f"{name}_snooze", args=args) if listing.deadline_at else "",
        "snooze_form": SnoozeForm(auto_id="id_snooze_%s"),
    }


def _first_error(form: forms.Form) -> str:
    return "Not saved: " + " ".join(
        f"{form.fields[name].label if name in form.fields else name}: {' '.join(map(str, errors))}"
        for name, errors in form.errors.items()
    )


def retry(request: HttpRequest, listing: ProductListing) -> Result:
    """Have the failed partner calls tried again."""
    try:
        topics = deliveries.retry(listing.pk, by=staff_name(request))
    except deliveries.NothingToRetry as error:
        return messages.WARNING, str(error)
    return messages.SUCCESS, f"To be tried again at once: {', '.join(topics)}."


def snooze(request: HttpRequest, listing: ProductListing) -> Result:
    """Move the deadline."""
    form = SnoozeForm(request.POST)
    if not form.is_valid():
        return messages.ERROR, _first_error(form)
    try:
        later = lifecycle.snooze(listing.pk, by=staff_name(request), **form.cleaned_data)
    except ValueError as error:
        return messages.ERROR, f"Not saved: {error}"
    return messages.SUCCESS, f"Snoozed until {stamp(later.deadline_at)}." if later.deadline_at else "Snoozed."


def settle(request: HttpRequest, listing: ProductListing, message_id: int) -> Result:
    """Apply a callback, or dismiss it with a reason."""
    message = get_object_or_404(InboxMessage.objects.defer("body"), pk=message_id, subject=listing.pk)
    try:
        if request.POST.get("do") == "apply":
            return messages.SUCCESS, f"Applied: {conflicts.apply(message.pk, by=staff_name(request))}."
        form = DismissForm(request.POST)
        if not form.is_valid():
            return messages.ERROR, _first_error(form)
        conflicts.dismiss(message.pk, by=staff_name(request), reason=form.cleaned_data["reason"])
    except (conflicts.CannotSettle, lifecycle.IllegalArrow) as error:
        return messages.ERROR, f"Not saved: {error}"
    return messages.SUCCESS, "Dismissed. It stays in the inbox, with the reason."
