"""The back office's site: who signs in, and the models of other packages in our theme."""

from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework.authtoken.admin import TokenAdmin
from rest_framework.authtoken.models import Token, TokenProxy
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from aetos import theme, twofactor

admin.site.site_title = "Aetos"
admin.site.site_header = "Aetos"
admin.site.index_title = "Now"

for stranger in (User, Group, TokenProxy, TOTPDevice, StaticDevice):
    admin.site.unregister(stranger)


@admin.register(User)
class StaffUserAdmin(UserAdmin, ModelAdmin):
    """Staff."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "last_login", "app")
    actions = ("reset_second_step",)

    class Media:
        js = ("aetos/choosers.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Know of each whether there is an app to take codes from."""
        devices = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
        return super().get_queryset(request).annotate(has_app=Exists(devices))

    @admin.display(description="Second step", boolean=True, ordering="has_app")
    def app(self, row: Any) -> bool:
        """Say whether the second step is set up."""
        return bool(row.has_app)

    def has_superuser_permission(self, request: HttpRequest) -> bool:
        """Answer for `@action(permissions=["superuser"])`."""
        return bool(request.user.is_superuser)

    @admin.action(description="Take the second step away", permissions=["superuser"])
    def reset_second_step(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let people set their second step up anew, after they lost their phone."""
        done = [user.get_username() for user in queryset if twofactor.take_away(user)]
        for name in done:
            messages.success(request, f"{name} sets the second step up anew at the next page.")
        if not done:
            messages.info(request, "None of them had one.")


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, ModelAdmin):
    """Groups of staff."""

    class Media:
        js = ("aetos/choosers.js",)


@admin.register(AccessAttempt)
class FailedSignInAdmin(ModelAdmin):
    """Wrong passwords, by name and address. To delete a line is to let that name try again."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    search_fields = ("username", "ip_address")
    fields = ("username", "ip_address", "failures_since_start", "attempt_time")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AccessAttempt | None = None) -> bool:
        """Refuse."""
        return False


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


admin.site.each_context = theme.each_context  # type: ignore[method-assign]
admin.site.search = _no_search  # type: ignore[attr-defined]
