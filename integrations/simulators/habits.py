"""What the demo's owner does with a camera once it is bought: decided by its link alone, so runs can be repeated."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from random import Random

from integrations.simulators.pictures import LOOKS

REPAIRS = (
    ("18.50", "Sensor cleaned"),
    ("34.00", "New shutter button"),
    ("12.99", "Battery door replaced"),
    ("45.00", "Lens ring regripped and hood replaced"),
)


@dataclass(frozen=True)
class Habits:
    """What will be done, and when: the times are minutes of the partners' life, each after the step before.

    What is not photographed or not listed waits for whoever tries the demo.
    """

    look: int
    photos: int
    photographs: bool
    by_telegram: bool
    photographed_after: float
    lists: bool
    listed_after: float
    repair: tuple[str, str] | None


def foreseen(url: str) -> Habits:
    """Take a listing's link, return what its owner will do."""
    draw = Random(f"owner|{url}")
    return Habits(
        look=draw.randrange(LOOKS),
        photos=draw.randint(2, 4),
        photographs=draw.random() < 0.78,
        by_telegram=draw.random() < 0.4,
        photographed_after=draw.uniform(2, 30),
        lists=draw.random() < 0.78,
        listed_after=draw.uniform(2, 20),
        repair=draw.choice(REPAIRS) if draw.random() < 0.3 else None,
    )


def price_to_ask(asking: str | None, profit: str | None) -> Decimal | None:
    """Take what the seller asked and what was to be earned, return a price ending in 9, or None if in doubt."""
    if asking is None or profit is None:
        return None
    tens = ((Decimal(asking) + Decimal(profit)) / 10).to_integral_value(ROUND_DOWN)
    return max(tens * 10 - 1, Decimal(9)).quantize(Decimal("0.01"))


def cheaper(price: Decimal) -> Decimal:
    """Take what is asked on eBay, return what is asked when it has not sold for a while."""
    return (price * Decimal("0.92")).to_integral_value(ROUND_DOWN).quantize(Decimal("0.01"))
