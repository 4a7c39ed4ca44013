"""Invalid matches: shown, mended, taken in again."""

import json
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.admin.base import ReadOnlyAdmin
from integrations.callers import staff_name
from integrations.show import badge, link, raw, text, when
from scraping import replays
from scraping.admin.forms import MAX_RAW, MendForm
from scraping.matches import Invalid
from scraping.models import InvalidMatch, ScrapeJob

PER_PAGE = 50
MOST_AT_ONCE = 500


def table(job: ScrapeJob, *, page: str, may_replay: bool) -> dict[str, Any]:
    """Return the table of a job's invalid matches, those that wait first."""
    waiting_first = F("replayed_at").asc(nulls_first=True)
    rows = job.invalid_matches.select_related("listing").defer("listing__raw_match")
    shown = Paginator(rows.order_by(waiting_first, "index"), PER_PAGE).get_page(page)
    waits = may_replay and any(row.listing_id is None for row in shown)
    url = reverse("admin:scraping_scrapejob_replay_all", args=[job.pk])
    return {
        "title": "Invalid matches",
        "heads": ("No.", "Why", "What became of it", "Match"),
        "rows": [(row.index, text(row.detail), _fate(row, may_replay), _folded(row.raw)) for row in shown],
        "form": {"url": url, "words": "Replay all"} if waits else None,
        "foot": _foot(shown),
        "empty": "Every match of this job could be used.",
    }


def _folded(match: str) -> SafeString:
    return format_html('<details><summary class="ae-note">raw</summary>{}</details>', raw(match))


def _fate(row: InvalidMatch, may_replay: bool) -> SafeString:
    if row.listing is not None:
        url = reverse("admin:listings_productlisting_change", args=[row.listing_id])
        by = row.replayed_by.removeprefix("user:")
        return format_html("{} {} by {}", link(url, "a listing"), when(row.replayed_at), by)
    if not may_replay:
        return badge("waits", "warn")
    return link(reverse("admin:scraping_scrapejob_replay", args=[row.pk]), "Replay…")


def _foot(shown: Any) -> SafeString | str:
    if shown.paginator.num_pages == 1:
        return ""
    pages = [
        link(f"?page={number}", words)
        for number, words, there in (
            (shown.number - 1, "Previous", shown.has_previous()),
            (shown.number + 1, "Next", shown.has_next()),
        )
        if there
    ]
    return format_html(
        "Page {} of {}. {} {}", shown.number, shown.paginator.num_pages, *pages, *[""] * (2 - len(pages))
    )


def one(page: ReadOnlyAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """Show one match in a form; on POST take it in as it stands there."""
    match = get_object_or_404(InvalidMatch.objects.select_related("job"), pk=pk)
    posted = request.method == "POST"
    form = MendForm(request.POST) if posted else MendForm(initial={"raw": _editable(match.raw)})
    if posted and form.is_valid():
        problem = _replay(request, match.pk, form.cleaned_data["raw"])
        if not problem:
            return page.to_record(match.job_id)
        form.add_error("raw", problem)
    context = {
        "title": f"Match {match.index} of job {match.job_id}",
        "notices": [(messages.WARNING, match.detail)],
        "form": form,
        "submit": "Take it in",
        "action_url": request.path,
        "back_url": reverse("admin:scraping_scrapejob_change", args=[match.job_id]),
        "told": [
            "A new listing is announced as listing.created. What came first stays in the inbox, unchanged."
        ],
    }
    return page.render(request, "staff/form.html", context, status=422 if posted else 200)


def _editable(match: str) -> str:
    # ASCII, so that a lone surrogate or a NUL is seen as its escape and can be mended.
    try:
        return json.dumps(json.loads(match), indent=2)[:MAX_RAW]
    except (ValueError, RecursionError):
        return match[:MAX_RAW]


def _replay(request: HttpRequest, pk: int, match: str) -> str:
    """Take one match in; return why not, or nothing."""
    try:
        outcome = replays.replay(pk, by=staff_name(request), raw=match)
    except replays.AlreadyReplayed as error:
        messages.warning(request, str(error))
    except (Invalid, ValueError, RecursionError) as error:
        return f"Still not usable: {error}"
    else:
        words = "a new listing" if outcome.created else "a listing that was known, seen again"
        messages.success(request, f"Taken in: {words}.")
    return ""


def every(request: HttpRequest, job_id: int) -> None:
    """Take in each match of a job that waits, one by one, and say what became of them."""
    waiting = InvalidMatch.objects.filter(job_id=job_id, listing__isnull=True).order_by("index")
    rows = list(waiting[: MOST_AT_ONCE + 1])
    taken, still = 0, 0
    for match in rows[:MOST_AT_ONCE]:
        try:
            replays.replay(match.pk, by=staff_name(request))
            taken += 1
        except (Invalid, ValueError, RecursionError, replays.AlreadyReplayed):
            still += 1
    if not rows:
        messages.info(request, "Nothing waits to be replayed.")
        return
    level = messages.SUCCESS if taken and not still else messages.WARNING
    words = f"{taken} taken in, {still} still not usable: each says why, and can be mended by itself."
    more = f" More wait: only {MOST_AT_ONCE} go at once." if len(rows) > MOST_AT_ONCE else ""
    messages.add_message(request, level, words + more)
