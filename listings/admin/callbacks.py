"""The inbox with its decisions: a callback that cannot be true is applied as far as that goes, or dismissed."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from integrations.admin.inbox import InboxAdmin
from integrations.callers import staff_name
from integrations.models import InboxMessage
from listings import conflicts, lifecycle
from listings.admin.acts import DismissForm

MOVE = "listings.transition_productlisting"

# The inbox belongs to integrations, which knows no listing; what a callback means for one is known here.
admin.site.unregister(InboxMessage)


@admin.register(InboxMessage)
class CallbackInboxAdmin(InboxAdmin):
    """The inbox, with Apply and Dismiss."""

    record_template = "staff/callback.html"

    def record(self, request: HttpRequest, row: InboxMessage) -> dict[str, Any]:
        """Add the decision where one is open."""
        shown = super().record(request, row)
        if row.status in conflicts.OPEN:
            shown["decision"] = self._decision(request, row, DismissForm(auto_id="id_dismiss_%s"))
        return shown

    def _decision(self, request: HttpRequest, row: InboxMessage, form: DismissForm) -> dict[str, Any]:
        remedy = conflicts.remedy(row)
        return {
            "words": row.detail,
            "remedy": remedy.words if remedy else "",
            "may_apply": remedy is not None and self._may_apply(request),
            "may_dismiss": self.may_act(request),
            "parked": row.status == InboxMessage.Status.PARKED,
            "form": form,
            "url": reverse("admin:integrations_inboxmessage_settle", args=[row.pk]),
        }

    def _may_apply(self, request: HttpRequest) -> bool:
        # To apply may book money or cancel a purchase: that takes the right to do so, beside the inbox's own.
        return self.may_act(request) and request.user.has_perm(MOVE)

    def get_urls(self) -> list[URLPattern]:
        """Add the decision's address."""
        settle = self.admin_site.admin_view(self.settle_view)
        return [
            path("<int:pk>/settle/", settle, name="integrations_inboxmessage_settle"),
            *super().get_urls(),
        ]

    def settle_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Apply a callback, or dismiss it with a reason."""
        if request.method != "POST":
            return self.to_record(pk)
        self.demand(request)
        row = get_object_or_404(InboxMessage, pk=pk)
        if request.POST.get("do") == "apply":
            self.demand(request, MOVE)
            messages.add_message(request, *apply(pk, by=staff_name(request)))
            return self.to_record(pk)
        form = DismissForm(request.POST, auto_id="id_dismiss_%s")
        if form.is_valid():
            messages.add_message(
                request, *dismiss(pk, by=staff_name(request), reason=form.cleaned_data["reason"])
            )
            return self.to_record(pk)
        shown = self.record(request, row)
        if "decision" not in shown:
            return self.to_record(pk)
        shown["decision"] = self._decision(request, row, form)
        return self.render(
            request, self.record_template, {"record": row, "may_act": True, **shown}, status=422
        )


def apply(message_id: int, *, by: str) -> tuple[int, str]:
    """Apply a callback, and say what was done."""
    try:
        return messages.SUCCESS, f"Applied: {conflicts.apply(message_id, by=by)}."
    except (conflicts.CannotSettle, lifecycle.IllegalArrow) as error:
        return messages.ERROR, f"Not saved: {error}"


def dismiss(message_id: int, *, by: str, reason: str) -> tuple[int, str]:
    """Dismiss a callback, and say so."""
    try:
        conflicts.dismiss(message_id, by=by, reason=reason)
    except conflicts.CannotSettle as error:
        return messages.ERROR, f"Not saved: {error}"
    return messages.SUCCESS, "Dismissed. It stays in the inbox, with the reason."
