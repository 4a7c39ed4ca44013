"""Charts, drawn on the server as SVG: colours by class, so that dark mode and print have theirs; shapes beside them.

Every chart has a title and a description for those who do not see it. What a loss is, is hatched: the page
defines the pattern `ae-hatch` once.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from listings.admin.show import LETTERS
from listings.states import State

Number = Decimal | int | float


def bar(value: Number | None, *, least: Number, most: Number, words: str, css: str = "good") -> SafeString:
    """Draw one bar of a row of bars that share a scale from `least` (zero or below) to `most`."""
    whole = float(most) - float(least) or 1.0
    zero = -float(least) / whole * 100
    length = float(value or 0) / whole * 100
    loss = length < 0
    return format_html(
        '<svg class="ae-bar-chart" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="ae-fill-{}" x="{}" y="1" width="{}" height="10" rx="1"{}/>'
        '<line class="ae-axis" x1="{}" x2="{}" y1="0" y2="12"/></svg>',
        words,
        "bad" if loss else css,
        f"{zero + min(length, 0):.2f}",
        f"{max(abs(length), 0.6 if value else 0):.2f}",
        format_html(' fill="url(#{})"', "ae-hatch") if loss else "",
        f"{zero:.2f}",
        f"{zero:.2f}",
    )


def histogram(bins: Sequence[tuple[int, int, int]], *, middle: Number, title: str, words: str) -> SafeString:
    """Draw counts over bins of days; the bin that holds the median is marked by its hatch and a triangle."""
    wide, high, foot = 340, 130, 22
    step = (wide - 16) / max(len(bins), 1)
    most = max((count for _, _, count in bins), default=1) or 1
    parts: list[SafeString] = []
    for place, (first, after, count) in enumerate(bins):
        left, tall = 8 + place * step, count / most * (high - foot - 24)
        top = high - foot - tall
        centre = f"{left + step / 2:.1f}"
        parts.append(
            format_html(
                '<rect class="ae-fill-plain" x="{}" y="{}" width="{}" height="{}" rx="2"/>',
                f"{left + 1.5:.1f}",
                f"{top:.1f}",
                f"{step - 3:.1f}",
                f"{tall:.1f}",
            )
        )
        if count:
            parts.append(_text(centre, f"{top - 4:.1f}", f"{count:,}"))
        if first <= middle < after:
            parts.append(
                format_html(
                    '<path class="ae-fill-ink" d="M{} {}l4 -6h-8z"/>', centre, f"{max(top - 16, 7):.1f}"
                )
            )
        if place % max(1, len(bins) // 8) == 0:
            parts.append(_text(f"{left:.1f}", str(high - 8), str(first)))
    return _svg((wide, high), title, words, parts, "ae-histogram")


def way(stages: Iterable[tuple[State, Decimal]], *, title: str, words: str) -> SafeString:
    """Draw the way from found to sold as one band, each state as long as its median."""
    known = [(state, max(float(length), 0.0)) for state, length in stages]
    wide, whole = 340.0, sum(length for _, length in known) or 1.0
    least = 26.0
    free = wide - least * len(known)
    parts: list[SafeString] = []
    left = 0.0
    for state, length in known:
        width = least + free * length / whole
        css = state.value.lower()
        parts.append(
            format_html(
                '<g class="ae-{}"><rect class="ae-fill-state" x="{}" y="0" width="{}" height="22" rx="3"/>'
                '<text class="ae-on-state" x="{}" y="15" text-anchor="middle">{}</text></g>',
                css,
                f"{left:.1f}",
                f"{width - 2:.1f}",
                f"{left + (width - 2) / 2:.1f}",
                LETTERS[state],
            )
        )
        parts.append(_text(f"{left + (width - 2) / 2:.1f}", "36", f"{length:.1f}"))
        left += width
    return _svg((int(wide), 42), title, words, parts, "ae-way-chart")


def _gridline(css: str, left: float, right: float, height: float, label: str) -> SafeString:
    """Draw a line across, with its label at the left."""
    return format_html(
        '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
        *(css, left, right, f"{height:.1f}", f"{height:.1f}"),
        *(left - 5, f"{height + 3:.1f}", label),
    )


def scatter(points: Sequence[tuple[Decimal, Decimal]], *, title: str, words: str, sign: str) -> SafeString:
    """Draw realised over estimated: a dot is near the line, a triangle above it, a square below."""
    wide, high, left, foot = 360, 260, 40, 30
    numbers = [float(number) for point in points for number in point]
    low, top = min([0.0, *numbers]), max([1.0, *numbers])
    step = _round_step((top - low) / 5)
    low, top = step * (low // step), step * -(-top // step)

    def x(number: float) -> float:
        return left + (number - low) / (top - low) * (wide - left - 24)  # room for half of the last label

    def y(number: float) -> float:
        return 8 + (top - number) / (top - low) * (high - foot - 8)

    parts: list[SafeString] = []
    for number in range(round((top - low) / step) + 1):
        tick = low + number * step
        label = f"{'−' if tick < 0 else ''}{sign}{abs(tick):,.0f}"
        axis = "ae-zero" if abs(tick) < step / 2 else "ae-grid"
        parts.append(_gridline(axis, left, wide - 24, y(tick), label))
        parts.append(_text(f"{x(tick):.1f}", str(high - 16), label))
    ends = [f"{number:.1f}" for number in (x(low), y(low), x(top), y(top))]
    parts.append(format_html('<line class="ae-even" x1="{}" y1="{}" x2="{}" y2="{}"/>', *ends))
    parts += [_mark(x(float(estimate)), y(float(real)), float(real - estimate)) for estimate, real in points]
    parts += [
        _text(str((wide + left) // 2), str(high - 3), "estimated"),
        format_html(
            '<text transform="translate(9 {}) rotate(-90)" text-anchor="middle">realised</text>', high // 2
        ),
    ]
    return _svg((wide, high), title, words, parts, "ae-scatter")


def _mark(across: float, down: float, error: float) -> SafeString:
    if error >= 10:
        return format_html(
            '<path class="ae-fill-good" d="M{} {}l4.5 8h-9z"/>', f"{across:.1f}", f"{down - 5:.1f}"
        )
    if error <= -10:
        return format_html(
            '<rect class="ae-fill-bad" x="{}" y="{}" width="7" height="7"/>',
            f"{across - 3.5:.1f}",
            f"{down - 3.5:.1f}",
        )
    return format_html(
        '<circle class="ae-fill-plain" cx="{}" cy="{}" r="3.5"/>', f"{across:.1f}", f"{down:.1f}"
    )


def _round_step(rough: float) -> float:
    size = 1.0
    while size * 10 <= rough:
        size *= 10
    return next(size * each for each in (1, 2, 5, 10) if size * each >= rough)


def _text(across: str, down: str, words: str) -> SafeString:
    return format_html('<text x="{}" y="{}" text-anchor="middle">{}</text>', across, down, words)


def _svg(size: tuple[int, int], title: str, words: str, parts: Iterable[Any], css: str) -> SafeString:
    inside = format_html_join("", "{}", ((part,) for part in parts))
    return format_html(
        '<svg class="ae-chart {}" viewBox="0 0 {} {}" role="img"><title>{}</title><desc>{}</desc>{}</svg>',
        css,
        *size,
        title,
        words,
        inside,
    )
