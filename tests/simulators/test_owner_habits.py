"""What the demo's owner does is drawn beforehand: deals of both signs, prices that are known, pictures of their own."""

import io
from decimal import Decimal

from PIL import Image

from integrations.simulators import backlog, habits, pictures
from integrations.simulators.feed import demo_items
from integrations.simulators.sales import listed, sale_body


def test_the_sales_of_the_first_deals_show_both_signs() -> None:
    items = {item.id: item for item in demo_items()}
    outcomes, profits, left = [], [], 0
    for deal in backlog.deals():
        item, habit = items[deal.item_id], habits.foreseen(items[deal.item_id].url)
        price = habits.price_to_ask(str(item.price), str(item.product.sells_for - (item.price or 0)))
        if not (habit.photographs and habit.lists):
            left += 1
            continue
        offer = listed(
            {"sku": "x", "title": item.title, "brand": "", "model": "", "condition": "", "description": ""}
            | {"price": {"value": str(price), "currency": "GBP"}, "photos": []}
        )
        sale = sale_body(offer, with_fee=True)
        outcomes.append(offer.outcome)
        # Within three minutes of the demo.
        if (
            offer.outcome != "unsold"
            and habit.photographed_after + habit.listed_after + offer.sells_after < 150
        ):
            costs = (deal.agreed_price, deal.shipping_cost or "0", sale["ebay_fees"], sale["shipping_cost"])
            profits.append(Decimal(sale["sold_price"]) - sum(map(Decimal, costs)))
    assert set(outcomes) == {"sold", "late_fee", "unsold"}
    assert sum(profit > 0 for profit in profits) >= 4
    assert sum(profit < 0 for profit in profits) >= 1
    assert left >= 6


def test_a_price_is_not_guessed() -> None:
    assert habits.price_to_ask(None, "10.00") is habits.price_to_ask("10.00", None) is None
    assert habits.price_to_ask("3.00", "-2.00") == Decimal("9.00")


def test_every_look_and_view_is_a_picture_of_its_own() -> None:
    drawn = {
        pictures.camera(160, 120, look, view)
        for look in range(pictures.LOOKS)
        for view in range(pictures.VIEWS)
    }
    assert len(drawn) == pictures.LOOKS * pictures.VIEWS
    for content in drawn:
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("JPEG", (160, 120))
