"""What is for sale on the simulated marketplace, and how ScraperV2 would match and score it."""

import uuid
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from integrations.simulators.catalogue import BOOSTS, LENS_PHRASES, PHRASES, PLACES, Product

# How the same item's link looks from different corners of the site. `{id}` is the item's, `{t}` the search's.
SEARCH = (
    "https://www.facebook.com/marketplace/item/{id}/?ref=search&referral_code=null"
    "&referral_story_type=post&tracking=browse_serp%3A{t}"
)
SHAPES = (
    SEARCH,
    SEARCH,
    SEARCH + "&__tn__=!%3AD",
    "https://www.facebook.com/marketplace/item/{id}/?hoisted=false&ref=search&tracking=browse_serp%3A{t}",
    "https://www.facebook.com/marketplace/item/{id}/?ref=category_feed&referral_code=undefined&tracking=feed%3A{t}",
    "https://m.facebook.com/marketplace/item/{id}/?ref=search&tracking=browse_serp%3A{t}",
    "https://web.facebook.com/marketplace/item/{id}/?mibextid=wwXIfr",
    "https://www.facebook.com/marketplace/item/{id}",
)


@dataclass(frozen=True)
class Item:
    """One thing for sale: the marketplace's number, the camera it is, and what the seller wrote."""

    id: int
    product: Product
    title: str
    price: int | None
    location: str | None = None

    @property
    def url(self) -> str:
        """Return the item's canonical address."""
        return f"https://www.facebook.com/marketplace/item/{self.id}/"

    def at(self, price: int | None) -> "Item":
        """Take another price, return the item asking it."""
        return replace(self, price=price)


def drawn_uuid(draw: Random) -> str:
    """Take a source of chance, return a version 4 UUID drawn from it."""
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


def new_item(draw: Random, product: Product) -> Item:
    """Take a source of chance and a camera, return an offer of it inside its buy band."""
    phrases = PHRASES + LENS_PHRASES if product.lens else PHRASES
    title = draw.choice(phrases).format(draw.choice(product.spellings), lens=product.lens)
    # Most sellers ask near the top of what is worth paying; round sums are the rule.
    price = int(product.low + (product.high - product.low) * draw.betavariate(2.4, 1.6))
    price = max(product.low, min(product.high, round(price / 5) * 5 - draw.choice((0, 0, 0, 1))))
    location = draw.choice(PLACES) if draw.random() < 0.15 else None
    return Item(draw.randrange(10**14, 10**16), product, title, price, location)


def href(draw: Random, item: Item, search: str) -> str:
    """Take an item and the search's tracking id, return the link as that search would show it."""
    return draw.choice(SHAPES).format(id=item.id, t=search)


def match(item: Item, url: str, product: Product | None = None) -> dict[str, Any]:
    """Take an item, its link and the camera it is taken for, return the match in ScraperV2's form."""
    product = product or item.product
    price_score, price_reason, profit = _price(item.price, product)
    boosts = [word for word in BOOSTS if word in item.title.lower()][:4]
    confidence, reasons = _confidence(price_score, price_reason, boosts, product)
    return {
        "listing": {
            "url": url,
            "title": item.title,
            "price": None if item.price is None else float(item.price),
            "location": item.location,
        },
        "product": {
            "id": product.id,
            "brand": product.brand,
            "model": product.model,
            "full_name": product.full_name,
        },
        "confidence": confidence,
        "match_breakdown": {"title_score": 100.0, "price_score": price_score, "keyword_score": 100.0},
        "reasons": reasons,
        "potential_profit": profit,
    }


def _price(price: int | None, product: Product) -> tuple[float, str, float | None]:
    """Return the score of a price, the reason given for it, and the profit it promises."""
    if price is None:
        return 0.0, "No price available - rejected", None
    if price > product.high:
        return 0.0, f"Price £{price} too high (max £{product.high:.2f})", None
    if price < product.low:
        return 0.0, f"Price £{price} too low (min £{product.low:.2f})", None
    score = round(60 + 40 * (product.high - price) / (product.high - product.low), 2)
    profit = float(product.sells_for - price)
    band = f"£{product.low:.2f}-£{product.high:.2f}"
    return score, f"Price £{price} in range ({band}), score: {score:.0f}%, profit: £{profit:.0f}", profit


def _confidence(
    price_score: float, price_reason: str, boosts: list[str], product: Product
) -> tuple[float | int, list[str]]:
    """Return the confidence, a bare 100 where it is capped, and the reasons in their order."""
    passed = (
        f"Passed filters, boost keywords: {', '.join(boosts)}"
        if boosts
        else "Passed filters (no reject keywords)"
    )
    reasons = [
        f"Exact model match: '{product.model}'",
        price_reason,
        passed,
        "Title: 100% (weight 60%)",
        f"Price: {price_score:.0f}% (weight 30%)",
        "Keywords: 100% (weight 10%)",
    ]
    if not price_score:
        # The earlier engine lets an offer through whose price it could not judge, always at 70.
        return 70.0, reasons
    if boosts:
        reasons.append(f"Boost: +{5 * len(boosts)}% ({len(boosts)} keywords)")
    total = 60 + 0.3 * price_score + 10 + 5 * len(boosts)
    return (100 if total >= 100 else round(total, 2)), reasons
