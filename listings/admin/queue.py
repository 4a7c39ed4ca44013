"""What the outreach page shows: each row with its place and reason, what was sent, what is bound."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse

from integrations import clock
from integrations.show import span
from listings import outreach, pipeline
from listings.admin.show import LETTERS, who
from listings.models import KillSwitch, OutreachRule, OutreachSettings, TransitionLog
from listings.outreach import BOUND
from listings.profit import ZERO
from listings.states import State

SHOWN, HISTORY, RULES = 100, 10, 50


def page() -> dict[str, Any]:
    """Return everything on the page; the number of statements does not grow with the queue."""
    now, summary = clock.now(), outreach.summary()
    settings, limits = summary["settings"], summary["limits"]
    rows, day = [_row(each) for each in summary["waiting"]], sent(now)
    _draw_the_budget_line(rows, limits.budget_left)
    if limits.stopped:  # by whom and why stands above the queue, once
        rows = [row | {"reason": "Outreach is stopped"} for row in rows]
    return {
        "rows": rows,
        "total": len(rows) if len(rows) < SHOWN else waiting_count(),
        "limits": limits,
        "settings": settings,
        "sent": [each for each in day if each["in_hour"]],
        "day_used": len(day),
        "next": _next(rows, limits, now),
        "bound": bound(settings),
        "stopped_by": who(limits.stopped.thrown_by) if limits.stopped else "",
        "history": [_stop(row) for row in KillSwitch.objects.all()[:HISTORY]],
        "rules": list(OutreachRule.objects.all()[:RULES]),
        "settings_url": reverse("admin:listings_outreachsettings_change", args=[settings.pk]),
        "found_url": f"{reverse('admin:listings_productlisting_changelist')}?state=FOUND",
    }


def waiting_count() -> int:
    """Count what waits."""
    return outreach.queued(OutreachSettings()).count()


def _row(waiting: outreach.Waiting) -> dict[str, Any]:
    listing: Any = waiting.listing  # carries net_estimate and score, which the query adds
    return {
        "place": waiting.place,
        "listing": listing,
        "url": reverse("admin:listings_productlisting_change", args=[listing.pk]),
        "withdraw_url": reverse("admin:listings_approval_withdraw", args=[listing.pk]),
        "who": who(listing.approval.approved_by),
        "price": listing.asking_price,
        "net": listing.net_estimate,
        "factor": f"× {listing.confidence_score / 100:.2f}",
        "score": listing.score,
        "reason": waiting.reason,
        "budget_line": False,
        "beyond": False,
    }


def _draw_the_budget_line(rows: list[dict[str, Any]], left: Decimal) -> None:
    """Mark the first row that the budget cannot take, and what stands behind it."""
    beyond = False
    for row in rows:
        price = row["price"] or ZERO
        if not beyond and price > left:
            row["budget_line"] = beyond = True
        row["beyond"] = beyond
        left -= price


def sent(now: datetime) -> list[dict[str, Any]]:
    """List the messages of the last 24 hours, the first first: the same that `limits_now` counts.

    Its numbers of what is left cannot tell by how much a limit was passed by hand; these can.
    """
    log = TransitionLog.objects.filter(to_state=State.MESSAGING, transitioned_at__gt=now - outreach.DAY)
    rows = log.exclude(triggered_by="chatterbot").order_by("transitioned_at")
    return [
        {"at": at, "who": who(triggered_by), "in_hour": at > now - outreach.HOUR}
        for at, triggered_by in rows.values_list("transitioned_at", "triggered_by")
    ]


def _next(rows: list[dict[str, Any]], limits: outreach.Limits, now: datetime) -> str:
    """Say in one line when the next message goes."""
    if limits.stopped:
        return "Nothing goes until outreach is resumed"
    if not rows:
        return "Nothing waits"
    if rows[0]["budget_line"]:
        return "The first in the queue waits for money to come free"
    if limits.next_slot_at is not None:
        return f"Next message in {span(max(limits.next_slot_at - now, timedelta(0)))}"
    return "Next message within a minute"


def bound(settings: OutreachSettings, money: Mapping[str, Decimal] | None = None) -> dict[str, Any]:
    """Break down what is bound by state, with widths in percent of the budget for the bar.

    Args:
        money: of each state, where the caller has it at hand.
    """
    if money is None:
        money = {state: figure.money for state, figure in pipeline.known_figures().items()}
    sums = {state.value: money.get(state.value, ZERO) for state in BOUND}
    total, budget = sum((amount or ZERO for amount in sums.values()), ZERO), settings.budget
    whole = max(budget, total, Decimal(1))
    parts: list[dict[str, Any]] = []
    for state in BOUND:
        amount = sums[state.value]
        url = f"{reverse('admin:listings_productlisting_changelist')}?state={state.value}"
        # A whole number: CSS takes no decimal comma, whatever the locale.
        width = int(amount / whole * 100)
        parts.append(
            {
                "from": sum(part["width"] for part in parts),
                "letter": LETTERS[state],
                "css": state.value.lower(),
                "label": state.label,
                "amount": amount,
                "width": width,
                "url": url,
            }
        )
    return {"parts": parts, "total": total, "budget": budget, "left": budget - total}


def _stop(row: KillSwitch) -> dict[str, Any]:
    """Return one time that outreach was stopped, with who let it go on."""
    lasted = span(row.lifted_at - row.thrown_at) if row.lifted_at else ""
    return {"row": row, "by": who(row.thrown_by), "lifted_by": who(row.lifted_by), "lasted": lasted}
