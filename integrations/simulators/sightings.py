"""What one search of the simulated ScraperV2 turns up, and the figures it keeps about it."""

from random import Random
from typing import Any

from integrations.simulators.catalogue import Product, products_of
from integrations.simulators.market import Item, drawn_uuid, href, match, new_item


def search(
    draw: Random, brands: list[str], products: list[Product], standing: list[Item]
) -> list[dict[str, Any]]:
    """Take brands, their cameras and what has been for sale a while, return one search's matches.

    Some of the finds are new and join what is for sale; the others are seen again, under other
    links and now and then at a lower price.
    """
    tracking = drawn_uuid(draw)
    fresh = [new_item(draw, draw.choice(products)) for _ in range(draw.randint(2, 4))]
    known = [item for item in standing if item.product.brand in brands and item.price]
    again = draw.sample(known, min(len(known), draw.randint(1, 3)))
    again = [item.at(cheaper(draw, item)) if draw.random() < 0.3 else item for item in again]
    standing.extend(fresh)
    found = fresh + again
    draw.shuffle(found)
    return [match(item, href(draw, item, tracking)) for item in found]


def cheaper(draw: Random, item: Item) -> int:
    """Take a priced item, return what its seller would come down to, still inside the buy band."""
    asked = item.price or item.product.low
    return max(item.product.low, int(asked * draw.uniform(0.86, 0.95)))


def result(brands: list[str], matches: list[dict[str, Any]], skipped: int, unmatched: int) -> dict[str, Any]:
    """Take a search's matches and counts, return the `result` of its job document."""
    analysed = len({found["listing"]["url"] for found in matches}) + unmatched
    stats: dict[str, Any] = {
        "listings_scraped": analysed + skipped,
        "listings_skipped": skipped,
        "listings_analyzed": analysed,
    }
    if analysed:
        stats |= _figures(matches, unmatched)
    return {
        "brands": brands,
        "products_count": len(products_of(brands)),
        "matches": matches,
        "stats": stats,
    }


def nothing(brands: list[str], products_count: int, reason: str) -> dict[str, Any]:
    """Return the `result` of a job that completed without looking at a single listing."""
    return {"brands": brands, "products_count": products_count, "matches": [], "stats": {"error": reason}}


def _figures(matches: list[dict[str, Any]], unmatched: int) -> dict[str, Any]:
    per_product: dict[str, int] = {}
    for found in matches:
        key = str(found["product"]["id"])
        per_product[key] = per_product.get(key, 0) + 1
    confidence = [found["confidence"] for found in matches]
    return {
        "total_matches": len(matches),
        "unique_listings_matched": len({found["listing"]["url"] for found in matches}),
        "unmatched_listings": unmatched,
        "average_confidence": round(sum(confidence) / len(confidence), 2) if confidence else 0,
        "products_with_matches": len(per_product),
        "matches_per_product": per_product,
    }
