"""The form of a search plan: lists of brands and times, written as people write them."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from scraping.models import SearchPlan, usual_times


class CommaList(forms.CharField):
    """A list, written in one line with commas."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=6000, widget=UnfoldAdminTextInputWidget(), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Write a list as one line; what was typed is shown again as it was."""
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Split the line; the model's validators judge the parts."""
        parts = (super().to_python(value) or "").split(",")
        return [part.strip() for part in parts if part.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare the lists."""
        return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))


class PlanForm(forms.ModelForm):
    """A plan."""

    brands = CommaList(
        help_text="With commas between them, spelled as ScraperV2's catalogue has them: Sony, Canon"
    )
    times = CommaList(
        initial=usual_times,
        help_text="Times of day in the plan's own time zone: 09:00, 14:00, 21:00",
    )

    class Meta:
        model = SearchPlan
        fields = ("name", "brands", "search", "times", "time_zone", "active")
