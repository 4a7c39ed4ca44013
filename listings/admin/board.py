"""The board: every open listing as a card in the column of its state, and the moves from one to the next."""

import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from integrations.callers import staff_name
from listings import lifecycle, outreach, pipeline
from listings.admin.arrows import STEPS, TOLD_IN_FORM, Step, StepForm, take, tell, why_not
from listings.admin.board_cards import cards, covers, stays, words
from listings.admin.board_columns import (
    MOST,
    SIZE,
    BadPlace,
    BoardQuestions,
    Place,
    Urgent,
    narrowed,
    needs_somebody,
    page,
    urgent,
)
from listings.admin.board_moves import moves, options, sends
from listings.admin.show import LETTERS
from listings.lifecycle import FORWARD
from listings.models import OutreachSettings, ProductListing
from listings.photos import staff_url
from listings.states import State, allowed_from

VIEW, ACT = "listings.view_productlisting", "listings.transition_productlisting"
LISTINGS = "admin:listings_productlisting_changelist"
MONEY_IS = {
    State.FOUND: "asking",
    State.MESSAGING: "bound",
    State.NEGOTIATING: "bound",
    State.SOLD: "profit",
}
COUNTED = 1000  # a chip need not know whether it is 1,000 or 3,000


# ---- what is seen -------------------------------------------------------------------------------


@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """Show the board; with `part`, only what changes, with as many cards in a column as the browser has."""
    _demand(request, VIEW)
    asked, pressing = BoardQuestions(request.GET).asked, urgent()
    rows = narrowed(asked, pressing)
    context = {
        "columns": _columns(request, asked, rows, pressing),
        "may_act": request.user.has_perm(ACT),
        "asked": asked,
    }
    if "part" in request.GET:
        return render(request, "staff/board_columns.html", context)
    context |= {
        **admin.site.each_context(request),
        "title": "Board",
        "heading": "Board",
        "list_url": reverse(LISTINGS),
        "list_name": "listings",
        "is_fullwidth": "1",
        "chips": _chips(asked, pressing),
        "clear_url": reverse("board-slash"),
        "brands": _brands(),
        "moves_json": json.dumps(moves()),
        "asked_query": urlencode(asked),
    }
    return render(request, "staff/board.html", context)


@require_GET
def column(request: HttpRequest, state: str) -> HttpResponse:
    """Return the next page of one column."""
    _demand(request, VIEW)
    if state not in State.values:
        raise Http404
    asked, pressing = BoardQuestions(request.GET).asked, urgent()
    try:
        after = Place.read(request.GET.get("after", ""))
    except BadPlace as error:
        raise Http404 from error
    shown = page(_rich(narrowed(asked, pressing)), State(state), pressing, after=after)
    context = {
        "column": {
            "cards": cards(shown.rows, stays(), timezone.now()),
            "label": State(state).label,
            "next": _next(State(state), shown.after, asked),
        },
        "may_act": request.user.has_perm(ACT),
    }
    return render(request, "staff/board_cards.html", context)


def _columns(
    request: HttpRequest, asked: dict[str, str], rows: QuerySet[ProductListing], pressing: Urgent
) -> list[dict[str, Any]]:
    """Return every column with its figures and its first cards; Cancelled is a strip without any."""
    known, rich = _figures(asked, rows), _rich(rows)
    pages = {
        state: page(rich, state, pressing, size=_size(request, state))
        for state in FORWARD
        if state in known  # an empty column need not be asked
    }
    ready = cards([row for each in pages.values() for row in each.rows], stays(), timezone.now())
    asked_for = request.GET.get("column", "")
    first = next((state for state in FORWARD[1:] if state in known), State.FOUND)
    return [
        {
            "state": state.value,
            "css": state.value.lower(),
            "letter": LETTERS[state],
            "label": state.label,
            "figure": known.get(state.value, pipeline.NOTHING),
            "money_is": MONEY_IS.get(state, "paid"),
            "url": _list_url(state, asked),
            "tab_url": f"?{urlencode({**asked, 'column': state.value})}",
            "shown": state.value == (asked_for if asked_for in FORWARD else first),
            "cards": [card for card in ready if card["state"] == state],
            "next": _next(state, pages[state].after, asked) if state in pages else "",
            "order": "nearest deadline first"
            if state in MONEY_IS and state != State.FOUND
            else "newest first",
        }
        for state in State
    ]


def _figures(asked: dict[str, str], rows: QuerySet[ProductListing]) -> dict[str, pipeline.Figure]:
    if asked.keys() & {"show", "q"}:
        return pipeline.figures(rows)
    return pipeline.known_figures(asked.get("brand", ""))


def _rich(rows: QuerySet[ProductListing]) -> QuerySet[Any]:
    return outreach.with_net_estimate(rows, OutreachSettings.load()).defer("raw_match")


def _size(request: HttpRequest, state: State) -> int:
    """Return how many cards of a column the browser has: it gets as many again."""
    asked = request.GET.get(f"n_{state.value}", "")
    return (
        min(max(int(asked), SIZE), MOST) if asked.isascii() and asked.isdigit() and len(asked) < 5 else SIZE
    )


def _next(state: State, after: Place | None, asked: dict[str, str]) -> str:
    if after is None:
        return ""
    return f"{reverse('board-column', args=[state.value])}?{urlencode({**asked, 'after': str(after)})}"


def _list_url(state: State, asked: dict[str, str]) -> str:
    """Return the list that a column's number counts."""
    query = {"state": state.value} | {name: asked[name] for name in ("brand", "q") if name in asked}
    if asked.get("show") == "attention":
        query["attention"] = "on"
    if asked.get("show") == "deadline":
        query["ends_days"] = "2"
    return f"{reverse(LISTINGS)}?{urlencode(query)}"


def _chips(asked: dict[str, str], pressing: Urgent) -> list[dict[str, Any]]:
    rest = {name: value for name, value in asked.items() if name != "show"}
    soon = narrowed({"show": "deadline"}, pressing)
    counts = {
        "": None,
        "attention": ProductListing.objects.filter(needs_somebody(pressing)).order_by()[:COUNTED].count(),
        "deadline": soon[:COUNTED].count(),
    }
    names = {"": "All", "attention": "Needs attention", "deadline": "Deadline in 2 days"}
    return [
        {
            "words": names[show],
            "count": count,
            "url": f"?{urlencode(rest | ({'show': show} if show else {}))}",
            "active": asked.get("show", "") == show,
        }
        for show, count in counts.items()
    ]


def _brands() -> list[str]:
    newest = ProductListing.objects.order_by("-created_at", "-id").values_list("brand", flat=True)[:300]
    return sorted(set(newest))


# ---- what is done -------------------------------------------------------------------------------


@require_GET
def sheet(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Return the sheet of one card: the steps that can be taken, and the others with the reason."""
    _demand(request, ACT)
    listing = get_object_or_404(ProductListing, pk=pk)
    context = _head(listing) | options(State(listing.state))
    return render(request, "staff/board_sheet.html", context)


@require_http_methods(["GET", "POST"])
def move(request: HttpRequest, pk: UUID, to: str) -> HttpResponse:
    """Show the form of one step, or take it: 409 where it cannot be taken, 422 where the form is wrong."""
    _demand(request, ACT)
    listing = get_object_or_404(ProductListing, pk=pk)
    if to not in State.values:
        raise Http404
    target, step = State(to), STEPS.get(State(to))
    seen = request.POST.get("seen") or request.GET.get("seen", "")
    if step is None or to not in allowed_from(listing.state) or seen not in ("", listing.state):
        return JsonResponse({"words": why_not(pk, target, seen=seen)}, status=409)
    if request.method == "GET":
        return HttpResponse(_form(request, listing, step, step.form(listing)))
    form = step.form(listing, request.POST)
    if not form.is_valid():
        return JsonResponse({"words": "Not saved.", "form": _form(request, listing, step, form)}, status=422)
    return _take(request, listing, step, form)


def _take(request: HttpRequest, listing: ProductListing, step: Step, form: StepForm) -> HttpResponse:
    seen, reason = form.cleaned_data.get("seen", ""), form.cleaned_data.get("reason", "")
    by = staff_name(request)
    try:
        taken = take(listing.pk, step.to, by=by, seen=seen, reason=reason, facts=form.facts())
    except (lifecycle.IllegalArrow, ProductListing.DoesNotExist):
        return JsonResponse({"words": why_not(listing.pk, step.to, seen=seen)}, status=409)
    except TOLD_IN_FORM as error:
        tell(form, error)
        return JsonResponse({"words": "Not saved.", "form": _form(request, listing, step, form)}, status=422)
    state = State(taken.listing.state)
    out = f" Into the outbox: {', '.join(taken.going_out)}." if taken.going_out else ""
    told = f"{listing.title}: now {state.label}.{out}"
    if state != step.to:
        told = f"{listing.title}: asked for {step.to.label}, {state.label} until it is confirmed.{out}"
    return JsonResponse({"words": told, "state": state.value})


def _form(request: HttpRequest, listing: ProductListing, step: Step, form: StepForm) -> str:
    context = _head(listing) | {
        "step": step,
        "verb": f"{step.words.removesuffix('…')}:",
        "form": form,
        "to": step.to.value,
        "css": step.to.value.lower(),
        "letter": LETTERS[step.to],
        "told": step.told(),
        "sends": sends(step),
    }
    return render_to_string("staff/board_form.html", context, request=request)


def _head(listing: ProductListing) -> dict[str, Any]:
    cover, _ = covers([listing.pk]).get(listing.pk, (None, 0))
    return {
        "listing": listing,
        "label": State(listing.state).label,
        "price": words(listing),
        "cover": staff_url(cover, thumbnail=True) if cover else None,
        "url": reverse("admin:listings_productlisting_change", args=[listing.pk]),
    }


def _demand(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied
