"""What the page of one listing shows."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.models import InboxMessage
from integrations.show import link, text, when
from listings import conflicts
from listings.admin import outside, sighted
from listings.admin.arrows import ListForm, Step, StepForm, steps_of
from listings.admin.show import LETTERS, age, outward, state_badge
from listings.admin.timeline import GROUPS, timeline
from listings.lifecycle import FORWARD
from listings.models import ProductListing
from listings.states import ENTERED_AT, State


def context(
    request: HttpRequest, listing: ProductListing, *, may_act: bool, failed: StepForm | None = None
) -> dict[str, Any]:
    """Return everything that the template needs; `failed` is a form that was filled in and not accepted."""
    return {
        "title": listing.title,
        "badge": state_badge(listing.state),
        "age": age(listing),
        "way": _way(listing),
        "steps": _steps(listing, failed) if may_act else [],
        "callbacks": _callbacks(listing),
        "sections": [("Facts", _facts(listing))],
        "timeline": timeline(listing),
        "timeline_groups": GROUPS,
        "sighted": sighted.chart(listing),
        "outside": outside.told(listing),
        "raws": [("Match as ScraperV2 sent it", listing.raw_match)],
    }


def _way(listing: ProductListing) -> list[dict[str, Any]]:
    """Return the states of the lifecycle with the time at which each was entered."""
    states = [*FORWARD, State.CANCELLED] if listing.state == State.CANCELLED else list(FORWARD)
    return [
        {
            "state": state.value.lower(),
            "letter": LETTERS[state],
            "label": state.label,
            "at": getattr(listing, ENTERED_AT[state]),
            "now": listing.state == state,
        }
        for state in states
    ]


def _steps(listing: ProductListing, failed: StepForm | None) -> list[dict[str, Any]]:
    steps = []
    for step in steps_of(listing):
        is_failed = failed is not None and type(failed) is step.form and step.asks
        form = failed if failed is not None and is_failed else _form(listing, step)
        steps.append(
            {
                "step": step,
                "letter": LETTERS[step.to],
                "state": step.to.value.lower(),
                "url": step_url(listing, step),
                "form": form,
                "open": is_failed,
                "told": step.told(),
                **(_on_the_ebay_panel(form) if step.to == State.LISTED else {}),
            }
        )
    return steps


def _form(listing: ProductListing, step: Step) -> StepForm:
    # What eBayLister is to list is asked by the eBay panel.
    return ListForm(listing, by_hand=True) if step.to == State.LISTED else step.form(listing)


def _on_the_ebay_panel(form: StepForm) -> dict[str, Any]:
    """Lead to the panel, which has its own form; this one is for what was listed by hand."""
    told = form.data
    return {"link": "#ebay", "by_hand": bool(told.get("by_hand") or told.get("ebay_listing_id"))}


def step_url(listing: ProductListing, step: Step) -> str:
    """Return where a step's form is posted to."""
    return reverse("admin:listings_productlisting_step", args=[listing.pk, step.to.value])


def _callbacks(listing: ProductListing) -> list[dict[str, Any]]:
    """Return the partner's messages that wait for a decision, with what "apply" would do."""
    rows = InboxMessage.objects.filter(subject=listing.pk, status__in=conflicts.OPEN).order_by("-id")[:10]
    return [{"message": row, "remedy": conflicts.remedy(row)} for row in rows]


def _facts(listing: ProductListing) -> list[tuple[str, Any]]:
    job = reverse("admin:scraping_scrapejob_change", args=[listing.scraper_job_id])
    return [
        ("Product", text(listing.product_name or f"{listing.brand} {listing.model}")),
        ("Brand, model", text(f"{listing.brand}, {listing.model}")),
        ("Confidence", f"{listing.confidence_score:.0f} of 100"),
        ("Where", text(listing.location)),
        ("Marketplace", outward(listing.marketplace_url, _host(listing.marketplace_url))),
        ("Short code", _code(listing.short_code)),
        ("Found by", link(job, f"job {listing.session_id}")),
        ("Found", when(listing.found_at)),
        ("eBay listing", text(listing.ebay_listing_id or "")),
        ("Id", _code(str(listing.pk))),
    ]


def _host(url: str) -> str:
    return url.split("/", 3)[2].removeprefix("www.") if url.count("/") > 2 else url


def _code(code: str) -> SafeString:
    return format_html('<span class="ae-code">{}</span>', code)
