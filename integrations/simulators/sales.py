"""An offer on the simulated eBay: what is taken for one, when it sells, and for how much."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from random import Random
from typing import Any

FATES = ("sold", "late_fee", "unsold")
# "rejected" is no fate: eBay then asks for a Film Format, whatever is offered.
OUTCOMES = frozenset({*FATES, "rejected"})
PENNY = Decimal("0.01")
# What eBay keeps of the buyer's total, and for each order.
FEE_RATE, FEE_PER_ORDER = Decimal("0.128"), Decimal("0.30")
TEXTS = {"sku": 50, "title": 80, "brand": 65, "model": 65, "condition": 50, "description": 500_000}
MOST_PHOTOS = 24
# What is paid of the price asked: all of it, an offer a little below, or as little as for a fault found late.
SHARES = ((1.0, 1.0), (0.92, 0.99), (0.6, 0.75))
LIKELY = (55, 25, 20)
FILM = re.compile(r"\bfilm\b", re.IGNORECASE)


@dataclass
class Offer:
    """One listing, and what will become of it: the times are minutes of the partners' life."""

    sku: str
    listing_id: str
    offer_id: str
    title: str
    brand: str
    model: str
    price: str
    currency: str
    condition: str
    description: str
    photos: list[str]
    outcome: str
    sells_after: float
    share: float
    shipping_cost: str
    order_id: str
    fee_after: float = 60.0
    status: str = "active"
    listed_at: str = ""
    sold_at: str = ""
    sale: dict[str, Any] | None = None

    @property
    def url(self) -> str:
        """Return the listing's address on eBay."""
        return f"https://www.ebay.co.uk/itm/{self.listing_id}"

    def created(self) -> dict[str, Any]:
        """Return the answer to the call that made it."""
        return {"listing_id": self.listing_id, "offer_id": self.offer_id, "url": self.url}

    def shown(self) -> dict[str, Any]:
        """Return the listing as GET shows it."""
        price = {"value": self.price, "currency": self.currency}
        whole = {
            "sku": self.sku,
            "title": self.title,
            "brand": self.brand,
            "model": self.model,
            "price": price,
        }
        state: dict[str, Any] = {
            "status": self.status,
            "listed_at": self.listed_at,
            "sold_at": self.sold_at or None,
        }
        if self.sale:
            state["sale"] = self.sale
        return self.created() | whole | {"condition": self.condition, "photos": self.photos} | state

    def sells(self, told: dict[str, Any]) -> None:
        """Take the body that tells the sale, and keep what GET shows of it; a fee that follows completes it."""
        self.status, self.sold_at = "sold", str(told.get("sold_at") or now())
        self.sale = {name: value for name, value in told.items() if name not in ("listing_id", "sku")}

    def change(self, content: dict[str, Any]) -> None:
        """Take what PATCH brings, already validated, and keep it."""
        for name in ("title", "condition", "description", "photos"):
            if name in content:
                setattr(self, name, content[name])
        if "price" in content:
            self.price = str(Decimal(content["price"]["value"]).quantize(PENNY))


def listed(content: dict[str, Any], outcome: str = "") -> Offer:
    """Take a valid body and, if it is forced, the outcome, return the offer.

    Its numbers follow from the sku, so a restart gives the same; its fate follows from what is
    offered, so that two runs of the demo go alike.
    """
    numbers = Random(f"numbers|{content['sku']}")
    fate = Random(f"fate|{content['title']}|{content['price']['value']}")
    drawn = fate.choices(FATES, (65, 22, 13))[0]
    return Offer(
        sku=content["sku"],
        listing_id=f"1100{numbers.randrange(10**7, 10**8)}",
        offer_id=str(numbers.randrange(10**10, 10**11)),
        title=content["title"],
        brand=content["brand"],
        model=content["model"],
        price=str(Decimal(content["price"]["value"]).quantize(PENNY)),
        currency=content["price"]["currency"],
        condition=content["condition"],
        description=content["description"],
        photos=content["photos"],
        outcome=outcome if outcome in FATES else drawn,
        sells_after=fate.uniform(15, 170),
        share=fate.uniform(*fate.choices(SHARES, LIKELY)[0]),
        shipping_cost=fate.choice(("4.45", "6.95", "7.95", "9.25")),
        order_id=f"{numbers.randrange(10, 30)}-{numbers.randrange(10**4, 10**5)}-{numbers.randrange(10**4, 10**5)}",
        fee_after=fate.uniform(60, 900),
        listed_at=now(),
    )


def sale_body(offer: Offer, *, with_fee: bool) -> dict[str, Any]:
    """Take an offer that sold, return what the orchestrator is told; the fee is left out if not known yet."""
    price = (Decimal(offer.price) * Decimal(str(offer.share))).quantize(PENNY, ROUND_HALF_UP)
    body = {"listing_id": offer.listing_id, "sku": offer.sku, "sold_price": str(price)}
    if with_fee:
        fees = (price * FEE_RATE + FEE_PER_ORDER).quantize(PENNY, ROUND_HALF_UP)
        body["ebay_fees"] = str(fees)
    return body | {
        "shipping_cost": offer.shipping_cost,
        "sold_at": offer.sold_at or now(),
        "order_id": offer.order_id,
    }


def validated(content: dict[str, Any], *, whole: bool = True) -> dict[str, list[str]]:
    """Take a body, return what is wrong with it by field; with `whole` every field has to be there."""
    problems: dict[str, list[str]] = {}
    for name, longest in TEXTS.items():
        if name not in content:
            if whole:
                problems[name] = ["This field is required."]
        elif not isinstance(content[name], str) or not content[name].strip():
            problems[name] = ["A text is expected."]
        elif len(content[name]) > longest:
            problems[name] = [f"At most {longest} characters."]
    if (whole or "price" in content) and not _is_money(content.get("price")):
        problems["price"] = ['{"value": "500.00", "currency": "GBP"} is expected, above 0.']
    if (whole or "photos" in content) and not _are_photos(content.get("photos")):
        problems["photos"] = [f"1 to {MOST_PHOTOS} absolute URLs are expected."]
    return problems


def rejected(content: dict[str, Any], *, forced: bool = False) -> dict[str, list[str]]:
    """Take a valid body, return what eBay's category lacks: a film camera has to say its Film Format.

    With `forced` everything is a film camera.
    """
    is_film = forced or FILM.search(f"{content.get('title', '')} {content.get('model', '')}")
    if not is_film or "film format" in content.get("description", "").lower():
        return {}
    return {"description": ["The item specific Film Format is missing. Add Film Format to this listing."]}


def _is_money(price: Any) -> bool:
    """Return whether it is eBay's form of money: the value is a string, with two places at most."""
    if (
        not isinstance(price, dict)
        or price.get("currency") != "GBP"
        or not isinstance(price.get("value"), str)
    ):
        return False
    try:
        value = Decimal(price["value"])
    except InvalidOperation:
        return False
    return value.is_finite() and 0 < value < 10**6 and value == value.quantize(PENNY)


def _are_photos(photos: Any) -> bool:
    if not isinstance(photos, list) or not 1 <= len(photos) <= MOST_PHOTOS:
        return False
    return all(isinstance(photo, str) and photo.startswith(("http://", "https://")) for photo in photos)


def now() -> str:
    """Return the time as it is written on the wire."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
