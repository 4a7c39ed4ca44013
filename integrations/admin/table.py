"""The table of a list, in one go.

The theme makes its headings anew for every row, and renders a template for every row and every check box: that
was most of a page. Here a column is asked once what it is, and a row is its cells, joined. The looks stay the
theme's: its headings, its classes.
"""

from collections.abc import Callable
from functools import cache
from itertools import cycle
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString
from unfold.admin import checkbox
from unfold.templatetags.unfold_list import CHECKBOX_CLASSES, ROW_CLASSES, result_headers
from unfold.utils import display_for_field, display_for_value

CHECKBOX = "action_checkbox"
MARK = "row-key"
_ROW = (
    '<tbody class="block relative lg:table-row-group {}" x-data="{{rowOpen: false}}">'
    '<tr class="data-row block border border-base-200 mb-3 relative rounded-default lg:table-row lg:border-none '
    'lg:mb-0 lg:rounded-none dark:border-base-800">'
)
_ROWS = (_ROW.format(""), _ROW.format("bg-base-50 dark:bg-white/[.02]"))
_END = "</tr></tbody>"


class Table:
    """A list's headings, and its rows as they are sent.

    A column is the check box, a method of the list's admin, or a column of the model that is no relation.
    """

    def __init__(self, cl: ChangeList) -> None:
        self.headings = list(result_headers(cl))
        self.sorted_by = sum(bool(each["sortable"] and each["sorted"]) for each in self.headings)
        self.rows = _rows(cl, self.headings)


def _rows(cl: ChangeList, headings: list[dict[str, Any]]) -> SafeString:
    columns = [
        _column(cl.model_admin, name, place, heading["text"])
        for place, (name, heading) in enumerate(zip(map(str, cl.list_display), headings, strict=True))
    ]
    written: list[str] = []
    for row, begin in zip(cl.result_list, cycle(_ROWS), strict=False):
        written.append(begin)
        for opening, cell in columns:
            written += (opening, cell(row), "</td>")
        written.append(_END)
    return SafeString("".join(written))  # each cell is escaped, or was marked as safe where it was made


def _column(admin: Any, name: str, place: int, heading: str) -> tuple[str, Callable[[Any], str]]:
    """Return the tag that opens each of a column's cells, and what writes a cell, escaped."""
    # The theme calls the first column so, where there are check boxes and where there are none.
    label = escape(heading if place else "Select record")
    classes = " ".join(CHECKBOX_CLASSES if name == CHECKBOX else (f"field-{name}", *ROW_CLASSES))
    return f'<td class="{classes}" data-label="{label}">', _box if name == CHECKBOX else _cell(admin, name)


def _cell(admin: Any, name: str) -> Callable[[Any], str]:
    """Return what writes a cell: a column of the model, or a method of the list's admin."""
    empty = admin.get_empty_value_display()
    try:
        field = admin.opts.get_field(name)
    except FieldDoesNotExist:
        method = getattr(admin, name)
        empty = getattr(method, "empty_value_display", empty)
        boolean = getattr(method, "boolean", False)
        return lambda row: _escaped(method(row), lambda value: display_for_value(value, empty, boolean))
    return lambda row: _escaped(getattr(row, name), lambda value: display_for_field(value, field, empty))


def _escaped(value: Any, show: Callable[[Any], str]) -> str:
    return value if isinstance(value, SafeString) else conditional_escape(show(value))


def _box(row: Any) -> str:
    before, after = _box_around()
    return f"{before}{escape(row.pk)}{after}"


@cache
def _box_around() -> tuple[str, str]:
    before, _, after = checkbox.render(ACTION_CHECKBOX_NAME, MARK).partition(MARK)
    return before, after
