"""The page of figures, its tables as files, and the preview without which nothing is put right."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from aetos.figures import buying, earning, estimates
from aetos.figures.tables import Card, Table, listed
from integrations.admin.exports import FORMATS
from integrations.callers import staff_name
from integrations.show import amount
from listings import earnings, outreach
from listings.admin.moments import day
from listings.figures import periods, putright
from listings.figures.periods import NAMES, USUAL, Period
from listings.models import OutreachSettings
from listings.states import State

LOOK, ACT = "listings.view_productlisting", "listings.change_outreachsettings"
CUSTOM = "custom"


class PeriodForm(forms.Form):
    """Which time the figures are about."""

    period = forms.ChoiceField(choices=[*NAMES.items(), (CUSTOM, "From … to")], required=False)
    since, until = day("From"), day("To")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("since", "until"):
            self.fields[name].required = False
            self.fields[name].widget.attrs["class"] = "ae-input"

    def clean(self) -> dict[str, Any]:
        """Refuse what ends before it begins."""
        told = super().clean() or {}
        if told.get("since") and told.get("until") and told["since"] > told["until"]:
            self.add_error("until", "This is before the first day.")
        return told

    @property
    def chosen(self) -> Period:
        """The period; the usual one where nothing was chosen or what was chosen cannot be understood."""
        told = self.cleaned_data if self.is_valid() else {}
        if told.get("period") == CUSTOM:
            return Period(CUSTOM, told.get("since"), told.get("until"))
        return periods.named(told.get("period") or USUAL, periods.today())


def demand(request: HttpRequest, permission: str = LOOK) -> None:
    """Let pass who has the permission.

    Raises:
        PermissionDenied: for everybody else.
    """
    if not request.user.has_perm(permission):
        raise PermissionDenied


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the figures of a period."""
    demand(request)
    form = PeriodForm(request.GET)
    period = form.chosen
    cards, head = _cards(period)
    calibration, suggestions = estimates.card(period, settings.CURRENCY)
    return _render(
        request,
        "staff/figures.html",
        {
            "heading": "Figures",
            "form": form,
            "periods": [
                {"url": f"?period={name}", "words": words, "active": name == period.name}
                for name, words in NAMES.items()
            ],
            "period": period,
            "is_custom": period.name == CUSTOM,
            "query": request.GET.urlencode(),
            "head": head,
            "bound": outreach.money_bound(),
            "money": _money(),
            "calibration": calibration,
            "suggestions": suggestions,
            "in_force": estimates.in_force(),
            "cards": cards,
            "may_act": request.user.has_perm(ACT),
        },
    )


def _cards(period: Period) -> tuple[list[Card], list[dict[str, Any]]]:
    """Return the cards, and the numbers at the top, which are made of the same."""
    profits, whole = earning.profits(period)
    days, spread = earning.days_to_sell(period)
    rest = [earning.stages(period), buying.outreach(period), buying.time_outs(period), buying.paid(period)]
    return [*profits, days, *rest], earning.head(whole, spread, period)


def _money() -> list[dict[str, Any]]:
    """Return what this week, this month and this year have brought so far."""
    limits = OutreachSettings.objects.first() or OutreachSettings()
    return [
        {
            "words": each.words,
            "profit": each.realised,
            "sold": each.sales,
            "url": listed(each.period, State.SOLD),
        }
        for each in earnings.up_to_now(limits)
    ]


@require_safe
def table_file(request: HttpRequest, key: str, kind: str) -> HttpResponseBase:
    """Answer with one table as a file."""
    demand(request)
    period = PeriodForm(request.GET).chosen
    write = FORMATS.get(kind)
    cards = [*_cards(period)[0], estimates.card(period, settings.CURRENCY)[0]]
    found: Table | None = next((table for card in cards for table in card.tables if table.key == key), None)
    if write is None or found is None:
        raise Http404
    name = f"{key}-{periods.today()}"
    return write(list(found.heads), ([cell.plain for cell in row] for row in found.rows), name)


# ---- putting right ------------------------------------------------------------------------------


class ChangeForm(forms.Form):
    """What is to be changed, to what; and what its asker has seen."""

    kind = forms.ChoiceField(choices=[(name, name) for name in putright.BOUNDS])
    product = forms.IntegerField(required=False, min_value=-(2**31), max_value=2**31 - 1)
    to = forms.DecimalField(max_digits=10, decimal_places=2)
    seen = forms.DecimalField(required=False, max_digits=10, decimal_places=2)

    def clean(self) -> dict[str, Any]:
        """Refuse a value out of its bounds, and a model without its product."""
        told = super().clean() or {}
        kind, new = told.get("kind"), told.get("to")
        if kind and new is not None:
            least, most = putright.BOUNDS[kind]
            if not least <= new <= most:
                self.add_error("to", f"Must be from {least} to {most}.")
        if (kind == putright.MODEL) != (told.get("product") is not None):
            self.add_error("product", "Goes with a model, and only there.")
        return told


@require_http_methods(["GET", "HEAD", "POST"])
def put_right(request: HttpRequest) -> HttpResponse:
    """Show what a new value would move; by POST, and by who may, put it in force as it was shown."""
    demand(request)
    if request.method == "POST":
        demand(request, ACT)
    form = ChangeForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        raise Http404
    told = form.cleaned_data
    try:
        what = putright.change(told["kind"], told["product"])
    except putright.UnknownProduct:
        raise Http404 from None
    if request.method != "POST":
        return _preview(request, what, told["to"])
    seen = putright.Change(what.kind, what.product_id, what.name, told["seen"])
    try:
        row = putright.apply(seen, told["to"], by=staff_name(request))
    except putright.ChangedMeanwhile:
        messages.error(
            request, f"Not changed: somebody else has changed {what.name} meanwhile. It is shown anew."
        )
        return _preview(request, what, told["to"], status=409)
    words = f"{what.name}: {shown(what, what.old)} → {shown(what, told['to'])}"
    _write_down(request, row, f"From the figures: {words}")
    messages.success(request, f"In force. {words}.")
    return HttpResponseRedirect(reverse("figures-slash"))


def _preview(request: HttpRequest, what: putright.Change, new: Decimal, *, status: int = 200) -> HttpResponse:
    return _render(
        request,
        "staff/figures_preview.html",
        {
            "heading": f"{what.name}: {shown(what, what.old)} → {shown(what, new)}",
            "what": what,
            "new": new,
            "old_words": shown(what, what.old),
            "new_words": shown(what, new),
            "is_same": what.old == new,
            "moves": putright.moves(what, new),
            "may_act": request.user.has_perm(ACT),
        },
        status=status,
    )


def shown(what: putright.Change, value: Decimal) -> str:
    """Write a value of that kind."""
    return f"{value}%" if what.kind == "fee" else amount(value)


def _write_down(request: HttpRequest, row: Any, words: str) -> None:
    """Keep who did it, and when: the forms of the settings show it too."""
    LogEntry.objects.create(
        user_id=int(request.user.pk or 0),
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=str(row)[:200],
        action_flag=CHANGE,
        change_message=words,
    )


def _render(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    request.current_app = admin.site.name
    frame = {
        **admin.site.each_context(request),
        "title": "Figures",
        "list_url": reverse("figures-slash"),
        "list_name": "figures",
        "is_fullwidth": "1",
    }
    return TemplateResponse(request, template, frame | context, status=status)
