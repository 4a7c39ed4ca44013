"""What partners told of a seller: taken out of the bytes, so that what is left can still be processed again."""

import json
import uuid
from collections.abc import Callable
from typing import Any

from aetos.erasure.pen import Pen
from aetos.erasure.seller import CHATTERBOT, REMOVED, SCRAPER, Seller, callbacks_of, parsed, texts
from integrations import retention
from integrations.models import InboxMessage
from listings.identity import BadUrl, identify
from listings.models import ProductListing
from scraping import webhooks
from scraping.digests import digest_of
from scraping.models import InvalidMatch, ScrapeJob

TELEGRAM = "telegram"
# What a callback says of the deal; the rest is the seller's, or unknown.
OF_THE_DEAL = ("listing_id", "order_id", "occurred_at", "agreed_price", "shipping_cost", "currency")
OF_THE_PRODUCT = ("id", "brand", "model", "full_name")
FREE_TEXT = ("text", "caption")


def jobs_bodies(seller: Seller, pen: Pen) -> None:
    """Take the seller's matches out of jobs' bodies; the matches of others stay as they came."""
    rows = InboxMessage.objects.filter(partner=SCRAPER, emptied_at__isnull=True)
    for row in rows.order_by("id").iterator(10):
        payload = parsed(row.raw)
        matches = payload.get("matches") if isinstance(payload, dict) else None
        if not isinstance(matches, list):
            _unreadable(row, seller, pen)
            continue
        left = [bare(match, listing) if (listing := whose(match, seller)) else match for match in matches]
        if left != matches:
            _keep_job(row, payload, left, pen)


def _keep_job(row: InboxMessage, payload: dict[str, Any], matches: list[Any], pen: Pen) -> None:
    body = json.dumps({**payload, "matches": matches}).encode()
    pen.update("inbox: jobs", InboxMessage.objects.filter(pk=row.pk), body=body)
    job = ScrapeJob.objects.filter(scraper_job_id=_uuid(payload.get("job_id"))).first()
    brands = webhooks.brands_of(payload)
    if job and digest_of(brands, payload["matches"]) in job.deliveries and not pen.dry_run:
        # Processed again, the body that is left is known for the repeat that it is.
        job.deliveries = [*job.deliveries, digest_of(brands, matches)]
        job.save(update_fields=["deliveries"])


def whose(match: Any, seller: Seller) -> ProductListing | None:
    """Return the seller's listing that a match is about: by its item, or by words that nobody else has."""
    offer = match.get("listing") if isinstance(match, dict) else None
    url = offer.get("url") if isinstance(offer, dict) else None
    try:
        identity = identify(url).identity if isinstance(url, str) else ""
    except BadUrl:
        identity = ""
    if identity:
        return seller.identities.get(identity)
    quoted = any(word in text for text in texts(match) for word in seller.words)
    return seller.listings[0] if quoted and seller.listings else None


def bare(match: Any, listing: ProductListing) -> Any:
    """Return a match without what its seller said: the item, its price, and what it was taken for."""
    offer, product = match.get("listing"), match.get("product")
    price = offer.get("price") if isinstance(offer, dict) else None
    known = product if isinstance(product, dict) else {}
    left = {
        "listing": {
            "url": listing.marketplace_url,
            "title": named(listing),
            "price": price if isinstance(price, int | float) else None,
            "location": None,
        },
        "product": {name: known[name] for name in OF_THE_PRODUCT if name in known},
    }
    for name in ("confidence", "potential_profit"):
        if isinstance(match.get(name), int | float):
            left[name] = match[name]
    return left


def named(listing: ProductListing) -> str:
    """Name a listing by what the catalogue calls it."""
    return listing.product_name or f"{listing.brand} {listing.model}"


def invalid_matches(seller: Seller, pen: Pen) -> None:
    """Take the seller's words out of matches that could not be used."""
    for row in InvalidMatch.objects.exclude(raw="").order_by("id").iterator(200):
        match = parsed(row.raw.encode())
        listing = next((each for each in seller.listings if each.pk == row.listing_id), None)
        if (listing := listing or whose(match, seller)) is None:
            continue
        raw = json.dumps(bare(match, listing) if isinstance(match, dict) else None)
        if raw != row.raw:
            pen.update("invalid matches", InvalidMatch.objects.filter(pk=row.pk), raw=raw)


def callbacks(seller: Seller, pen: Pen) -> None:
    """Leave of Chatterbot's callbacks what they say of the deal; what is parked or in conflict stays so."""
    for row, payload in callbacks_of(seller):
        body = json.dumps({name: payload[name] for name in OF_THE_DEAL if name in payload}).encode()
        _keep("inbox: callbacks", row, body, seller, pen) if parsed(body) != payload else None
    for row in InboxMessage.objects.filter(partner=CHATTERBOT, emptied_at__isnull=True).iterator(100):
        if not isinstance(parsed(row.raw), dict):
            _unreadable(row, seller, pen)


def telegram_updates(seller: Seller, pen: Pen) -> None:
    """Take the seller's words out of updates: they quote our messages; what staff wrote about a listing goes whole."""
    subjects = {listing.pk: listing for listing in seller.listings}
    for row in InboxMessage.objects.filter(partner=TELEGRAM, emptied_at__isnull=True).iterator(100):
        payload = parsed(row.raw)
        if not isinstance(payload, dict):
            _unreadable(row, seller, pen)
            continue
        listing = subjects.get(row.subject) if row.subject else None
        left = seller.cleaned(_without_texts(payload, f"[{listing.short_code}]") if listing else payload)
        if left != payload:
            _keep("inbox: Telegram", row, json.dumps(left).encode(), seller, pen)


def _without_texts(value: Any, instead: str) -> Any:
    if isinstance(value, list):
        return [_without_texts(each, instead) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: instead if name in FREE_TEXT and isinstance(each, str) else _without_texts(each, instead)
        for name, each in value.items()
    }


def details(seller: Seller, pen: Pen) -> None:
    """Take the seller's words out of what was noted beside the bodies, and answered to them."""
    for row in InboxMessage.objects.defer("body").order_by("id").iterator(500):
        detail, answer = seller.without(row.detail), seller.cleaned(row.answer)
        if (detail, answer) != (row.detail, row.answer):
            rows = InboxMessage.objects.filter(pk=row.pk)
            pen.update("inbox: details", rows, detail=detail, answer=answer)


def _keep(what: str, row: InboxMessage, body: bytes, seller: Seller, pen: Pen) -> None:
    detail, answer = seller.without(row.detail), seller.cleaned(row.answer)
    pen.update(what, InboxMessage.objects.filter(pk=row.pk), body=body, detail=detail, answer=answer)


def _unreadable(row: InboxMessage, seller: Seller, pen: Pen) -> None:
    """Take a body away that is no JSON of ours and quotes the seller; it was refused, and cannot be processed."""
    if not seller.quotes(row.raw.decode("utf-8", "replace")):
        return
    pen.update("inbox: unreadable", InboxMessage.objects.filter(pk=row.pk), detail=REMOVED)
    if not pen.dry_run:
        retention.empty(row)


def _uuid(value: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(value if isinstance(value, str) else "")
    except ValueError:
        return None


PLACES: tuple[Callable[[Seller, Pen], None], ...] = (
    jobs_bodies,
    invalid_matches,
    telegram_updates,
    callbacks,
    details,
)
