"""The prices at which a listing was seen, drawn as steps; the price agreed is a line across them."""

from decimal import Decimal
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from integrations.show import amount, span
from listings.models import ProductListing

WIDTH, HEIGHT, EDGE = 400, 130, 18
MOST = 60


def chart(listing: ProductListing) -> dict[str, Any] | None:
    """Draw the newest sightings that told a price; None where fewer than two did."""
    rows = list(listing.sightings.filter(price__isnull=False).order_by("-seen_at", "-id")[:MOST])[::-1]
    if len(rows) < 2:
        return None
    prices = [row.price for row in rows if row.price is not None]
    agreed = listing.negotiated_price
    scale = _scale([*prices, *([agreed] if agreed is not None else [])])
    begun, lasted = rows[0].seen_at, (rows[-1].seen_at - rows[0].seen_at).total_seconds() or 1
    points = [
        (EDGE + (row.seen_at - begun).total_seconds() / lasted * (WIDTH - 2 * EDGE), scale(price), price)
        for row, price in zip(rows, prices, strict=True)
    ]
    change = prices[-1] - prices[0]
    took = span(rows[-1].seen_at - begun)
    words = f"{len(rows)} sightings over {took}, from {amount(prices[0])} to {amount(prices[-1])}"
    return {"svg": _svg(points, agreed, scale, words), "count": len(rows), "change": change, "took": took}


def _scale(prices: list[Decimal]) -> Any:
    low, high = float(min(prices)), float(max(prices))
    room = (high - low) or 1.0

    def down(price: Decimal) -> float:
        return (
            HEIGHT - EDGE - (float(price) - low) / room * (HEIGHT - 2 * EDGE - 10)
            if high > low
            else HEIGHT / 2
        )

    return down


def _agreed_line(down: float, agreed: Decimal) -> SafeString:
    return format_html(
        '<line class="ae-agreed" x1="0" x2="{}" y1="{}" y2="{}"/>'
        '<text class="ae-agreed-words" x="0" y="{}">agreed {}</text>',
        WIDTH,
        f"{down:.1f}",
        f"{down:.1f}",
        f"{down + 13:.1f}",
        amount(agreed),
    )


def _svg(
    points: list[tuple[float, float, Decimal]], agreed: Decimal | None, scale: Any, words: str
) -> SafeString:
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    path += "".join(f" H{across:.1f} V{down:.1f}" for across, down, _ in points[1:])
    changes = [
        point
        for before, point in zip([None, *points], points, strict=False)
        if not before or before[2] != point[2]
    ]
    dots = format_html_join(
        "", '<circle cx="{}" cy="{}" r="3.5"/>', ((f"{x:.1f}", f"{y:.1f}") for x, y, _ in points)
    )
    labels = format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="{}">{}</text>',
        (
            (f"{x:.1f}", f"{y - 8:.1f}", "end" if x > WIDTH - 60 else "start", amount(price))
            for x, y, price in changes
        ),
    )
    line = SafeString("") if agreed is None else _agreed_line(scale(agreed), agreed)
    return format_html(
        '<svg class="ae-prices" viewBox="0 0 {} {}" role="img"><title>Prices seen</title><desc>{}</desc>'
        '{}<path class="ae-step-line" d="{}"/>{}{}</svg>',
        WIDTH,
        HEIGHT,
        words,
        line,
        path,
        dots,
        labels,
    )
