"""Rows that staff do edit: rules, plans, limits. Never what the doors write."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

from integrations.admin.base import ReadOnlyAdmin
from integrations.show import link, stamp


class EditableAdmin(ReadOnlyAdmin):
    """Lists rows like every other list, and lets those with the permission add, change and delete them.

    Subclasses set `new_words`, which stand on the button that adds.
    """

    actions = None
    new_words = "New…"
    compressed_fields = True
    warn_unsaved_form = True
    change_form_template = "staff/edit.html"
    add_form_template = "staff/edit.html"

    # ReadOnlyAdmin refuses all of these; here the permissions decide.
    has_add_permission = ModelAdmin.has_add_permission
    has_change_permission = ModelAdmin.has_change_permission
    has_delete_permission = ModelAdmin.has_delete_permission

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Offer to add a row."""
        return {"list_buttons": self.list_buttons(request)}

    def list_buttons(self, request: HttpRequest) -> list[dict[str, str]]:
        """Return the buttons above the list."""
        if not self.has_add_permission(request):
            return []
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_add")
        return [{"url": url, "words": self.new_words}]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        """Show the form; to those who may only look, its values."""
        row = self.get_object(request, object_id) if request.method in ("GET", "HEAD") else None
        shown = self.beside_the_form(request, row) if row is not None else {}
        shown["last_change"] = last_change(row) if row is not None else ""
        context = {**shown, **(extra_context or {})}
        return ModelAdmin.change_view(self, request, object_id, form_url, context)

    def beside_the_form(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what stands around the form: `form_notes`, `buttons` above it, `tables` below."""
        return {}


class OneRowAdmin(EditableAdmin):
    """Settings of which there is one row: its list is its form, and it is neither added nor deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Lead to the one row, which is made where it is missing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.model._default_manager.get_or_create(pk=1)[0]
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        """Show the form of the one row, which is made where it is missing."""
        if self.has_view_permission(request):
            self.model._default_manager.get_or_create(pk=1)
        return super().change_view(request, object_id, form_url, extra_context)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Stay on the form."""
        return self.to_record(obj.pk)


def last_change(row: Model) -> str:
    """Say who changed a row last, and when; nothing where nobody has."""
    entries = LogEntry.objects.filter(content_type__model=row._meta.model_name, object_id=str(row.pk))
    entries = entries.filter(content_type__app_label=row._meta.app_label).select_related("user")
    last = entries.order_by("-action_time").first()
    return f"Last changed by {last.user.get_username()}, {stamp(last.action_time)}." if last else ""


def edit_link(row: Model, words: Any) -> Any:
    """Mark up a link to a row's form."""
    return link(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]), words)
