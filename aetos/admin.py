"""The back office's site: who signs in, and the models of other packages in our theme."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework.authtoken.admin import TokenAdmin
from rest_framework.authtoken.models import Token, TokenProxy
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

admin.site.site_title = "Aetos"
admin.site.site_header = "Aetos"
admin.site.index_title = "Now"

for stranger in (User, Group, TokenProxy):
    admin.site.unregister(stranger)


@admin.register(User)
class StaffUserAdmin(UserAdmin, ModelAdmin):
    """Staff."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "last_login")


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, ModelAdmin):
    """Groups of staff."""


@admin.register(TokenProxy)
class StaffTokenAdmin(TokenAdmin, ModelAdmin):
    """Tokens of the API. A key is shown once, to the one who makes it."""

    list_display = ("user", "shortened", "created")
    list_filter = ()
    raw_id_fields = ()

    @admin.display(description="Key")
    def shortened(self, row: Token) -> str:
        """Show enough of a key to tell it from others."""
        return f"{row.key[:4]}…{row.key[-2:]}"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Show the new key."""
        super().save_model(request, obj, form, change)
        if not change:
            messages.warning(request, f"The key of {obj.user}, shown this once: {obj.key}")


def _no_search(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    # The theme's search of page names is switched off, but its address is not; a bad page number breaks it.
    raise Http404


admin.site.search = _no_search  # type: ignore[attr-defined]
