"""Outreach rules and limits: rows that staff edit; a rule is tried before it is switched on."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from integrations.admin.editable import EditableAdmin, OneRowAdmin, edit_link
from integrations.show import amount, badge, link, money, text
from listings import outreach
from listings.admin.buying import QUEUE
from listings.models import OutreachRule, OutreachSettings

BEST = 20
CHANGE = "listings.change_outreachrule"


@admin.register(OutreachRule)
class OutreachRuleAdmin(EditableAdmin):
    """Rules that approve by themselves."""

    act_permission = CHANGE
    new_words = "New rule…"
    list_display = ("rule", "is_on", "lets_through", "try_it")
    fields = ("name", "brand", "product_id", "min_confidence", "min_net_estimate", "max_price", "active")
    empty_words = "No rule yet. A rule approves what it lets through into the outreach queue."

    @admin.display(description="Rule", ordering="name")
    def rule(self, row: OutreachRule) -> SafeString:
        """Link to the form."""
        return edit_link(row, text(row.name))

    @admin.display(description="On", ordering="active")
    def is_on(self, row: OutreachRule) -> SafeString:
        """Show whether it approves."""
        return badge("on", "good") if row.active else badge("off")

    @admin.display(description="Lets through")
    def lets_through(self, row: OutreachRule) -> SafeString:
        """Say the conditions in words."""
        return text(in_words(row))

    @admin.display(description="")
    def try_it(self, row: OutreachRule) -> SafeString:
        """Link to what it would approve."""
        return link(try_url(row), "Try it")

    def beside_the_form(self, request: HttpRequest, row: OutreachRule) -> dict[str, Any]:
        """Offer to try it, as it is saved."""
        return {
            "form_notes": ["Try it shows what the rule, as it is saved, would approve. It approves nothing."],
            "buttons": [{"get": True, "url": try_url(row), "words": "Try it", "quiet": row.active}],
        }

    def get_urls(self) -> list[URLPattern]:
        """Add the trial and the switch."""
        wrap, name = self.admin_site.admin_view, "listings_outreachrule"
        return [
            path("<int:pk>/try/", wrap(self.try_view), name=f"{name}_try"),
            path("<int:pk>/switch/", wrap(self.switch_view), name=f"{name}_switch"),
            *super().get_urls(),
        ]

    def try_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how many listings the rule lets through, and the best of them. It only reads."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        rule = get_object_or_404(OutreachRule, pk=pk)
        rows = outreach.matching(rule).select_related("approval").defer("raw_match")
        total, new = rows.count(), rows.filter(approval__isnull=True).count()
        context = {
            "title": f"Try {rule.name}",
            "badge": self.is_on(rule),
            "notices": [(messages.INFO, f"It lets through: {in_words(rule)}.")],
            "sections": [("Now", [("Found listings that match", total), ("Would join the queue", new)])],
            "tables": [_best(rows, total)],
            "buttons": self._switches(request, rule, new),
        }
        return self.render(request, "staff/record.html", {**context, "may_act": self.may_act(request)})

    def _switches(self, request: HttpRequest, rule: OutreachRule, new: int) -> list[dict[str, str]]:
        if not self.may_act(request):
            return []
        url = reverse("admin:listings_outreachrule_switch", args=[rule.pk])
        if rule.active:
            note = "What it has approved keeps its place."
            return [{"url": f"{url}?to=off", "words": "Switch it off", "note": note}]
        note = f"Within a minute it approves {new} into the queue, and from then on what is found."
        return [{"url": f"{url}?to=on", "words": "Switch it on", "note": note}]

    def switch_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Switch a rule on or off; which of the two is in the address, so that a second click does nothing."""
        if request.method == "POST":
            self.demand(request)
            rule = get_object_or_404(OutreachRule, pk=pk)
            rule.active = request.GET.get("to") == "on"
            rule.save(update_fields=["active"])
            self.log_change(request, rule, f"Switched {'on' if rule.active else 'off'}.")
            messages.success(request, f'The rule "{rule.name}" is {"on" if rule.active else "off"}.')
        return self.to_record(pk)


@admin.register(OutreachSettings)
class OutreachSettingsAdmin(OneRowAdmin):
    """How much, how fast, and what a sale costs."""

    act_permission = "listings.change_outreachsettings"
    fields = ("hourly_rate", "daily_cap", "budget", "ebay_fee_percent", "postage")

    def beside_the_form(self, request: HttpRequest, row: OutreachSettings) -> dict[str, Any]:
        """Say when a change counts, and lead back to the queue."""
        return {
            "form_notes": [
                "A change counts from the next minute on. Fee and postage move every net estimate."
            ],
            "buttons": [{"get": True, "url": reverse(QUEUE), "words": "The queue", "quiet": True}],
        }


def try_url(rule: OutreachRule) -> str:
    """Return where a rule is tried."""
    return reverse("admin:listings_outreachrule_try", args=[rule.pk])


def in_words(rule: OutreachRule) -> str:
    """Say what a rule lets through."""
    parts = [rule.brand or "every brand"]
    if rule.product_id is not None:
        parts.append(f"product {rule.product_id}")
    parts += [f"confidence {rule.min_confidence} and up", f"net {amount(rule.min_net_estimate)} and up"]
    if rule.max_price is not None:
        parts.append(f"asking to {amount(rule.max_price)}")
    return ", ".join(parts)


def _best(rows: Any, total: int) -> dict[str, Any]:
    shown = list(rows[:BEST])
    url = "admin:listings_productlisting_change"
    return {
        "title": f"The best {len(shown)}" if total > BEST else "All that match",
        "heads": ("Listing", "Asking", "Net estimate", "Confidence", "Score", "Queue"),
        "rows": [
            (
                link(reverse(url, args=[row.pk]), text(row.title, limit=80)),
                money(row.asking_price),
                money(row.net_estimate, signed=True),
                f"× {row.confidence_score / 100:.2f}",
                money(row.score),
                _fate(row),
            )
            for row in shown
        ],
        "empty": "No found listing matches. Loosen a condition, or wait for the next scrape.",
    }


def _fate(row: Any) -> str:
    approval = getattr(row, "approval", None)
    if approval is None:
        return "would join"
    return "in it already" if approval.withdrawn_at is None else "was withdrawn by staff, and stays out"
