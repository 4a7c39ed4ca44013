"""The outreach page: who is messaged next and why not yet, how much is left, and the switch that stops it all."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from integrations.admin.base import ReadOnlyAdmin, back
from integrations.callers import staff_name
from listings import outreach
from listings.admin.queue import page
from listings.models import Approval, ProductListing

STOP = "listings.throw_killswitch"
QUEUE = "admin:listings_approval_changelist"


class StopForm(forms.Form):
    """Asks why."""

    reason = forms.CharField(
        label="Why? Everybody sees it.",
        max_length=500,
        widget=forms.TextInput(attrs={"class": "ae-input", "autocomplete": "off"}),
    )


@admin.register(Approval)
class OutreachAdmin(ReadOnlyAdmin):
    """One page with the queue, the limits and the kill switch; no list and no page of a row."""

    act_permission = "listings.transition_productlisting"

    def get_urls(self) -> list[URLPattern]:
        """Serve the page and its buttons, and nothing of what the framework would add."""
        wrap, name = self.admin_site.admin_view, "listings_approval"
        return [
            path("", wrap(self.changelist_view), name=f"{name}_changelist"),
            path("stop/", wrap(self.stop_view), name=f"{name}_stop"),
            path("resume/", wrap(self.resume_view), name=f"{name}_resume"),
            path("<uuid:pk>/approve/", wrap(self.approve_view), name=f"{name}_approve"),
            path("<uuid:pk>/withdraw/", wrap(self.withdraw_view), name=f"{name}_withdraw"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Show the page. There is nothing to post to it."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        return self._show(request, StopForm())

    def _show(self, request: HttpRequest, form: StopForm) -> HttpResponse:
        context = page() | {
            "title": "Outreach",
            "may_act": self.may_act(request),
            "may_stop": request.user.has_perm(STOP),
            "may_edit": request.user.has_perm("listings.change_outreachsettings"),
            "may_add_rule": request.user.has_perm("listings.add_outreachrule"),
            "sees_rules": request.user.has_perm("listings.view_outreachrule"),
            "stop_form": form,
        }
        status = 422 if form.is_bound else 200
        response: Any = self.render(request, "staff/outreach.html", context, status=status)
        response.context_data["title"] = "Outreach"
        return response

    # ---- the switch -----------------------------------------------------------------------------

    def stop_view(self, request: HttpRequest) -> HttpResponse:
        """Throw the kill switch, with a reason."""
        if request.method != "POST":
            return HttpResponseRedirect(reverse(QUEUE))
        self.demand(request, STOP)
        form = StopForm(request.POST)
        if not form.is_valid():
            return self._show(request, form)
        reason, me = form.cleaned_data["reason"], staff_name(request)
        thrown = outreach.stop(by=me, reason=reason)
        if (thrown.thrown_by, thrown.reason) == (me, reason):
            messages.success(request, "Outreach is stopped. What waits keeps its place.")
        else:
            messages.warning(request, f"It was stopped already, by {thrown.thrown_by}: {thrown.reason}")
        return back(request, HttpResponseRedirect(reverse(QUEUE)))

    def resume_view(self, request: HttpRequest) -> HttpResponse:
        """Lift the kill switch."""
        if request.method == "POST":
            self.demand(request, STOP)
            if outreach.resume(by=staff_name(request)):
                messages.success(request, "Outreach goes on: the next message goes within a minute.")
            else:
                messages.warning(request, "It was not stopped.")
        return back(request, HttpResponseRedirect(reverse(QUEUE)))

    # ---- into the queue, and out of it -----------------------------------------------------------

    def approve_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Approve one listing into the queue."""
        if request.method == "POST":
            self.demand(request)
            get_object_or_404(ProductListing.objects.only("pk"), pk=pk)
            messages.add_message(request, *approve(pk, by=staff_name(request)))
        return self._back(request, pk)

    def withdraw_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Take one listing out of the queue."""
        if request.method == "POST":
            self.demand(request)
            get_object_or_404(ProductListing.objects.only("pk"), pk=pk)
            messages.add_message(request, *withdraw(pk))
        return self._back(request, pk)

    def _back(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        asked = request.POST.get("next", "")
        if url_has_allowed_host_and_scheme(asked, allowed_hosts=None) and asked.startswith("/staff/"):
            return HttpResponseRedirect(asked)
        return HttpResponseRedirect(reverse("admin:listings_productlisting_change", args=[pk]))


def approve(listing_id: UUID, *, by: str) -> tuple[int, str]:
    """Approve a listing, and say what came of it."""
    try:
        approval = outreach.approve(listing_id, by=by)
    except outreach.NotFoundState as error:
        return messages.ERROR, f"Not approved: {error}"
    except ProductListing.DoesNotExist:
        return messages.ERROR, "Not approved: this listing is gone."
    if approval.approved_by != by:
        return messages.INFO, f"It was in the queue already, approved by {approval.approved_by}."
    return messages.SUCCESS, "Approved. It is messaged when its turn comes."


def withdraw(listing_id: UUID) -> tuple[int, str]:
    """Take a listing out of the queue, and say so."""
    if not outreach.withdraw(listing_id):
        return messages.WARNING, "Nothing was done: it is not in the queue any more."
    return messages.SUCCESS, "Withdrawn. It stays Found; no rule puts it back, only a person does."
