"""Give the amounts that were kept before there was a ledger a line each, so that its sums are these amounts."""

from typing import Any

from django.db import migrations
from django.db.models import Q

# Both ways of postage were one amount until now: it opens as postage in.
KINDS = {
    "purchase_price": "purchase",
    "shipping_cost": "postage_in",
    "ebay_fees": "ebay_fees",
    "ebay_sold_price": "sale",
}
BATCH = 1000


def open_the_books(apps: Any, schema_editor: Any) -> None:
    listings, lines = apps.get_model("listings", "ProductListing"), apps.get_model("listings", "LedgerLine")
    known = Q()
    for column in KINDS:
        known |= Q(**{f"{column}__isnull": False})
    rows = listings.objects.filter(known).only("sold_at", "purchased_at", "created_at", *KINDS)
    batch = []
    for row in rows.iterator(chunk_size=BATCH):
        batch += [
            lines(
                listing_id=row.pk,
                kind=kind,
                amount=getattr(row, column),
                date=_day(row, kind),
                by="migration",
                note="Carried over when the ledger was opened.",
            )
            for column, kind in KINDS.items()
            if getattr(row, column) is not None
        ]
        if len(batch) >= BATCH:
            lines.objects.bulk_create(batch)
            batch = []
    lines.objects.bulk_create(batch)


def _day(row: Any, kind: str) -> Any:
    bought = row.purchased_at or row.created_at
    return (bought if kind in ("purchase", "postage_in") else row.sold_at or bought).date()


class Migration(migrations.Migration):
    dependencies = [("listings", "0004_selling")]
    operations = [migrations.RunPython(open_the_books, migrations.RunPython.noop)]
