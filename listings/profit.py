"""What a camera earned, to the penny. Pure arithmetic: no model, no clock, no setting."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

PENNY = Decimal("0.01")
ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Profit:
    """A profit, and whether a cost is still to come."""

    amount: Decimal | None
    is_provisional: bool


def to_pennies(amount: Decimal | None) -> Decimal | None:
    """Round once, half away from zero as PostgreSQL does; null stays null."""
    # Plus zero: what rounds to nothing, or came as -0, is written "0.00".
    return None if amount is None else amount.quantize(PENNY, ROUND_HALF_UP) + ZERO


def final_profit(
    *,
    sold_price: Decimal | None,
    purchase_price: Decimal | None,
    ebay_fees: Decimal | None,
    shipping_cost: Decimal | None,
    other_costs: Decimal = ZERO,
    refunded: Decimal = ZERO,
) -> Profit:
    """Return `sold_price − purchase_price − ebay_fees − shipping_cost`, less repairs, other costs and refunds.

    Null is "not known": without a price on either side there is no profit to
    tell; a cost that is not known counts as zero, and makes the profit provisional.
    """
    provisional = ebay_fees is None or shipping_cost is None
    if sold_price is None or purchase_price is None:
        return Profit(None, provisional)
    amount = sold_price - purchase_price - (ebay_fees or ZERO) - (shipping_cost or ZERO)
    amount -= other_costs + refunded
    return Profit(to_pennies(amount), provisional)
