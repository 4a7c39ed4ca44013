from django.db import migrations, models
from django.db.models import F, OrderBy
from django.db.models.deletion import PROTECT
from django.db.models.functions import Upper

from integrations.indexes import BuildIndex, DropFieldIndex, DropIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("listings", "0010_tally"),
    ]

    operations = [
        BuildIndex(
            "productlisting",
            models.Index(
                Upper("brand"),
                OrderBy(F("created_at"), descending=True),
                OrderBy(F("id"), descending=True),
                F("state"),
                F("brand"),
                name="listing_brand_state_newest",
            ),
        ),
        DropIndex("productlisting", "listing_brand_newest"),
        BuildIndex(
            "productlisting",
            models.Index(fields=["state", "-state_changed_at", "-id"], name="listing_state_changed"),
        ),
        DropIndex("productlisting", "listing_state_entered"),
        BuildIndex("productlisting", models.Index(fields=["-asking_price", "-id"], name="listing_price")),
        BuildIndex(
            "productlisting", models.Index(fields=["-confidence_score", "-id"], name="listing_confidence")
        ),
        BuildIndex(
            "productlisting", models.Index(fields=["-state_changed_at", "-id"], name="listing_changed")
        ),
        BuildIndex(
            "productlisting",
            models.Index(fields=["product_id", "-created_at", "-id", "state"], name="listing_product_newest"),
        ),
        BuildIndex(
            "productlisting",
            models.Index(
                fields=[
                    *("sold_at", "id", "state", "brand", "model", "product_id", "session_id"),
                    *(
                        "final_profit",
                        "profit_is_provisional",
                        "returned_at",
                        "estimated_profit",
                        "asking_price",
                    ),
                    *("purchase_price", "ebay_sold_price", "ebay_fees", "shipping_cost"),
                    *(
                        "found_at",
                        "messaged_at",
                        "negotiating_at",
                        "purchased_at",
                        "received_at",
                        "listed_at",
                    ),
                ],
                condition=models.Q(state="SOLD"),
                name="listing_sales",
            ),
        ),
        DropIndex("productlisting", "listing_sold"),
        BuildIndex(
            "productlisting",
            models.Index(
                fields=["purchased_at", "brand", "asking_price", "purchase_price", "id"],
                condition=models.Q(purchased_at__isnull=False),
                name="listing_purchases",
            ),
        ),
        DropFieldIndex("productlisting", "identity", "_like"),
        DropFieldIndex("productlisting", "short_code", "_like"),
        DropFieldIndex("productlisting", "ebay_listing_id", "_like"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "transitionlog",
                    "listing",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=PROTECT,
                        related_name="history",
                        to="listings.productlisting",
                    ),
                )
            ],
            database_operations=[DropFieldIndex("transitionlog", "listing")],
        ),
    ]
