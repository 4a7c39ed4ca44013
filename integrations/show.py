"""How the back office writes money, times, badges and raw data. Everything is escaped here."""

import html
import json
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

SIGNS = {"GBP": "£", "EUR": "€", "USD": "$", "JPY": "¥"}
MAX_RAW = 60_000
DASH = mark_safe('<span class="ae-none" title="not known">–</span>')


def markup(template: str, *values: Any) -> SafeString:
    """Fill a template of our own with values, escaped unless they were marked up already.

    Django's `format_html` without its questions after translations: a list calls it three hundred times.
    """
    return SafeString(
        template.format(
            *(value if isinstance(value, SafeString) else html.escape(str(value)) for value in values)
        )
    )


def page_of(model: str, key: Any) -> str:
    """Return the address of a row's page in the back office; `model` is "app_model", `key` a number or a UUID."""
    before, after = _around(model, get_script_prefix())
    return f"{before}{key}{after}"


@lru_cache(maxsize=64)
def _around(model: str, prefix: str) -> tuple[str, str]:
    before, _, after = reverse(f"admin:{model}_change", args=["KEY"]).partition("KEY")
    return before, after


def amount(value: Decimal | None) -> str:
    """Write an amount with its currency and sign; null is a dash, since zero is a value."""
    if value is None:
        return "–"
    sign = SIGNS.get(settings.CURRENCY, f"{settings.CURRENCY} ")
    return f"{'−' if value < 0 else ''}{sign}{abs(value):,.2f}"


def money(value: Decimal | None, *, signed: bool = False) -> SafeString:
    """Mark up an amount; where `signed`, its sign has a colour beside the character."""
    if value is None:
        return DASH
    tone = " ae-bad-text" if signed and value < 0 else " ae-good-text" if signed and value > 0 else ""
    return markup('<span class="ae-money{}">{}</span>', tone, amount(value))


def stamp(moment: datetime) -> str:
    """Write a time in the staff's zone, with the year where it is not this one."""
    local = timezone.localtime(moment)
    year = f" {local.year}" if local.year != timezone.localdate().year else ""
    return f"{local.day} {local:%b}{year} {local:%H:%M}"


def when(moment: datetime | None) -> SafeString:
    """Mark up a time; its seconds and zone are in the tooltip."""
    if moment is None:
        return DASH
    local = timezone.localtime(moment)
    return markup(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(),
        f"{local:%A %d %B %Y, %H:%M:%S %Z}",
        stamp(moment),
    )


def span(length: timedelta) -> str:
    """Say in words how long something is, in its largest unit."""
    minutes = max(int(length.total_seconds() // 60), 0)
    if minutes < 1:
        return "under a minute"
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size and (size < 1440 or minutes >= 2 * 1440):
            count = minutes // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "under a minute"


def since(moment: datetime | None) -> SafeString:
    """Mark up how long ago something was; the time itself is in the tooltip."""
    if moment is None:
        return DASH
    length = timezone.now() - moment
    words = "just now" if length < timedelta(minutes=1) else f"{span(length)} ago"
    return markup('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), stamp(moment), words)


def badge(text: str, tone: str = "") -> SafeString:
    """Mark up a word as a badge; `tone` is good, warn, bad or nothing."""
    return markup('<span class="ae-badge{}">{}</span>', f" ae-{tone}" if tone else "", text)


def text(value: str, *, limit: int = 0) -> SafeString:
    """Mark up text of strangers, isolated, so that no direction mark in it turns our own words around."""
    if not value:
        return DASH
    short = value if not limit or len(value) <= limit else f"{value[: limit - 1]}…"
    return markup('<bdi title="{}">{}</bdi>', value if short != value else "", short)


def pretty(value: Any) -> str:
    """Write JSON (a value, text or bytes) so that a person can read it; what is no JSON is shown as it is."""
    if isinstance(value, bytes):
        value = value[: MAX_RAW * 4].decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return _cut(_visible(value))
    try:
        return _cut(_visible(json.dumps(value, indent=2, ensure_ascii=False)))
    except RecursionError:
        return "Nested too deep to be shown."


def _visible(value: str) -> str:
    # Control characters, direction marks and lone surrogates are shown by their number, not obeyed.
    return "".join(
        char if char in "\n\t" or char.isprintable() else f"\\u{ord(char):04x}"
        for char in value[: MAX_RAW * 2]
    )


def _cut(value: str) -> str:
    if len(value) <= MAX_RAW:
        return value
    return f"{value[:MAX_RAW]}\n… cut here: only the first {MAX_RAW:,} characters are shown."


def raw(value: Any) -> SafeString:
    """Mark up raw data as a block that scrolls by itself."""
    return markup('<pre class="ae-raw" tabindex="0">{}</pre>', pretty(value))


def link(url: str, words: Any) -> SafeString:
    """Mark up a link to a page of ours."""
    return markup('<a class="ae-link" href="{}">{}</a>', url, words)
