"""What a file of listings, and one of the ledger, has in its columns."""

from decimal import Decimal

from django.conf import settings
from import_export.fields import Field
from import_export.resources import Resource

from integrations.admin.exports import Plain, Words
from listings import ledger, tax_year
from listings.models import LedgerLine


def _words(attribute: str, heading: str) -> Field:
    return Field(attribute, heading, Words())


def _plain(attribute: str, heading: str) -> Field:
    return Field(attribute, heading, Plain())


class ListingResource(Resource):
    """One row for each listing."""

    short_code = _words("short_code", "Code")
    title = _words("title", "Title")
    state = _words("get_state_display", "State")
    brand = _words("brand", "Brand")
    model = _words("model", "Model")
    confidence_score = _plain("confidence_score", "Confidence")
    location = _words("location", "Where")
    currency = Field(column_name="Currency", dehydrate_method=lambda row: settings.CURRENCY)
    asking_price = _plain("asking_price", "Asking price")
    estimated_profit = _plain("estimated_profit", "Estimated profit, gross")
    negotiated_price = _plain("negotiated_price", "Price agreed")
    purchase_price = _plain("purchase_price", "Price paid")
    shipping_cost = _plain("shipping_cost", "Postage, both ways")
    ebay_fees = _plain("ebay_fees", "eBay's fees")
    ebay_asking_price = _plain("ebay_asking_price", "Price on eBay")
    ebay_sold_price = _plain("ebay_sold_price", "Sold for")
    final_profit = _plain("final_profit", "Profit")
    profit_is_provisional = Field(
        column_name="Profit is provisional",
        dehydrate_method=lambda row: "yes" if row.profit_is_provisional else "",
    )
    returned_at = _plain("returned_at", "Returned")
    found_at = _plain("found_at", "Found")
    purchased_at = _plain("purchased_at", "Purchased")
    sold_at = _plain("sold_at", "Sold")
    ebay_listing_id = _words("ebay_listing_id", "eBay listing")
    marketplace_url = _words("marketplace_url", "Marketplace")
    id = _words("id", "Id")


def _effect(line: LedgerLine) -> Decimal:
    return ledger.effect(line.kind, line.amount)


class LedgerResource(Resource):
    """One row for each line. "Effect on profit" adds up: a cost and a refund count against it."""

    number = _plain("pk", "Line")
    date = _plain("date", "Date")
    year = Field(
        column_name="Tax year", dehydrate_method=lambda row: tax_year.label(tax_year.year_of(row.date))
    )
    short_code = _words("listing__short_code", "Code")
    title = _words("listing__title", "Title")
    kind = _words("get_kind_display", "Kind")
    amount = _plain("amount", "Amount as booked")
    effect = Field(column_name="Effect on profit", dehydrate_method=_effect)
    currency = Field(column_name="Currency", dehydrate_method=lambda row: settings.CURRENCY)
    note = _words("note", "Note")
    by = _words("by", "By")
    corrects = _plain("corrects_id", "Corrects line")
    created_at = _plain("created_at", "Booked")
