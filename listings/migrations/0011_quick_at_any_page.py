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
