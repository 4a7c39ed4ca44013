"""What every page of the back office is: readable, fast with a million rows, and never a way to edit.

Rows are written by the doors alone (lifecycle, outbox, inbox, jobs); a page
that acts calls one, by POST, with its permission checked in the view.
"""

from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import BigIntegerField, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from integrations.admin.filters import Questions
from integrations.admin.paging import BoundedPaginator
from integrations.admin.table import Table

PER_PAGE = 50


class StaffChangeList(ChangeList):
    """A list whose filters stand above it, as one form."""

    def get_filters(self, request: HttpRequest) -> Any:
        """Apply the filters; keep the theme's own filter sheet away."""
        specs, _, params, duplicates, _ = super().get_filters(request)
        self.questions = next((spec.form for spec in specs if isinstance(spec, Questions)), None)
        active = bool(self.questions and self.questions.answers) or bool(params)
        return specs, False, params, duplicates, active

    def get_results(self, request: HttpRequest) -> None:
        """Read the page. What the whole table holds is not counted, so the theme need not compare with it."""
        super().get_results(request)
        self.full_result_count = self.result_count

    @cached_property
    def table(self) -> Table:
        """The list's headings and rows."""
        return Table(self)

    @property
    def first_row(self) -> int:
        """The number of the page's first row, from 1."""
        return (self.page_num - 1) * self.list_per_page + 1

    @property
    def last_row(self) -> int:
        """The number of the page's last row."""
        return self.first_row + len(self.result_list) - 1


class ReadOnlyAdmin(ModelAdmin):
    """Lists and shows rows. Nobody adds, changes or deletes one, a superuser included.

    Subclasses set `empty_words` (what to do where there is nothing yet) and
    fill `record`. `list_reads` names the columns that the list shows, where a row has many more.
    """

    change_list_template = "staff/list.html"
    record_template = "staff/record.html"
    empty_words = "Nothing here yet."
    list_reads: tuple[str, ...] = ()
    act_permission = ""
    list_per_page = PER_PAGE
    list_max_show_all = 0
    list_display_links = None
    list_disable_select_all = True
    list_fullwidth = True
    show_full_result_count = False
    show_facets = False
    paginator = BoundedPaginator
    actions_selection_counter = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse."""
        return False

    def may_act(self, request: HttpRequest) -> bool:
        """Say whether this member of staff may press the buttons of these pages."""
        return bool(self.act_permission) and request.user.has_perm(self.act_permission)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Answer for `@action(permissions=["act"])`."""
        return self.may_act(request)

    def demand(self, request: HttpRequest, permission: str = "") -> None:
        """Let pass who may act.

        Raises:
            PermissionDenied: for everybody else.
        """
        if not (request.user.has_perm(permission) if permission else self.may_act(request)):
            raise PermissionDenied

    # ---- the list -------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Use our list."""
        return StaffChangeList

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *args: Any, **kwargs: Any
    ) -> BoundedPaginator:
        """Count no further than needed."""
        pages = BoundedPaginator(queryset.only(*self.list_reads) if self.list_reads else queryset, per_page)
        asked = request.GET.get("p", "")
        pages.page_asked = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1
        pages.known = self.known_count(request)
        return pages

    def known_count(self, request: HttpRequest) -> int | None:
        """Return how many rows the list has in all, where that is known without counting."""
        return None

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Show the list; a POST, which is an action, only for those who may act."""
        if request.method == "POST":
            self.demand(request)
        context = {"may_act": self.may_act(request), "list_url": self.list_url(), **(extra_context or {})}
        response = super().changelist_view(request, context)
        if isinstance(response, TemplateResponse) and (shown := response.context_data) and "cl" in shown:
            shown |= self.list_context(request)
        return response

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        """Run an action, unless a selected id cannot be one."""
        if all(map(self._is_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            return super().response_action(request, queryset)
        messages.error(request, "Nothing was done: what is selected is not on this list.")
        return HttpResponseRedirect(request.get_full_path())

    def _is_key(self, value: str) -> bool:
        try:
            key = self.opts.pk.to_python(value)
        except ValidationError:
            return False
        return not isinstance(key, int) or abs(key) <= BigIntegerField.MAX_BIGINT

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the list's template needs beside the list."""
        return {}

    # ---- the page of one row --------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        """Show one row. There is nothing to post."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self.show_record(request, row, extra_context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the row's own page, which tells its history."""
        return self.to_record(unquote(object_id))

    def show_record(
        self, request: HttpRequest, row: Any, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Render the row's page."""
        context = {"record": row, "may_act": self.may_act(request), **self.record(request, row)}
        return self.render(request, self.record_template, {**context, **(extra_context or {})})

    def record(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the page shows: `title`, `badge`, `notices`, `sections`, `tables`, `raws`, `buttons`."""
        return {"title": str(row)}

    def render(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
    ) -> HttpResponse:
        """Render a page inside the back office's frame."""
        request.current_app = self.admin_site.name
        frame = {
            **self.admin_site.each_context(request),
            "list_url": self.list_url(),
            "list_name": self.opts.verbose_name_plural,
            "is_fullwidth": "1",
            "heading": context["title"],
        }
        titled = {**frame, **context, "title": self.opts.verbose_name_plural}
        return TemplateResponse(request, template, titled, status=status)

    def list_url(self) -> str:
        """Return the address of the list."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def to_record(self, key: Any) -> HttpResponseRedirect:
        """Lead to the page of a row."""
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[key])
        )


def back(request: HttpRequest, otherwise: HttpResponseRedirect) -> HttpResponseRedirect:
    """Lead back to the home page where the button was pressed there, else on to `otherwise`."""
    return HttpResponseRedirect(reverse("admin:index")) if request.POST.get("back") == "now" else otherwise


def report(request: HttpRequest, lines: list[tuple[int, str]], *, limit: int = 20) -> None:
    """Say what happened, a line for each result, of which the first `limit` are shown."""
    for level, words in lines[:limit]:
        messages.add_message(request, level, words)
    if len(lines) > limit:
        messages.warning(request, f"… and {len(lines) - limit} more like these.")
