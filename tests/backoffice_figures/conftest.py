"""Sales of every kind: profits, losses, provisional ones, returned ones, nulls; on either side of midnight."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.test import Client

from integrations import clock
from listings.models import ProductListing
from listings.states import State
from tests.factories import make_listing

FIGURES, PUT_RIGHT = "/staff/figures/", "/staff/figures/put-right/"
PENNY = Decimal("0.01")


def a_sale(days_ago: float = 1, **facts: Any) -> ProductListing:
    """Make a sale and move it in time; `facts` are columns, and `product` the catalogue's."""
    product = facts.pop("product", {"id": 230, "brand": "Sony", "model": "a6400", "full_name": "Sony a6400"})
    price, gross = facts.pop("asking", 400), facts.pop("gross", 100)
    listing = make_listing(State.SOLD, price=price, potential_profit=gross, product=product)
    sold_at: datetime = clock.now() - timedelta(days=days_ago)
    moments = {"found_at": sold_at - timedelta(days=facts.pop("took", 10)), "sold_at": sold_at}
    ProductListing.objects.filter(pk=listing.pk).update(**moments, **facts)
    return ProductListing.objects.get(pk=listing.pk)


PRODUCTS: list[dict[str, Any]] = [
    {"id": 230, "brand": "Sony", "model": "a6400", "full_name": "Sony a6400"},
    {"id": 231, "brand": "SONY", "model": "A6000", "full_name": "Sony a6000"},
    {"id": 90, "brand": "Nikon", "model": "D750", "full_name": "Nikon D750"},
]


def a_mixture(count: int = 14) -> list[ProductListing]:
    """Make sales with amounts that floats cannot hold, drawn with a seed."""
    draw = random.Random(7)
    sales = []
    for number in range(count):
        profit = None if number == 3 else Decimal(draw.randint(-9000, 20001)) * PENNY
        sales.append(
            a_sale(
                draw.random() * 60,
                product=PRODUCTS[number % 3],
                took=draw.randint(1, 40),
                final_profit=profit,
                profit_is_provisional=number in (4, 5),
                returned_at=clock.now() if number == 6 else None,
                purchase_price=Decimal(draw.randint(10000, 40001)) * PENNY,
            )
        )
    return sales


def count_of(client: Client, url: str) -> int:
    """Return how many listings the list at `url` has."""
    answer: Any = client.get(url)
    assert answer.status_code == 200, url
    assert not answer.context["cl"].questions.errors, url
    return int(answer.context["cl"].result_count)
