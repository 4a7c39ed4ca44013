"""Questions that the figures' numbers link to: when listings entered a state, what became of them, who found them."""

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet
from django.db.models.functions import Upper

from integrations.admin.filters import QuestionForm, choice, number
from listings.figures import asked, origins, pace, periods
from listings.models import ProductListing
from listings.states import ENTERED_AT, State

ENDED = {
    f"{how}-{stage.lower()}": f"{words} in {stage.label}"
    for stage in asked.CANCELLED_IN
    for how, words in (("timeout", "Timed out"), ("dropped", "Given up"))
}
WENT = [(name, words) for name, (words, _) in asked.WENT.items()]
FINAL = (State.SOLD, State.CANCELLED)


def day(label: str) -> forms.DateField:
    """Make a field for a day in the staff's time zone."""
    return forms.DateField(
        label=label,
        widget=forms.DateInput(attrs={"type": "date"}),
        validators=[MinValueValidator(periods.FIRST_DAY), MaxValueValidator(periods.LAST_DAY)],
    )


class MomentQuestions(QuestionForm):
    """When and how."""

    entered = choice(State.choices, "Entered", "Any state")
    since = day("Since")
    until = day("Until")
    model = forms.CharField(max_length=200, label="Model", widget=forms.TextInput(attrs={"size": "10"}))
    product = forms.IntegerField(
        label="Product", min_value=-(2**31), max_value=2**31 - 1, widget=forms.TextInput(attrs={"size": "7"})
    )
    went = choice([*WENT, *ENDED.items()], "Outreach", "Any end")
    outcome = choice([(name, words) for name, (words, _) in asked.OUTCOMES.items()], "Sale", "Any outcome")
    messaged_by = forms.CharField(
        max_length=200, label="Messaged by", widget=forms.TextInput(attrs={"size": "10"})
    )
    plan = forms.IntegerField(
        label="Search plan", min_value=0, max_value=2**31 - 1, widget=forms.TextInput(attrs={"size": "5"})
    )
    took_from = number("Days to sell from", least=0, most=10**6)
    took_under = number("Days to sell under", least=0, most=10**6)

    def narrow(self, rows: QuerySet[ProductListing]) -> QuerySet[ProductListing]:
        """Filter."""
        answers = self.answers
        rows = super().narrow(rows).filter(_moment(answers))
        if model := answers.get("model"):
            rows = rows.annotate(_model=Upper("model")).filter(_model=model.upper())
        if "product" in answers:
            rows = rows.filter(product_id=answers["product"])
        if went := answers.get("went"):
            rows = rows.filter(_went(went))
        if outcome := answers.get("outcome"):
            rows = rows.filter(asked.OUTCOMES[outcome][1])
        if who := answers.get("messaged_by"):
            rows = rows.filter(asked.messaged_by(who))
        if "plan" in answers:
            rows = rows.filter(origins.found_by(answers["plan"]))
        return _took(rows, answers)


def _moment(answers: dict[str, Any]) -> Q:
    """Since and until without a state are about when a listing was found."""
    if not answers.keys() & {"entered", "since", "until"}:
        return Q()
    state = State(answers.get("entered") or State.FOUND)
    within = periods.Period("", answers.get("since"), answers.get("until")).within(ENTERED_AT[state])
    # Said for the index: nothing leaves these states.
    return within & Q(state=state) if state in FINAL else within


def _went(how: str) -> Q:
    if how in asked.WENT:
        return asked.WENT[how][1]
    ended, _, stage = how.partition("-")
    timed_out = asked.timed_out()
    return asked.CANCELLED_IN[State(stage.upper())] & (timed_out if ended == "timeout" else ~timed_out)


def _took(rows: QuerySet[ProductListing], answers: dict[str, Any]) -> QuerySet[ProductListing]:
    if not answers.keys() & {"took_from", "took_under"}:
        return rows
    rows = rows.filter(state=State.SOLD).annotate(_took=pace.between(State.FOUND, State.SOLD))
    if "took_from" in answers:
        rows = rows.filter(_took__gte=answers["took_from"] * pace.DAY)
    if "took_under" in answers:
        rows = rows.filter(_took__lt=answers["took_under"] * pace.DAY)
    return rows
