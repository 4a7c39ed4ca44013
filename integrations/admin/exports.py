"""A list as a file: the rows that its filters and search leave, as CSV or XLSX, however many they are.

What a column is, and under which heading, says a django-import-export resource.
Its rows are read and written a few at a time, so that no file needs more
memory than a short one.
"""

import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.http import StreamingHttpResponse as Stream
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from import_export.widgets import Widget

from integrations.admin.base import ReadOnlyAdmin

if TYPE_CHECKING:
    from import_export.resources import Resource

Rows = Iterable[list[Any]]
# A sheet holds 1,048,576 rows, the headings included.
ROWS_OF_A_SHEET = 1_000_000
LINES_AT_ONCE = 500
# What a spreadsheet takes for a formula, the full-width forms included.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


# ---- the cells ----------------------------------------------------------------------------------


class Words(Widget):
    """Text, of strangers as well: no spreadsheet takes it for a formula."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        """Return the text; what would be a formula begins with an apostrophe, as a person would type it."""
        text = _CONTROL.sub("", "" if value is None else str(value))
        return f"'{text}" if _FORMULA.match(text) else text


class Plain(Widget):
    """A number, a date or a truth as it is, so that a spreadsheet can count with it; null is an empty cell."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Decimal | date | bool | int | None:
        """Return the value; a time is written in the staff's zone, since a sheet knows none."""
        if isinstance(value, datetime):
            local = value.astimezone(ZoneInfo(settings.STAFF_TIME_ZONE))
            return local.replace(tzinfo=None, microsecond=0)
        return value


# ---- the files ----------------------------------------------------------------------------------


def csv_lines(headings: list[str], rows: Rows) -> Iterator[bytes]:
    """Yield the pieces of a CSV file. Its mark at the front tells Excel that it is UTF-8."""
    page = io.StringIO()
    writer = csv.writer(page)
    page.write("\ufeff")
    writer.writerow(headings)
    for number, row in enumerate(rows, start=1):
        writer.writerow(row)
        if number % LINES_AT_ONCE == 0:
            yield _taken(page)
    yield _taken(page)


def _taken(page: io.StringIO) -> bytes:
    piece = page.getvalue().encode("utf-8", "replace")
    page.seek(0)
    page.truncate()
    return piece


def xlsx_file(headings: list[str], rows: Rows) -> Any:
    """Return an open temporary file with a workbook; it is gone when it is closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
    # A row is written out as soon as the next begins; and nothing but a date is formatted.
    from xlsxwriter import Workbook  # when it is asked for: a server starts without it

    book = Workbook(file, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = _sheet(book, headings)
    for number, row in enumerate(rows):
        if number and number % ROWS_OF_A_SHEET == 0:
            sheet = _sheet(book, headings)
        for column, value in enumerate(row):
            _write(sheet, number % ROWS_OF_A_SHEET + 1, column, value, moment)
    book.close()
    file.seek(0)
    return file


def _sheet(book: Any, headings: list[str]) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, heading in enumerate(headings):
        sheet.write_string(0, column, heading)
    return sheet


def _write(sheet: Any, row: int, column: int, value: Any, moment: Any) -> None:
    if isinstance(value, str):
        sheet.write_string(row, column, value)  # text, even where it reads like a formula, a number or a link
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, value, moment)
    elif value is not None:
        sheet.write(row, column, value)


def _as_csv(headings: list[str], rows: Rows, name: str) -> HttpResponseBase:
    response = Stream(csv_lines(headings, rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _as_xlsx(headings: list[str], rows: Rows, name: str) -> HttpResponseBase:
    return FileResponse(xlsx_file(headings, rows), as_attachment=True, filename=f"{name}.xlsx")


FORMATS: dict[str, Callable[[list[str], Rows, str], HttpResponseBase]] = {"csv": _as_csv, "xlsx": _as_xlsx}


# ---- the list -----------------------------------------------------------------------------------


class Exports(ReadOnlyAdmin):
    """A list that whoever may see it may take along, as far as its filters leave it."""

    resource: str
    """Where the resource is. Its library brings another one of tables: both are loaded with the first file."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the file."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export_view), name=name), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Offer the files beside the list."""
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_export")
        asked = request.GET.copy()
        for name in ("p", "e", "format"):
            asked.pop(name, None)
        exports = []
        for name in FORMATS:
            asked["format"] = name
            exports.append({"words": name.upper(), "url": f"{url}?{asked.urlencode()}"})
        return super().changelist_view(request, {"exports": exports, **(extra_context or {})})

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the file. A filter that is not understood leads to the list, which says so."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        write = FORMATS.get(request.GET.get("format", ""))
        if write is None:
            raise Http404
        asked = request.GET.copy()
        for name in ("p", "format"):
            asked.pop(name, None)
        request.GET = asked  # type: ignore[assignment]
        try:
            found = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            found = None
        if found is None or (found.questions is not None and found.questions.errors):
            return HttpResponseRedirect(f"{self.list_url()}?{asked.urlencode()}")
        resource: Resource = import_string(self.resource)()
        columns = resource.get_export_fields()  # asked once: the library's own way asks for every row
        rows = (
            [resource.export_field(column, row) for column in columns]
            for row in resource.iter_queryset(found.queryset)
        )
        name = f"{self.opts.verbose_name_plural} {timezone.localdate():%Y-%m-%d}".replace(" ", "-")
        return write(resource.get_export_headers(), rows, name)
