"""The questions that staff ask of a list, as one plain form above it."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string

LONG = 100  # characters of an answer, from which on its field is not kept


class QuestionForm(forms.Form):
    """A filter form: `lookups` maps a field to its lookup; `narrow` does the rest in its own way.

    A value that cannot be understood is reported beside its field, and filters nothing.
    A field whose choices are read from the database is named in `changing`.
    """

    lookups: dict[str, str] = {}
    in_more: tuple[str, ...] = ()
    changing: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = False
            field.widget.attrs.setdefault("class", "ae-input")
        for name in self.errors:
            self.fields[name].widget.attrs["aria-invalid"] = "true"

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that fit every answer."""
        asked = self.answers
        for name in self.lookups.keys() & asked.keys():
            rows = rows.filter(**{self.lookups[name]: asked[name]})
        return rows

    @property
    def answers(self) -> dict[str, Any]:
        """What was asked and understood."""
        self.is_valid()
        return {
            name: value  # zero is an answer, and equals False
            for name, value in self.cleaned_data.items()
            if value is not None and value is not False and value != ""
        }

    @property
    def first_fields(self) -> list[str]:
        """The fields that are always seen, as they are sent."""
        return [self._written(name) for name in self.fields if name not in self.in_more]

    @property
    def more_fields(self) -> list[str]:
        """The fields that unfold on demand, as they are sent."""
        return [self._written(name) for name in self.in_more]

    @property
    def more_is_open(self) -> bool:
        """Whether one of the latter is in use."""
        return any(self.answers.get(name) is not None or name in self.errors for name in self.in_more)

    def _written(self, name: str) -> str:
        value = self.data.get(name)
        if name in self.errors or name in self.changing or len(value or "") > LONG:
            return _write(self[name])
        return _known(type(self), name, value)


def _write(field: forms.BoundField) -> str:
    return render_to_string("staff/field.html", {"field": field})


@lru_cache(maxsize=512)
def _known(form: type[QuestionForm], name: str, value: str | None) -> str:
    """Write a field that holds this value: two dozen fields were a sixth of a page, and most are empty in all pages."""
    return _write(form({} if value is None else {name: value})[name])


class Questions(admin.ListFilter):
    """Feeds a list from its `QuestionForm`."""

    title = "questions"
    form_class: type[QuestionForm]

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        data = {}
        for name in self.form_class.base_fields:
            values = params.pop(name, None)
            if values:
                data[name] = values[-1] if isinstance(values, list) else values
        self.form = self.form_class(data)
        request.answers = self.form.answers  # type: ignore[attr-defined]  # kept for `answers_of`

    def has_output(self) -> bool:
        """Take part, always."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """Name the parameters that are ours."""
        return list(self.form_class.base_fields)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Offer no links: the form is the filter."""
        return iter(())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the rows down."""
        return self.form.narrow(queryset)


def questions(form: type[QuestionForm]) -> type[Questions]:
    """Make the filter class of a form."""
    return type(f"{form.__name__}Questions", (Questions,), {"form_class": form})


def answers_of(request: HttpRequest) -> dict[str, Any]:
    """Return what a request asks of the list that is being shown, without reading the form again."""
    answers: dict[str, Any] = request.answers  # type: ignore[attr-defined]
    return answers


def choice(choices: Any, label: str, anything: str) -> forms.ChoiceField:
    """Make a select with a first line that filters nothing."""
    return forms.ChoiceField(choices=[("", anything), *choices], label=label)


def number(label: str, *, least: int | None = None, most: int | None = None) -> forms.DecimalField:
    """Make a field for an amount; a phone shows digits for it."""
    widget = forms.TextInput(attrs={"inputmode": "decimal", "size": "7"})
    return forms.DecimalField(label=label, min_value=least, max_value=most, widget=widget)
