"""What a camera that is not sold yet should bring: what is booked, and an estimate for all that is still to come."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from integrations.show import amount
from listings import ledger
from listings.models import EstimateCorrection, LedgerLine, OutreachSettings, ProductListing
from listings.profit import ZERO, to_pennies

Kind = LedgerLine.Kind


@dataclass(frozen=True)
class Estimate:
    """One amount to come: what for, its effect on the profit, and where it is taken from."""

    label: str
    effect: Decimal
    words: str


def estimates(
    listing: ProductListing, known: Mapping[str, Decimal], limits: OutreachSettings
) -> list[Estimate]:
    """Estimate what the ledger of an unsold listing lacks, in the order in which money moves.

    Args:
        known: the ledger's sums.
    """
    found = [_sale(listing), *([] if Kind.PURCHASE in known else [_purchase(listing)])]
    sale = found[0].effect if found[0] is not None else None
    if sale is not None and Kind.EBAY_FEES not in known:
        fee = to_pennies(sale * limits.ebay_fee_percent / 100) or ZERO
        words = f"{limits.ebay_fee_percent.normalize():f}% of {amount(sale)}"
        found.append(Estimate("eBay fees", -fee, words))
    sent = known.get(Kind.POSTAGE_IN, ZERO) + known.get(Kind.POSTAGE_OUT, ZERO)
    if limits.postage > sent and Kind.POSTAGE_OUT not in known:
        words = "both ways, on average" if not sent else f"of {amount(limits.postage)} both ways, on average"
        found.append(Estimate("Postage", sent - limits.postage, words))
    if listing.ebay_asking_price is None and (learned := _learned(listing)):
        found.append(Estimate("Experience", learned, "with earlier sales of this model"))
    return [each for each in found if each is not None]


def profit(known: Mapping[str, Decimal], coming: list[Estimate]) -> Decimal | None:
    """Return what would be earned; null where the price on either side is neither known nor estimated."""
    labels = {each.label for each in coming}
    if Kind.SALE.label not in labels or not (Kind.PURCHASE in known or Kind.PURCHASE.label in labels):
        return None
    booked = sum((ledger.effect(kind, value) for kind, value in known.items()), ZERO)
    return sum((each.effect for each in coming), booked)


def _sale(listing: ProductListing) -> Estimate | None:
    if listing.ebay_asking_price is not None:
        return Estimate(Kind.SALE.label, listing.ebay_asking_price, "if it brings what is asked on eBay")
    if listing.asking_price is None or listing.estimated_profit is None:
        return None
    price = max(listing.asking_price + listing.estimated_profit, ZERO)
    return Estimate(Kind.SALE.label, price, "asking price and estimated profit")


def _purchase(listing: ProductListing) -> Estimate | None:
    if listing.negotiated_price is not None:
        return Estimate(Kind.PURCHASE.label, -listing.negotiated_price, "at the price agreed")
    if listing.asking_price is None:
        return None
    return Estimate(Kind.PURCHASE.label, -listing.asking_price, "at the asking price")


def _learned(listing: ProductListing) -> Decimal:
    rows = EstimateCorrection.objects.filter(product_id=listing.product_id)
    return rows.values_list("amount", flat=True).first() or ZERO
